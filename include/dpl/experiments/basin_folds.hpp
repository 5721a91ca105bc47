// Tests in space of train over basins: folds or regions held out in turn (docs/basins.md).
#pragma once

#include "dpl/experiments/basin_series_run.hpp"
#include "dpl/experiments/verb.hpp"

namespace dpl {

/// Whether the configuration asks for basins.pub or basins.pur.
bool has_folds(const RunConfig& config);

/// **Collective:** trains without each fold in turn and scores it; one table of all held-out basins. Returns the exit
/// status.
int run_basin_folds(const VerbContext& context);

}  // namespace dpl
