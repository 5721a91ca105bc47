// The verb `train`: learns parameters from observed discharge.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Trains the parameter network of the configuration, then evaluates the test period. Returns the exit status.
int run_train(const VerbContext& context);

}  // namespace dpl
