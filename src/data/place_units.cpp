// Tables of units and variables of places.
#include "place_units.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kAny = std::numeric_limits<double>::max();

struct Unit {
  std::string_view spellings;  // with | between them
  UnitConversion conversion;
};

constexpr Unit kWater[] = {{"mm/day|mm d-1|mm day-1|mm/d|mm d^-1|kg m-2 d-1|mm", {}},
                           {"mm/h|mm h-1|mm hr-1", {24}},
                           {"mm s-1|kg m-2 s-1", {86400}},
                           {"m/day|m d-1", {1000}},
                           {"cm/day|cm d-1", {10}},
                           {"in/day|in d-1|inches/day", {25.4}}};
constexpr Unit kTemperature[] = {{"degC|C|deg_C|degrees_Celsius|celsius", {}},
                                 {"K|kelvin", {1, -273.15}},
                                 {"degF|F|degree_fahrenheit", {1 / 1.8, -32 / 1.8}}};
constexpr Unit kRadiation[] = {{"W m-2|W/m2|W m^-2", {}}, {"MJ m-2 d-1|MJ/m2/day|MJ m-2 day-1", {1e6 / 86400}}};
constexpr Unit kPressure[] = {{"Pa", {}}, {"hPa|mbar", {100}}, {"kPa", {1000}}};
constexpr Unit kDuration[] = {{"s|seconds", {}}, {"h|hours", {3600}}};
constexpr Unit kArea[] = {{"km2|km^2|km**2", {}}, {"m2|m^2", {1e-6}}, {"ha", {0.01}}, {"mi2", {2.589988110336}}};
constexpr Unit kElevation[] = {{"m|meter|meters|metre|metres", {}}, {"ft|feet", {0.3048}}, {"km", {1000}}};
constexpr Unit kDegrees[] = {{"degrees_north|degrees_east|degree_north|degree_east|degrees|degree", {}}};
constexpr Unit kFlow[] = {
    {"mm/day|mm d-1|mm day-1|mm/d|mm d^-1|kg m-2 d-1|mm", {}},
    {"mm/h|mm h-1|mm hr-1", {24}},
    {"mm s-1|kg m-2 s-1", {86400}},
    {"m/day|m d-1", {1000}},
    {"m3 s-1|m3/s|m^3 s^-1|m^3/s|m**3 s**-1|m3 s^-1|m3s-1|m^3 s-1|m**3 s-1|m3 s**-1|m**3/s", {1, 0, true}},
    {"ft3 s-1|ft3/s|cfs", {0.028316846592, 0, true}},
    {"L s-1|l s-1|L/s|l/s", {0.001, 0, true}}};
constexpr Unit kSoilMoisture[] = {{"m3 m-3|m3/m3|m^3 m^-3|1", {}}, {"percent|%", {0.01}}};
constexpr Unit kDepth[] = {{"mm|kg m-2", {}}, {"cm", {10}}, {"m", {1000}}};

std::span<const Unit> units_of(PlaceQuantity quantity) {
  switch (quantity) {
    case PlaceQuantity::water_mm_day:
      return kWater;
    case PlaceQuantity::temperature_degc:
      return kTemperature;
    case PlaceQuantity::radiation_wm2:
      return kRadiation;
    case PlaceQuantity::pressure_pa:
      return kPressure;
    case PlaceQuantity::duration_s:
      return kDuration;
    case PlaceQuantity::area_km2:
      return kArea;
    case PlaceQuantity::elevation_m:
      return kElevation;
    case PlaceQuantity::degrees:
      return kDegrees;
    case PlaceQuantity::flow:
      return kFlow;
    case PlaceQuantity::soil_moisture:
      return kSoilMoisture;
    case PlaceQuantity::depth_mm:
      return kDepth;
    case PlaceQuantity::unchecked:
      return {};
  }
  return {};
}

constexpr PlaceVariable kForcing[] = {{"precipitation", PlaceQuantity::water_mm_day, 0, 3000},
                                      {"temperature_mean", PlaceQuantity::temperature_degc, -100, 70},
                                      {"temperature_min", PlaceQuantity::temperature_degc, -100, 70},
                                      {"temperature_max", PlaceQuantity::temperature_degc, -100, 70},
                                      {"potential_evapotranspiration", PlaceQuantity::water_mm_day, 0, 300},
                                      {"shortwave_radiation", PlaceQuantity::radiation_wm2, -10, 2000},
                                      {"longwave_radiation", PlaceQuantity::radiation_wm2, -10, 2000},
                                      {"vapour_pressure", PlaceQuantity::pressure_pa, 0, 20000},
                                      {"day_length", PlaceQuantity::duration_s, 0, 86400}};
// Outside these ranges an observation counts as missing.
constexpr PlaceVariable kObserved[] = {{"streamflow", PlaceQuantity::flow, 0, kAny},
                                       {"soil_moisture", PlaceQuantity::soil_moisture, 0, 1},
                                       {"evapotranspiration", PlaceQuantity::water_mm_day, -kAny, kAny},
                                       {"snow_water_equivalent", PlaceQuantity::depth_mm, 0, kAny}};

const PlaceVariable* find(std::span<const PlaceVariable> table, std::string_view name) {
  const auto at = std::find_if(table.begin(), table.end(), [&](const PlaceVariable& v) { return v.name == name; });
  return at == table.end() ? nullptr : &*at;
}

bool is_one_of(std::string_view unit, std::string_view spellings) {
  while (!spellings.empty()) {
    const auto bar = spellings.find('|');
    if (spellings.substr(0, bar) == unit) return true;
    spellings = bar == std::string_view::npos ? std::string_view{} : spellings.substr(bar + 1);
  }
  return false;
}

std::string_view first_spelling(const Unit& unit) { return unit.spellings.substr(0, unit.spellings.find('|')); }

}  // namespace

const PlaceVariable* find_forcing_variable(std::string_view name) { return find(kForcing, name); }
const PlaceVariable* find_observed_variable(std::string_view name) { return find(kObserved, name); }

std::string unit_name(PlaceQuantity quantity) {
  const auto units = units_of(quantity);
  return units.empty() ? std::string{} : std::string(first_spelling(units.front()));
}

UnitConversion conversion_of(const NetcdfFile& file, const std::string& variable, PlaceQuantity quantity) {
  const auto units = units_of(quantity);
  if (units.empty()) return {};
  std::string found = file.text_attribute(variable, "units"), understood;
  while (!found.empty() && found.back() == ' ') found.pop_back();
  for (const Unit& unit : units) {
    if (is_one_of(found, unit.spellings)) return unit.conversion;
    understood += (understood.empty() ? "" : ", ") + std::string(first_spelling(unit));
  }
  if (found.empty()) fail("{}: variable {} has no units; understood are {}", file.path(), variable, understood);
  fail("{}: variable {} has the units \"{}\"; understood are {}; give it one of these or convert the values",
       file.path(), variable, found, understood);
}

}  // namespace dpl
