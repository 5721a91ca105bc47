// A twin of places whose runoff parameters are known.
#include "dpl/experiments/basin_synth.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/physics/pet.hpp"
#include "dpl/physics/runoff.hpp"
#include "dpl/physics/unit_hydrograph.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {
namespace {

// What a draw is for, below Purpose::synth_places.
enum class Draw : std::uint64_t { place, attribute, law, wet, amount, temperature };

RandomKey key(const RunConfig& config, Draw what, std::uint64_t item) {
  return {config.seed, Purpose::synth_places, static_cast<std::uint64_t>(what), item};
}

// 1 in the middle of January, -1 half a year later.
double winter(Count day) { return std::cos(2 * std::numbers::pi * static_cast<double>(day - 15) / 365.25); }

struct Climate {
  double rain_mm_year, temperature_degc, wet_share;
};

Climate climate_of(const RunConfig& config, std::size_t place) {
  const RandomKey k = key(config, Draw::place, place);
  return {600 + 1000 * random_uniform(k, 4), 3 + 11 * random_uniform(k, 5), 0.25 + 0.3 * random_uniform(k, 6)};
}

void make_places(const RunConfig& config, BasinTwin& twin) {
  const auto places = static_cast<std::size_t>(config.synth.places);
  twin.attribute_names = {"mean_precipitation", "mean_temperature", "wet_days"};
  twin.attributes.resize(3);
  for (std::size_t k = 0; k < places; ++k) {
    const RandomKey draws = key(config, Draw::place, k);
    const Climate climate = climate_of(config, k);
    twin.place_id.push_back(fmt::format("{:08}", k + 1));
    twin.latitude_deg.push_back(32 + 16 * random_uniform(draws, 0));
    twin.longitude_deg.push_back(-120 + 40 * random_uniform(draws, 1));
    twin.area_km2.push_back(50 * std::pow(60.0, random_uniform(draws, 2)));
    twin.elevation_m.push_back(100 + 1500 * random_uniform(draws, 3));
    twin.attributes[0].push_back(climate.rain_mm_year / 365.25);
    twin.attributes[1].push_back(climate.temperature_degc);
    twin.attributes[2].push_back(climate.wet_share);
  }
  for (Index a = 0; a < config.synth.attributes; ++a) {
    twin.attribute_names.push_back(fmt::format("a{:02}", a + 1));
    auto& values = twin.attributes.emplace_back();
    for (std::size_t k = 0; k < places; ++k)
      values.push_back(2 * random_uniform(key(config, Draw::attribute, k), static_cast<std::uint32_t>(a)) - 1);
  }
}

void make_weather(const RunConfig& config, BasinTwin& twin, Count first_day) {
  const std::size_t places = twin.place_id.size(), days = static_cast<std::size_t>(config.synth.days);
  for (auto* v : {&twin.precipitation_mm_day, &twin.temperature_degc, &twin.pet_mm_day}) v->resize(days * places);
  for (std::size_t k = 0; k < places; ++k) {
    const Climate climate = climate_of(config, k);
    double weather = 0;  // degC above the season, lasts for days
    bool wet = false;
    for (std::size_t d = 0; d < days; ++d) {
      const Count day = first_day + static_cast<Count>(d);
      const auto number = static_cast<std::uint32_t>(d);
      const double share = climate.wet_share * (1 + 0.4 * winter(day));
      wet =
          random_uniform(key(config, Draw::wet, k), number) < 0.7 * share + (wet ? 0.3 : 0);  // wet days: share in all
      const double amount = climate.rain_mm_year / 365.25 / climate.wet_share;
      const double u = random_uniform(key(config, Draw::amount, k), number);
      twin.precipitation_mm_day[d * places + k] = wet ? std::min(200.0, -amount * std::log(1 - u)) : 0;
      weather = 0.8 * weather + 2.4 * random_normal(key(config, Draw::temperature, k), number);
      const double t = climate.temperature_degc - 11 * winter(day) + weather;
      twin.temperature_degc[d * places + k] = t;
      const int of_year = static_cast<int>(day - day_from_civil(std::stoi(iso_date(day).substr(0, 4)), 1, 1)) + 1;
      twin.pet_mm_day[d * places + k] = oudin_pet(t, extraterrestrial_radiation(twin.latitude_deg[k], of_year));
    }
  }
}

// Shares of a range, between 0.12 and 0.88: a smooth function of three of the attributes, drawn by the parameter's
// number.
std::vector<double> shares(const RunConfig& config, const BasinTwin& twin, std::size_t parameter) {
  std::vector<double> index(twin.place_id.size(), 0.0);
  const RandomKey law = key(config, Draw::law, parameter);
  for (std::uint32_t term = 0; term < 3; ++term) {
    const auto a = 3 + random_index(law, static_cast<std::uint64_t>(config.synth.attributes), 2 * term);
    const double slope = (random_uniform(law, 2 * term + 1) < 0.5 ? -1 : 1) * (1.4 - 0.4 * term);
    for (std::size_t k = 0; k < index.size(); ++k)
      index[k] += slope * (term == 1 ? std::sin(1.5 * twin.attributes[a][k]) : twin.attributes[a][k]);
  }
  for (double& x : index) x = 1 / (1 + std::exp(-std::clamp(x, -2.0, 2.0)));
  return index;
}

void make_truth(const RunConfig& config, BasinTwin& twin) {
  const auto table = runoff_parameters(runoff_variant_from_name(config.runoff.variant));
  const auto scaled = [&](std::size_t number, double lower, double upper) {
    auto values = shares(config, twin, number);
    for (double& x : values) x = lower + x * (upper - lower);
    return values;
  };
  for (std::size_t p = 0; p < table.size(); ++p) {
    twin.parameter_names.emplace_back(table[p].name);
    twin.parameter_units.emplace_back(table[p].unit);
    twin.parameters.push_back(scaled(p, table[p].lower, table[p].upper));
  }
  twin.hydrograph_a = scaled(100, 0, kHydrographLargestA);
  twin.hydrograph_b = scaled(101, 0, config.runoff.hydrograph_b);
  twin.moisture_offset = scaled(102, 0, kLargestMoistureOffset);
  twin.moisture_slope = scaled(103, 0, kLargestMoistureSlope);
}

// The truth's runoff: the first year is run twice before, so that storages have forgotten their start.
void run_truth(const RunConfig& config, BasinTwin& twin) {
  RunoffOptions options;
  options.variant = runoff_variant_from_name(config.runoff.variant);
  options.catchments = static_cast<Index>(twin.place_id.size());
  options.components = 1;
  if (options.variant == RunoffVariant::hbv_2_0)
    options.area_km2 = twin.area_km2, options.elevation_m = twin.elevation_m;
  Runoff<double> model(options);
  std::vector<double> fixed;
  for (const auto& p : twin.parameters) fixed.insert(fixed.end(), p.begin(), p.end());
  const Count days = config.synth.days, year = std::min<Count>(days, 365);
  const std::size_t size = twin.precipitation_mm_day.size();
  std::vector<double> runoff(size), states;
  const auto forcing = [&](Count n) {
    return RunoffForcing<double>{twin.precipitation_mm_day.data(), twin.temperature_degc.data(), twin.pet_mm_day.data(),
                                 n};
  };
  for (int round = 0; round < 2; ++round) {
    model.forward(forcing(year), {fixed, {}}, states,
                  std::span(runoff).first(static_cast<std::size_t>(year) * twin.place_id.size()), {},
                  Runoff<double>::kNoTape);
    states.assign(model.final_states().begin(), model.final_states().end());
  }
  RunoffSeries<double> series;
  for (auto* v : {&twin.evapotranspiration_mm_day, &twin.soil_moisture_mm, &twin.soil_wetness, &twin.snow_water_mm, &twin.streamflow_mm_day})
    v->resize(size);
  series[static_cast<std::size_t>(RunoffOutput::evapotranspiration)] = twin.evapotranspiration_mm_day;
  series[static_cast<std::size_t>(RunoffOutput::soil_moisture)] = twin.soil_moisture_mm;
  series[static_cast<std::size_t>(RunoffOutput::soil_wetness)] = twin.soil_wetness;
  series[static_cast<std::size_t>(RunoffOutput::snow_water)] = twin.snow_water_mm;
  model.forward(forcing(days), {fixed, {}}, states, runoff, series, Runoff<double>::kNoTape);
  if (config.runoff.unit_hydrograph)
    UnitHydrograph<double>(twin.hydrograph_a, twin.hydrograph_b).forward(runoff, twin.streamflow_mm_day);
  else
    twin.streamflow_mm_day = runoff;
}

}  // namespace

BasinTwin make_basin_twin(const RunConfig& config) {
  if (config.synth.attributes < 3)
    fail("config: synth.attributes is {}; a twin of places needs at least 3, of which its truth is made",
         config.synth.attributes);
  BasinTwin twin;
  make_places(config, twin);
  make_weather(config, twin, parse_iso_date(config.synth.start, "synth.start"));
  make_truth(config, twin);
  run_truth(config, twin);
  return twin;
}

}  // namespace dpl
