// Rows of a variable of days and places, whichever dimension comes first; ids of places.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dpl/data/forcing.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "place_units.hpp"

namespace dpl {

/// The texts with `between` between them.
std::string joined(std::span<const std::string> texts, std::string_view between = ", ");

/// True for dimensions (place, time) and (time, place).
bool is_of_days_and_places(const NetcdfFile& file, const std::string& variable);

/// Text of variable place_id(place). Throws Error where there is none, or it is not text.
std::vector<std::string> read_place_ids(const NetcdfFile& file);

/// Row of every id. Throws Error for ids that are empty, not plain text, or come twice.
std::unordered_map<std::string, Index> rows_of_place_ids(const std::vector<std::string>& ids, const std::string& path);

/// The daily axis: day of the first row since 1970-01-01 and number of rows. Throws Error for other steps and starts.
struct DayAxis {
  Count first_day = 0, days = 0;
};
DayAxis day_axis(const NetcdfFile& file, const std::vector<double>& time);

/// **Local:** converted values of rows [first_row, end_row) of the places at file rows `places` (any order, repeats
/// allowed) into values[row - first_row][position in places]; NaN where missing. Each chunk is decoded about once, in
/// tiles of at most `tile_values` numbers (or a chunk, where that is more), which bounds the memory beside the result.
void read_place_rows(const NetcdfFile& file, const std::string& variable, const UnitConversion& conversion,
                     std::span<const Index> places, Count first_row, Count end_row, std::span<float> values,
                     Count tile_values = Count{1} << 22);

}  // namespace dpl
