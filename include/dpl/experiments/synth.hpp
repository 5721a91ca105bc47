// The verb `synth`: makes a twin domain from a seed.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Writes network, attributes, true parameters, inflow and observations of a synthetic basin. Returns the exit status.
int run_synth(const VerbContext& context);

}  // namespace dpl
