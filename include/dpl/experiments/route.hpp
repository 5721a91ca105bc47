// The verb `route`: routes lateral inflow with fixed or stored parameters.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Routes without a network or observations and writes discharge and state. Returns the exit status.
int run_route(const VerbContext& context);

}  // namespace dpl
