// What is kept of a step of an experiment: step.json in its folder.
#pragma once

#include <optional>
#include <string>

#include "dpl/experiments/experiment_plan.hpp"

namespace dpl {

struct StepRecord {
  bool finished = false;
  double seconds = 0;    ///< of all its starts so far
  int ranks = 0;         ///< of the last start
  std::string settings;  ///< resolved YAML without what may differ; the experiment's folder is `EXPERIMENT`
};

/// The settings of a step that its results depend on, as they are stored.
std::string comparable_settings(const ExperimentPlan& plan, const ExperimentStep& step);

/// **Local:** step.json, nothing where there is none. Throws Error where it cannot be read or was written for other
/// settings than the step has now: the message names the first key that differs.
std::optional<StepRecord> read_step_record(const ExperimentPlan& plan, const ExperimentStep& step);

/// **Local:** writes step.json under a temporary name and renames it.
void write_step_record(const ExperimentStep& step, const StepRecord& record);

}  // namespace dpl
