// Units of what files of places hold: those taken as they are, those converted, and the range a value can have.
#pragma once

#include <string>
#include <string_view>

#include "dpl/data/netcdf_file.hpp"

namespace dpl {

enum class PlaceQuantity {
  water_mm_day,
  temperature_degc,
  radiation_wm2,
  pressure_pa,
  duration_s,
  area_km2,
  elevation_m,
  degrees,
  flow,
  soil_moisture,
  depth_mm,
  unchecked
};

/// value in the format's unit = stored x factor + offset
struct UnitConversion {
  double factor = 1, offset = 0;
  bool per_area = false;  ///< a flow in m3/s after the factor, to be divided by the place's area
  double operator()(double stored) const { return stored * factor + offset; }
};

/// What the format says about a variable of days and places.
struct PlaceVariable {
  std::string_view name;
  PlaceQuantity quantity;
  double low, high;  ///< values outside cannot be
};

/// nullptr for variables that the format does not name.
const PlaceVariable* find_forcing_variable(std::string_view name);
const PlaceVariable* find_observed_variable(std::string_view name);

/// Name of the unit after conversion.
std::string unit_name(PlaceQuantity quantity);

/// From the variable's attribute `units`. Throws Error naming file, variable, units and those that are understood.
UnitConversion conversion_of(const NetcdfFile& file, const std::string& variable, PlaceQuantity quantity);

}  // namespace dpl
