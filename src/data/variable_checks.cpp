// Units by their usual spellings; dimensions by name; rows by id.
#include "dpl/data/variable_checks.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

const std::vector<std::string>& spellings(Quantity quantity) {
  static const std::vector<std::string> length{"m", "meter", "meters", "metre", "metres"};
  static const std::vector<std::string> ratio{"", "1", "-", "m/m", "m m-1", "m m^-1"};
  static const std::vector<std::string> area{"km2", "km^2", "km**2"};
  static const std::vector<std::string> discharge{"m3 s-1", "m3/s", "m^3 s^-1", "m^3/s", "m**3 s**-1", "m3 s^-1", "m3s-1",
                                                  "m^3 s-1", "m**3 s-1", "m3 s**-1", "m**3/s"};
  static const std::vector<std::string> seconds{"s", "second", "seconds", "sec"};
  static const std::vector<std::string> hours{"", "h", "hour", "hours", "hr"};
  switch (quantity) {
    case Quantity::length_m: return length;
    case Quantity::ratio: return ratio;
    case Quantity::area_km2: return area;
    case Quantity::discharge_m3s: return discharge;
    case Quantity::seconds: return seconds;
    default: return hours;
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

void check_units(const NetcdfFile& file, const std::string& variable, Quantity quantity) {
  const auto& allowed = spellings(quantity);
  const std::string units = file.text_attribute(variable, "units");
  if (std::find(allowed.begin(), allowed.end(), units) != allowed.end()) return;
  const std::string wanted = allowed.front().empty() ? allowed[1] : allowed.front();
  if (units.empty()) fail("{}: variable {} has no units; they must be {}", file.path(), variable, wanted);
  fail("{}: variable {} has the units \"{}\"; they must be {}; convert the values", file.path(), variable, units, wanted);
}

void check_dimensions(const NetcdfFile& file, const std::string& variable, const std::vector<std::string>& names) {
  const auto found = file.dimension_names(variable);
  if (found != names)
    fail("{}: variable {} has the dimensions ({}); they must be ({})", file.path(), variable, joined(found), joined(names));
}

Count dimension_size(const NetcdfFile& file, const std::string& variable, const std::string& dimension) {
  const auto names = file.dimension_names(variable);
  const auto at = std::find(names.begin(), names.end(), dimension);
  if (at == names.end())
    fail("{}: variable {} has the dimensions ({}); {} is needed", file.path(), variable, joined(names), dimension);
  return file.shape(variable)[at - names.begin()];
}

std::vector<double> read_time(const NetcdfFile& file) {
  check_dimensions(file, "time", {"time"});
  auto time = file.read("time");
  const std::string bounds = file.text_attribute("time", "bounds");
  if (bounds.empty() || time.empty() || !file.has_variable(bounds)) return time;
  const std::string units = file.text_attribute(bounds, "units");
  if (file.shape(bounds) != std::vector<Count>{static_cast<Count>(time.size()), 2} ||
      (!units.empty() && units != file.text_attribute("time", "units")))
    return time;
  const auto first = file.read(bounds, std::vector<Count>{0, 0}, std::vector<Count>{1, 2});
  if (const double length = first[1] - first[0]; std::abs(time[0] - first[0]) > 1e-3 * std::abs(length))
    fail("{}: time is {} in row 0, by its bounds {} the interval is {} to {}; time must be the start of the interval", file.path(),
         time[0], bounds, first[0], first[1]);
  return time;
}

std::vector<Count> rows_of_ids(const NetcdfFile& file, const std::vector<std::int64_t>& file_ids,
                               const std::vector<ReachId>& wanted) {
  std::unordered_map<ReachId, Count> row;
  for (std::size_t k = 0; k < file_ids.size(); ++k)
    if (!row.emplace(file_ids[k], static_cast<Count>(k)).second)
      fail("{}: variable reach_id holds {} twice (rows {} and {}); ids must be unique", file.path(), file_ids[k],
           row.at(file_ids[k]), k);
  std::vector<Count> rows;
  std::string missing;
  int count = 0;
  for (const ReachId id : wanted) {
    const auto it = row.find(id);
    rows.push_back(it == row.end() ? -1 : it->second);
    if (it == row.end() && count++ < 5) missing += (missing.empty() ? "" : ", ") + std::to_string(id);
  }
  if (count > 0)
    fail("{}: no row for {} reach{} of the network: {}{}; every reach_id of the network must be in the file", file.path(),
         count, count == 1 ? "" : "es", missing, count > 5 ? ", ..." : "");
  return rows;
}

}  // namespace dpl
