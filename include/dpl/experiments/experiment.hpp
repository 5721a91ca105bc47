// The verb `experiment`: the steps of a list, one after the other, each the run of another verb.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective:** runs the steps of the list at `context.config_path` (experiment_plan.hpp) into OUTPUT/NAME. Finished
/// steps are kept, a step that was stopped half-way goes on. Returns 0, or kStoppedBySignal. Throws Error (a mistake in
/// the list, a finished step whose settings have changed, or what a step throws, with the step's name before it).
int run_experiment(const VerbContext& context);

}  // namespace dpl
