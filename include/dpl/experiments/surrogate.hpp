// Learning the parameters of a model without gradients (method section 1, g_A through a surrogate; docs/surrogate.md).
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** The verb `surrogate`. Returns the exit status.
int run_surrogate(const VerbContext& context);

/// **Collective.** The verb `simulate`: HBV 1.1p, one component, static parameters in physical values, one row a run;
/// rank 0 does it. Returns the exit status.
int run_simulate(const VerbContext& context);

}  // namespace dpl
