// Reads forcing.nc: the header on all ranks, rows of places by each rank for itself.
#include "dpl/data/forcing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/data/variable_checks.hpp"
#include "place_rows.hpp"
#include "place_units.hpp"

namespace dpl {
namespace {

struct PlaceNumber {
  const char* name;
  PlaceQuantity quantity;
  double low, high;
  std::vector<double> ForcingHeader::*values;
};

constexpr PlaceNumber kPlaceNumbers[] = {
    {"latitude", PlaceQuantity::degrees, -90, 90, &ForcingHeader::latitude_deg},
    {"longitude", PlaceQuantity::degrees, -180, 360, &ForcingHeader::longitude_deg},
    {"area_km2", PlaceQuantity::area_km2, 0, 1e8, &ForcingHeader::area_km2},
    {"elevation_m", PlaceQuantity::elevation_m, -1000, 9000, &ForcingHeader::elevation_m},
};

std::vector<double> read_place_number(const NetcdfFile& file, const PlaceNumber& what, std::size_t places) {
  if (!file.has_variable(what.name)) return std::vector<double>(places, std::numeric_limits<double>::quiet_NaN());
  check_dimensions(file, what.name, {"place"});
  const auto conversion = conversion_of(file, what.name, what.quantity);
  auto values = file.read(what.name);
  for (double& value : values) value = conversion(value);
  return values;
}

void check_place_number(const ForcingHeader& header, const PlaceNumber& what) {
  const auto& values = header.*what.values;
  for (std::size_t k = 0; k < values.size(); ++k)
    if (!std::isnan(values[k]) && !(values[k] >= what.low && values[k] <= what.high))
      fail("{}: {} of place {} is {}; allowed: {}..{} ({}), or missing", header.path, what.name, header.place_id[k],
           values[k], what.low, what.high, unit_name(what.quantity));
}

void check_values(const ForcingHeader& header, const Forcing& forcing, std::size_t which, Gaps gaps) {
  const std::string& name = forcing.variables[which];
  const auto& values = forcing.values[which];
  const PlaceVariable* known = find_forcing_variable(name);
  const double low = known ? known->low : -std::numeric_limits<float>::max();
  const double high = known ? known->high : std::numeric_limits<float>::max();
  const std::size_t width = forcing.place.size();
  const auto where = [&](std::size_t k) {
    return fmt::format("place {} on {}", header.place_id[forcing.place[k % width]],
                       iso_date(forcing.first_day + static_cast<Count>(k / width)));
  };
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (std::isnan(values[k]) && gaps == Gaps::refuse)
      fail("{}: {} is missing at {} ({} of the {} values read); leave the place out of the list, or fill the gap",
           header.path, name, where(k),
           std::count_if(values.begin(), values.end(), [](float v) { return std::isnan(v); }), values.size());
    if (!std::isnan(values[k]) && !(values[k] >= low && values[k] <= high))
      fail("{}: {} is {} {} at {}; allowed: {}..{}; correct it, or its units, or mark it as missing", header.path, name,
           values[k], forcing_unit(name), where(k), low, high);
  }
}

}  // namespace

std::string forcing_unit(const std::string& variable) {
  const PlaceVariable* known = find_forcing_variable(variable);
  return known ? unit_name(known->quantity) : std::string{};
}

ForcingHeader read_forcing_header(const Communicator& comm, const std::string& path) {
  const auto file = NetcdfFile::open(comm, path);
  ForcingHeader header;
  header.path = path;
  header.place_id = read_place_ids(file);
  for (const auto& what : kPlaceNumbers) header.*what.values = read_place_number(file, what, header.place_id.size());
  if (file.has_variable("hru_reach")) {
    check_dimensions(file, "hru_reach", {"place"});
    header.reach_id = file.read_integers("hru_reach", 0);
  }
  const auto time = read_time(file);
  agree(comm, "forcing", [&] {
    rows_of_place_ids(header.place_id, path);
    if (header.place_id.empty()) fail("{}: holds no place", path);
    for (const auto& what : kPlaceNumbers) check_place_number(header, what);
    const DayAxis axis = day_axis(file, time);
    header.first_day = axis.first_day;
    header.days = axis.days;
    for (const auto& name : file.variable_names()) {
      const PlaceVariable* known = find_forcing_variable(name);
      if (!is_of_days_and_places(file, name)) {
        if (known) check_dimensions(file, name, {"place", "time"});
        continue;
      }
      if (known) conversion_of(file, name, known->quantity);
      header.variables.push_back(name);
    }
    if (header.variables.empty())
      fail("{}: no variable has the dimensions place and time; precipitation is the least", path);
  });
  return header;
}

std::vector<Index> reaches_of_places(const ForcingHeader& header, const RiverNetwork& network) {
  if (header.reach_id.empty())
    fail("{}: there is no variable hru_reach; it must name the reach that the runoff of each place enters",
         header.path);
  std::vector<Index> reaches;
  for (std::size_t k = 0; k < header.reach_id.size(); ++k) {
    const auto at = network.index_of.find(header.reach_id[k]);
    if (at == network.index_of.end() && header.reach_id[k] != 0)
      fail(
          "{}: hru_reach of place {} is {}, which is not in {}; correct it, or write 0 where the place drains out of "
          "the domain",
          header.path, header.place_id[k], header.reach_id[k], network.path);
    reaches.push_back(at == network.index_of.end() ? -1 : at->second);
  }
  return reaches;
}

const std::vector<float>& Forcing::of(const std::string& variable) const {
  const auto at = std::find(variables.begin(), variables.end(), variable);
  if (at == variables.end()) fail("forcing: {} was not read", variable);
  return values[static_cast<std::size_t>(at - variables.begin())];
}

Forcing read_forcing_local(const ForcingHeader& header, std::span<const Index> places,
                           const std::vector<std::string>& variables, Count first_day, Count end_day, Gaps gaps) {
  if (first_day < header.first_day || end_day > header.end_day() || first_day > end_day)
    fail("{}: the days {} to {} are asked for; the file has {} to {}", header.path, iso_date(first_day),
         iso_date(end_day - 1), iso_date(header.first_day), iso_date(header.end_day() - 1));
  for (const auto& name : variables)
    if (std::find(header.variables.begin(), header.variables.end(), name) == header.variables.end()) {
      const auto nearest = nearest_name(name, header.variables);
      fail("{}: there is no variable {} (place, time){}; the file has {}", header.path, name,
           nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest), joined(header.variables));
    }
  Forcing forcing{{places.begin(), places.end()}, first_day, end_day - first_day, variables, {}};
  const auto file = NetcdfFile::open_local(header.path);
  for (std::size_t k = 0; k < variables.size(); ++k) {
    const PlaceVariable* known = find_forcing_variable(variables[k]);
    auto& values = forcing.values.emplace_back(static_cast<std::size_t>(forcing.days) * places.size());
    read_place_rows(file, variables[k],
                    conversion_of(file, variables[k], known ? known->quantity : PlaceQuantity::unchecked), places,
                    first_day - header.first_day, end_day - header.first_day, values);
    check_values(header, forcing, k, gaps);
  }
  return forcing;
}

Forcing read_forcing(const Communicator& comm, const ForcingHeader& header, std::span<const Index> places,
                     const std::vector<std::string>& variables, Count first_day, Count end_day, Gaps gaps) {
  Forcing forcing;
  agree(comm, "forcing", [&] { forcing = read_forcing_local(header, places, variables, first_day, end_day, gaps); });
  return forcing;
}

}  // namespace dpl
