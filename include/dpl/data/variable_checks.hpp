// Checks of a variable's units and dimensions, with messages for the user.
#pragma once

#include <string>
#include <vector>

#include "dpl/data/netcdf_file.hpp"

namespace dpl {

enum class Quantity { length_m, ratio, area_km2, discharge_m3s, seconds, hours };

/// Throws Error naming the units found and those allowed. Missing units pass for `ratio` and `hours` only.
void check_units(const NetcdfFile& file, const std::string& variable, Quantity quantity);

/// Throws Error where the variable's dimensions are not as named.
void check_dimensions(const NetcdfFile& file, const std::string& variable, const std::vector<std::string>& names);

/// Length of a dimension that a variable is known to have.
Count dimension_size(const NetcdfFile& file, const std::string& variable, const std::string& dimension);

/// Values of the variable time(time). Throws Error where its bounds say that they are not the starts of the intervals.
std::vector<double> read_time(const NetcdfFile& file);

/// Row in the file of each of the wanted ids. Throws Error for ids of the file that come twice and wanted ids without a
/// row (names up to five).
std::vector<Count> rows_of_ids(const NetcdfFile& file, const std::vector<std::int64_t>& file_ids,
                               const std::vector<ReachId>& wanted);

}  // namespace dpl
