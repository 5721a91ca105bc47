// Reads attributes.nc and observations.nc of places.
#include "dpl/data/place_tables.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"
#include "place_rows.hpp"
#include "place_units.hpp"

namespace dpl {
namespace {

constexpr int kShown = 5;

std::vector<Index> attribute_rows(const std::string& path, const std::vector<std::string>& ids,
                                  const ForcingHeader& header, std::span<const Index> places) {
  const auto known = rows_of_place_ids(ids, path);
  std::vector<Index> rows;
  std::string missing;
  int count = 0;
  for (const Index place : places) {
    const auto at = known.find(header.place_id[place]);
    rows.push_back(at == known.end() ? -1 : at->second);
    if (at == known.end() && count++ < kShown) missing += (missing.empty() ? "" : ", ") + header.place_id[place];
  }
  if (count > 0)
    fail("{}: no row for {} place{}: {}{}; every place that takes part must be in the file", path, count,
         count == 1 ? "" : "s", missing, count > kShown ? ", ..." : "");
  return rows;
}

// Days of the file that are asked for, as rows of the file.
struct Overlap {
  Count first_row = 0, end_row = 0, skipped = 0;  // skipped: days asked for before the file's first
};

Overlap overlap(const DayAxis& axis, Count first_day, Count end_day) {
  const Count first = std::max(first_day, axis.first_day), end = std::min(end_day, axis.first_day + axis.days);
  if (first >= end) return {};
  return {first - axis.first_day, end - axis.first_day, first - first_day};
}

// Flow over the area; counts and takes out what cannot have been observed.
void finish(PlaceObservations& out, const PlaceVariable& what, const UnitConversion& conversion,
            const ForcingHeader& header, const std::vector<bool>& has_row) {
  const std::size_t width = out.place.size();
  out.present.assign(width, 0);
  for (std::size_t k = 0; k < width; ++k) {
    const double area = header.area_km2[out.place[k]];
    if (conversion.per_area && has_row[k] && !(area > 0))
      fail(
          "{}: {} is a volume, but area_km2 of place {} is {} in {}; give its area, the values in mm/day, or leave the "
          "place out",
          out.path, out.variable, header.place_id[out.place[k]], std::isnan(area) ? "missing" : fmt::format("{}", area),
          header.path);
    const double factor = conversion.per_area ? 86.4 / area : 1;  // m3/s over km2
    Count outside = 0;
    for (std::size_t at = k; at < out.values.size(); at += width) {
      float& value = out.values[at];
      if (std::isnan(value)) continue;
      if (!(std::isfinite(value) && value >= what.low && value <= what.high)) {
        ++outside;
        value = std::numeric_limits<float>::quiet_NaN();
        continue;
      }
      value = static_cast<float>(value * factor);
      ++out.present[k];
    }
    if (outside > 0)
      out.warnings.push_back(
          fmt::format("{}: {} value{} of {} at place {} cannot be (allowed: {}..{}) and count{} as missing", out.path,
                      outside, outside == 1 ? "" : "s", out.variable, header.place_id[out.place[k]], what.low,
                      what.high > 1e30 ? "" : fmt::format("{}", what.high), outside == 1 ? "s" : ""));
  }
}

void warn_of_empty(PlaceObservations& out, const ForcingHeader& header) {
  std::string ids;
  int count = 0;
  for (std::size_t k = 0; k < out.place.size(); ++k)
    if (out.present[k] == 0 && count++ < kShown) ids += (ids.empty() ? "" : ", ") + header.place_id[out.place[k]];
  if (count > 0)
    out.warnings.push_back(fmt::format("{}: {} place{} no value of {} from {} to {}: {}{}", out.path, count,
                                       count == 1 ? " has" : "s have", out.variable, iso_date(out.first_day),
                                       iso_date(out.first_day + out.days - 1), ids, count > kShown ? ", ..." : ""));
}

PlaceObservations read_local(const std::string& path, const std::string& variable, const std::vector<std::string>& ids,
                             const DayAxis& axis, const ForcingHeader& header, std::span<const Index> places,
                             Count first_day, Count end_day) {
  const auto file = NetcdfFile::open_local(path);
  const PlaceVariable* known = find_observed_variable(variable);
  const PlaceVariable what = known ? *known : PlaceVariable{variable, PlaceQuantity::unchecked, -1e38, 1e38};
  const UnitConversion conversion = conversion_of(file, variable, what.quantity);
  if (!is_of_days_and_places(file, variable)) check_dimensions(file, variable, {"place", "time"});
  PlaceObservations out;
  out.path = path;
  out.variable = variable;
  out.unit = known ? unit_name(what.quantity) : file.text_attribute(variable, "units");
  out.place.assign(places.begin(), places.end());
  out.first_day = first_day;
  out.days = end_day - first_day;
  out.values.assign(static_cast<std::size_t>(out.days) * places.size(), std::numeric_limits<float>::quiet_NaN());
  const auto known_rows = rows_of_place_ids(ids, path);
  std::vector<Index> rows;
  std::vector<std::size_t> position;
  std::vector<bool> has_row(places.size());
  for (std::size_t k = 0; k < places.size(); ++k)
    if (const auto at = known_rows.find(header.place_id[places[k]]); at != known_rows.end())
      rows.push_back(at->second), position.push_back(k), has_row[k] = true;
  const Overlap days = overlap(axis, first_day, end_day);
  std::vector<float> read(static_cast<std::size_t>(days.end_row - days.first_row) * rows.size());
  read_place_rows(file, variable, conversion, rows, days.first_row, days.end_row, read);
  for (Count day = 0; day < days.end_row - days.first_row; ++day)
    for (std::size_t k = 0; k < rows.size(); ++k)
      out.values[static_cast<std::size_t>(days.skipped + day) * places.size() + position[k]] =
          read[static_cast<std::size_t>(day) * rows.size() + k];
  finish(out, what, conversion, header, has_row);
  warn_of_empty(out, header);
  return out;
}

}  // namespace

Attributes read_place_attributes(const Communicator& comm, const std::string& path, const ForcingHeader& header,
                                 std::span<const Index> places, const std::vector<std::string>& names) {
  const auto file = NetcdfFile::open(comm, path);
  for (const auto& name : names) check_dimensions(file, name, {"place"});
  const auto ids = read_place_ids(file);
  std::vector<Index> rows;
  agree(comm, "attributes", [&] { rows = attribute_rows(path, ids, header, places); });
  const Count first = rows.empty() ? 0 : *std::min_element(rows.begin(), rows.end());
  const Count count = rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end()) - first + 1;
  Attributes a{names, 0, static_cast<Index>(places.size()), {}};
  a.values.resize(places.size() * names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto column = file.read(names[k], std::vector<Count>{first}, std::vector<Count>{count});
    agree(comm, "attributes", [&] {
      for (std::size_t r = 0; r < places.size(); ++r) {
        const double value = column[static_cast<std::size_t>(rows[r] - first)];
        if (std::isinf(value))
          fail("{}: {} of place {} is {}; allowed: any finite number, or missing (the mean is taken); correct it", path,
               names[k], header.place_id[places[r]], value);
        a.values[r * names.size() + k] = value;
      }
    });
  }
  return a;
}

PlaceObservations read_place_observations(const Communicator& comm, const std::string& path,
                                          const std::string& variable, const ForcingHeader& header,
                                          std::span<const Index> places, Count first_day, Count end_day) {
  const auto file = NetcdfFile::open(comm, path);
  const auto ids = read_place_ids(file);
  const auto time = read_time(file);
  PlaceObservations out;
  agree(comm, "observations",
        [&] { out = read_local(path, variable, ids, day_axis(file, time), header, places, first_day, end_day); });
  return out;
}

}  // namespace dpl
