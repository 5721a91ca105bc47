// The verb synth for places without a river: weather, attributes, true parameters and their runoff (docs/basins.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// A twin of synth.places basins over synth.days. Every number follows from the seed and the place's number.
struct BasinTwin {
  std::vector<std::string> place_id;
  std::vector<double> latitude_deg, longitude_deg, area_km2, elevation_m;  ///< [place]
  std::vector<std::int64_t> hru_reach;  ///< [place] reach_id it drains into, 0 = none; empty without a river
  std::vector<std::string> attribute_names;
  std::vector<std::vector<double>> attributes;                             ///< [attribute][place]
  std::vector<double> precipitation_mm_day, temperature_degc, pet_mm_day;  ///< [day][place]
  std::vector<std::string> parameter_names, parameter_units;
  std::vector<std::vector<double>> parameters;  ///< [parameter][place], one component
  std::vector<double> hydrograph_a, hydrograph_b, moisture_offset, moisture_slope;  ///< [place]
  std::vector<double> streamflow_mm_day, evapotranspiration_mm_day, soil_moisture_mm,
      soil_wetness, snow_water_mm;  ///< [day][place], true
};

/// Weather: rain on some days (more in winter), amounts exponential, both after the place's climate; temperature a
/// yearly wave with noise that lasts for days; Oudin's potential evapotranspiration. Attributes: precipitation,
/// temperature and frequency of rain of the climate, then a01, ... between -1 and 1. A true parameter lies at a share
/// sigmoid(index) of the runoff model's range (variant runoff.variant, static), its index a smooth function of three of
/// the attributes.
BasinTwin make_basin_twin(const RunConfig& config);

/// **Local:** of places that drain into reaches, writes forcing (with hru_reach), attributes and truth_places.nc beside the
/// forcing.
void write_places_of_reaches(const RunConfig& config, const BasinTwin& twin);
/// The path of that truth.
std::string places_truth_path(const RunConfig& config);

/// **Local:** writes forcing, attributes, observations (with noise and gaps), truth.nc beside the forcing, and where
/// basins.holdout is set the lists basins.train and basins.holdout (every fourth place held out).
void write_basin_twin(const RunConfig& config, bool only_check);

}  // namespace dpl
