// What a run over basins leaves behind in netCDF (docs/basins.md).
#pragma once

#include <string>
#include <vector>

#include "dpl/training/basin_model.hpp"

namespace dpl {

/// **Collective:** simulated and observed series of all places over a period, each rank its own places: dimensions
/// place, time; a file of all ranks.
/// @param series  with the observations of the period, [own place][day]
void write_runoff(const std::string& path, const BasinProblem& problem, const BasinSeries& series, const Period& period,
                  const BasinOutputs& simulated);

/// **Collective:** static parameters [own place][output] as BasinModel::static_parameters gives them: dimensions place,
/// component.
void write_basin_parameters(const std::string& path, const BasinProblem& problem, const BasinParameters& parameters,
                            std::span<const double> values);

}  // namespace dpl
