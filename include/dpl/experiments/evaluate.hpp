// The verb `evaluate`: scores given parameters at gauges over the test period.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Routes the test period and writes metrics and discharge. Returns the exit status.
int run_evaluate(const VerbContext& context);

}  // namespace dpl
