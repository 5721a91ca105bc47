// The variable of lateral_inflow.nc and the order of its dimensions.
#pragma once

#include "dpl/data/netcdf_file.hpp"

namespace dpl {

inline constexpr const char* kLateralInflow = "q_lateral";

/// True for q_lateral(time, reach), false for (reach, time); throws Error for anything else.
bool time_comes_first(const NetcdfFile& file);

}  // namespace dpl
