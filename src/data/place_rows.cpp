// Tiles of variables (place, time) and (time, place).
#include "place_rows.hpp"

#include <algorithm>
#include <utility>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/calendar.hpp"
#include "dpl/data/variable_checks.hpp"

namespace dpl {
namespace {

constexpr Count kDay = 86400;
// Along rows that lie one behind the other in the file it is quicker to read on than to jump over fewer values than
// this.
constexpr Count kReadOver = 4096;

using Column = std::pair<Index, std::size_t>;  // (row of the place in the file, position in the result)

struct Layout {
  bool time_first;
  Count chunk_rows, chunk_places;
};

Layout layout_of(const NetcdfFile& file, const std::string& variable) {
  const bool time_first = file.dimension_names(variable).front() == "time";
  const auto chunk = file.chunk_shape(variable);
  return {time_first, chunk[time_first ? 0 : 1], chunk[time_first ? 1 : 0]};
}

// Runs of columns that are read together: [first, end) in the sorted columns.
std::vector<std::span<const Column>> runs_of(std::span<const Column> columns, const Layout& layout, Count widest) {
  const Count gap = layout.time_first ? std::max(layout.chunk_places, kReadOver) : layout.chunk_places;
  std::vector<std::span<const Column>> runs;
  for (std::size_t first = 0; first < columns.size();) {
    std::size_t end = first + 1;
    while (end < columns.size() && columns[end].first - columns[end - 1].first <= gap &&
           columns[end].first - columns[first].first < widest)
      ++end;
    runs.push_back(columns.subspan(first, end - first));
    first = end;
  }
  return runs;
}

struct Tile {
  Count first_row, rows;
  Index first_place;
  Count places;
};

template <class Stored>
void take(const std::vector<Stored>& stored, const Tile& tile, bool time_first, std::span<const Column> run,
          std::size_t width, const UnitConversion& conversion, float* values) {
  const Count row_stride = time_first ? tile.places : 1, place_stride = time_first ? 1 : tile.rows;
  for (Count row = 0; row < tile.rows; ++row)
    for (const auto& [place, position] : run)
      values[static_cast<std::size_t>(row) * width + position] = static_cast<float>(
          conversion(static_cast<double>(stored[(place - tile.first_place) * place_stride + row * row_stride])));
}

}  // namespace

std::string joined(std::span<const std::string> texts, std::string_view between) {
  std::string all;
  for (const auto& text : texts) all.append(all.empty() ? "" : between).append(text);
  return all;
}

bool is_of_days_and_places(const NetcdfFile& file, const std::string& variable) {
  const auto names = file.dimension_names(variable);
  return names == std::vector<std::string>{"place", "time"} || names == std::vector<std::string>{"time", "place"};
}

std::vector<std::string> read_place_ids(const NetcdfFile& file) {
  if (!file.is_text("place_id"))
    fail("{}: variable place_id holds numbers; ids of places are text (char or string) with their leading zeros",
         file.path());
  if (const auto names = file.dimension_names("place_id"); names.empty() || names[0] != "place" || names.size() > 2)
    check_dimensions(file, "place_id", {"place", "length"});
  return file.read_strings("place_id");
}

std::unordered_map<std::string, Index> rows_of_place_ids(const std::vector<std::string>& ids, const std::string& path) {
  std::unordered_map<std::string, Index> rows;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    if (ids[k].empty()) fail("{}: variable place_id has no id in row {}", path, k);
    for (const unsigned char c : ids[k])
      if (c <= ' ' || c == ',' || c == '"' || c == '#')  // ids stand in messages, tables and lists
        fail(
            "{}: variable place_id holds a blank, control character, comma, quote or # in row {}; ids must be plain "
            "words",
            path, k);
    if (const auto [at, fresh] = rows.emplace(ids[k], static_cast<Index>(k)); !fresh)
      fail("{}: variable place_id holds {} twice (rows {} and {}); ids must be unique", path, ids[k], at->second, k);
  }
  return rows;
}

DayAxis day_axis(const NetcdfFile& file, const std::vector<double>& time) {
  const TimeAxis axis = time_axis_from_cf(time, file.text_attribute("time", "units"),
                                          file.text_attribute("time", "calendar"), file.path());
  if (axis.step_s != kDay)
    fail("{}: the time step is {} s; files of places are daily ({} s)", file.path(), axis.step_s, kDay);
  if (axis.start_s % kDay != 0)
    fail("{}: the first day starts at {}; days of places start at midnight (their own calendar: shift the axis)",
         file.path(), iso_time(axis.start_s));
  return {axis.start_s / kDay, axis.size};
}

void read_place_rows(const NetcdfFile& file, const std::string& variable, const UnitConversion& conversion,
                     std::span<const Index> places, Count first_row, Count end_row, std::span<float> values,
                     Count tile_values) {
  const Layout layout = layout_of(file, variable);
  const bool single = file.is_single(variable);
  std::vector<Column> columns;
  for (std::size_t k = 0; k < places.size(); ++k) columns.emplace_back(places[k], k);
  std::sort(columns.begin(), columns.end());
  const Count rows = end_row - first_row;
  // As long as possible along the dimension that lies together in the file.
  const Count widest =
      layout.time_first ? tile_values : std::max(layout.chunk_places, tile_values / std::max<Count>(1, rows));
  for (const auto run : runs_of(columns, layout, widest)) {
    const Index first_place = run.front().first;
    const Count width = run.back().first - first_place + 1;
    const Count high = std::max(layout.chunk_rows, tile_values / width / layout.chunk_rows * layout.chunk_rows);
    for (Count row = first_row; row < end_row;) {
      const Count end = std::min(end_row, row / layout.chunk_rows * layout.chunk_rows + high);
      const Tile tile{row, end - row, first_place, width};
      std::vector<Count> start{row, first_place}, count{tile.rows, width};
      if (!layout.time_first) std::swap(start[0], start[1]), std::swap(count[0], count[1]);
      float* into = values.data() + static_cast<std::size_t>(row - first_row) * places.size();
      if (single)
        take(file.read_single(variable, start, count), tile, layout.time_first, run, places.size(), conversion, into);
      else
        take(file.read(variable, start, count), tile, layout.time_first, run, places.size(), conversion, into);
      row = end;
    }
  }
}

}  // namespace dpl
