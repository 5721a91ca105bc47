// Tests in space of train over basins: folds or regions held out in turn (docs/basins.md).
#pragma once

#include "dpl/experiments/basin_series_run.hpp"
#include "dpl/experiments/verb.hpp"

namespace dpl {

/// Whether the configuration asks for basins.pub or basins.pur.
bool has_folds(const RunConfig& config);

struct BasinFold {
  std::string name;                   ///< number of a random fold, name of a region's list
  std::vector<std::string> held_out;  ///< ascending
};

/// **Collective:** what is held out in turn of the basins that can be trained on. Throws Error for lists that do not fit.
std::vector<BasinFold> basin_folds(const BasinProblem& probe);

/// **Collective:** trains without each fold in turn and scores it; one table of all held-out basins. Returns the exit
/// status.
int run_basin_folds(const VerbContext& context);

}  // namespace dpl
