// The list of an experiment: steps, their order, their configurations with all references resolved.
#pragma once

#include <string>
#include <vector>

#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// How a verb is told its run folder.
enum class StepFolder {
  resume,  ///< `resume=FOLDER`, where it goes on if it was stopped
  moved,   ///< it makes a folder of its own, which is moved to FOLDER when it is finished
  given    ///< its files are named by the configuration, `{here}/...`
};

/// One run: a step with one of its seeds.
struct ExperimentStep {
  std::string name;        ///< STEP, or STEP_SEED where the step has seeds
  std::string step, seed;  ///< as in the list; seed may be empty
  std::string verb;
  std::string config_path;  ///< from the folder where the program was started
  std::string folder;       ///< OUTPUT/NAME/steps/STEP[_SEED]
  std::string settings;     ///< resolved YAML, what a verb gets but for its folder
};

struct ExperimentPlan {
  std::string name, folder;  ///< folder: OUTPUT/NAME
  std::string text;          ///< the list as it was written
  std::vector<ExperimentStep> steps;
};

/// **Collective:** reads a list
///
///     name: NAME                # of the experiment
///     output: FOLDER            # default output
///     steps:
///       - {name: STEP, verb: VERB, config: FILE relative to the list, set: [key.sub=value, ...], seeds: [1, 2]}
///
/// `set` may hold lists (YAML anchors), which are taken in order. In its values `{step:STEP}` is the run folder of an
/// earlier step (of the same seed where that step has it), `{step:STEP/SEED}` that of one seed, `{seed}` the seed,
/// `{here}` the step's own folder (of synth, which has no other, `{step:ITS_NAME}` too). Of `overrides` (the command
/// line) `output=FOLDER` moves all, the others win in every step. Every configuration is read, so that mistakes show
/// before anything runs. Throws Error: `FILE:LINE`, key, value, what is allowed.
ExperimentPlan read_experiment(const Communicator& comm, const std::string& path,
                               const std::vector<std::string>& overrides);

/// How `verb` is told its run folder; of verbs that are not named: resume.
StepFolder step_folder_of(const std::string& verb);

}  // namespace dpl
