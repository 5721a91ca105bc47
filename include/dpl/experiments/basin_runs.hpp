// Runs over basins (docs/basins.md): what the verbs train and evaluate do where the configuration names a forcing and
// no river network.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Trains the parameter network on basins.train, then scores the test period. Returns the exit status.
int run_basin_train(const VerbContext& context);

/// **Collective.** Scores the network of params.source, or the ensemble of params.ensemble, over the test period. Returns the exit status.
int run_basin_evaluate(const VerbContext& context);

}  // namespace dpl
