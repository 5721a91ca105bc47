// The verb `verify`: compares the schemes with reference files.
#pragma once

#include "dpl/experiments/verb.hpp"

namespace dpl {

/// **Collective.** Runs forward and adjoint of every file; status 1 when a tolerance is exceeded. Returns the exit status.
int run_verify(const VerbContext& context);

}  // namespace dpl
