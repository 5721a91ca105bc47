// Runs of runoff and routing together (docs/joint.md): what the verbs train and evaluate do where the configuration names
// a forcing and a river network.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Trains the networks of places and channels at the gauges, then scores the test period. Returns the exit
/// status.
int run_joint_train(const VerbContext& context);

/// **Collective.** Scores the networks of params.source over the test period. Returns the exit status.
int run_joint_evaluate(const VerbContext& context);

}  // namespace dpl
