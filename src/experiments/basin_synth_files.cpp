// Files of a twin of places.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/random.hpp"
#include "dpl/experiments/basin_synth.hpp"
#include "synth_twin.hpp"

namespace dpl {
namespace {

constexpr double kMoistureNoise = 0.02;  // m3/m3, deviation of an observation's error
constexpr double kGaps = 0.03;           // share of days without an observation
constexpr float kMissing = -9999.0f;
// Items of the noise's keys beside those of gauges.
constexpr std::uint64_t kFlow = 1u << 30, kMoisture = 2u << 30, kGap = 3u << 30;

struct Writer {
  const RunConfig& config;
  const BasinTwin& twin;

  NetcdfFile begin(const std::string& path, const std::string& title) const {
    make_folder_of(path);
    auto file = NetcdfFile::create_local(path);
    put_twin_header(file, config, title);
    file.define_dimension("place", static_cast<Count>(twin.place_id.size()));
    file.define_dimension("strlen_place_id", 8);
    file.define_variable("place_id", "char", {"place", "strlen_place_id"});
    file.put_attribute("place_id", "cf_role", "timeseries_id");
    return file;
  }

  void define_time(NetcdfFile& file) const {
    file.define_dimension("time", config.synth.days);
    define_twin_variable(file, "time", "double", {"time"}, "days since " + config.synth.start + " 00:00:00",
                         "start of the day");
    file.put_attribute("time", "calendar", "proleptic_gregorian");
    file.put_attribute("time", "standard_name", "time");
  }

  void define_series(NetcdfFile& file, const std::string& name, const std::string& units,
                     const std::string& meaning) const {
    define_twin_variable(file, name, "float", {"place", "time"}, units, meaning, 1);
  }

  // [day][place] as (place, time).
  void write_series(NetcdfFile& file, const std::string& name, const std::vector<double>& values) const {
    const std::size_t places = twin.place_id.size(), days = values.size() / places;
    std::vector<float> out(values.size());
    for (std::size_t d = 0; d < days; ++d)
      for (std::size_t k = 0; k < places; ++k) out[k * days + d] = static_cast<float>(values[d * places + k]);
    file.write(name, out);
  }

  void write_ids(NetcdfFile& file) const { file.write_strings("place_id", twin.place_id); }
  void write_axes(NetcdfFile& file) const {
    write_ids(file);
    file.write("time", count_up(config.synth.days, 1));
  }

  void forcing() const {
    auto file = begin(config.data_sources.forcing, "Synthetic forcing of places");
    define_time(file);
    define_series(file, "precipitation", "mm/day", "precipitation");
    define_series(file, "temperature_mean", "degC", "mean air temperature");
    define_series(file, "potential_evapotranspiration", "mm/day", "potential evapotranspiration (Oudin)");
    const std::pair<const char*, const char*> numbers[] = {
        {"latitude", "degrees_north"}, {"longitude", "degrees_east"}, {"area_km2", "km2"}, {"elevation_m", "m"}};
    for (const auto& [name, units] : numbers) define_twin_variable(file, name, "double", {"place"}, units, name);
    if (!twin.hru_reach.empty())
      define_twin_variable(file, "hru_reach", "int64", {"place"}, "", "reach the place drains into, 0 = none");
    write_axes(file);
    if (!twin.hru_reach.empty()) file.write("hru_reach", twin.hru_reach);
    write_series(file, "precipitation", twin.precipitation_mm_day);
    write_series(file, "temperature_mean", twin.temperature_degc);
    write_series(file, "potential_evapotranspiration", twin.pet_mm_day);
    file.write("latitude", twin.latitude_deg);
    file.write("longitude", twin.longitude_deg);
    file.write("area_km2", twin.area_km2);
    file.write("elevation_m", twin.elevation_m);
    file.close();
  }

  void attributes() const {
    auto file = begin(config.data_sources.attributes, "Synthetic attributes of places");
    for (const auto& name : twin.attribute_names)
      define_twin_variable(file, name, "double", {"place"},
                           name == "mean_precipitation" ? "mm/day"
                           : name == "mean_temperature" ? "degC"
                                                        : "1",
                           "synthetic attribute");
    write_ids(file);
    for (std::size_t a = 0; a < twin.attributes.size(); ++a) file.write(twin.attribute_names[a], twin.attributes[a]);
    file.close();
  }

  // With noise and gaps.
  std::vector<double> observed(const std::vector<double>& truth, std::uint64_t item, bool relative) const {
    const std::size_t places = twin.place_id.size();
    std::vector<double> out(truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const std::size_t k = i % places;
      const auto day = static_cast<std::uint64_t>(i / places);
      const double noise = random_normal({config.seed, Purpose::synth_noise, item + k, day});
      const bool gap = random_uniform({config.seed, Purpose::synth_noise, item + kGap + k, day}) < kGaps;
      out[i] = gap        ? static_cast<double>(kMissing)
               : relative ? truth[i] * std::max(0.0, 1 + config.synth.noise * noise)
                          : std::clamp(truth[i] + kMoistureNoise * noise, 0.0, 1.0);
    }
    return out;
  }

  void observations() const {
    auto file = begin(config.data_sources.observations, "Synthetic observations of places");
    define_time(file);
    define_series(file, "streamflow", "mm/day", "observed streamflow (the truth with noise)");
    define_series(file, "soil_moisture", "m3 m-3", "observed soil moisture a + b SM/FC (the truth with noise)");
    for (const char* name : {"streamflow", "soil_moisture"})
      file.put_attribute(name, "missing_value", static_cast<double>(kMissing));
    std::vector<double> moisture(twin.soil_wetness.size());
    const std::size_t places = twin.place_id.size();
    for (std::size_t i = 0; i < moisture.size(); ++i)
      moisture[i] = twin.moisture_offset[i % places] + twin.moisture_slope[i % places] * twin.soil_wetness[i];
    write_axes(file);
    write_series(file, "streamflow", observed(twin.streamflow_mm_day, kFlow, true));
    write_series(file, "soil_moisture", observed(moisture, kMoisture, false));
    file.close();
  }

  void truth(const std::string& path) const {
    auto file = begin(path, "True parameters, fluxes and states of synthetic places");
    define_time(file);
    for (std::size_t p = 0; p < twin.parameters.size(); ++p)
      define_twin_variable(file, twin.parameter_names[p], "double", {"place"}, twin.parameter_units[p],
                           "true parameter");
    const std::pair<const char*, const std::vector<double>*> further[] = {
        {"unit_hydrograph_a", &twin.hydrograph_a},
        {"unit_hydrograph_b", &twin.hydrograph_b},
        {"soil_moisture_offset", &twin.moisture_offset},
        {"soil_moisture_slope", &twin.moisture_slope}};
    for (const auto& [name, values] : further)
      define_twin_variable(file, name, "double", {"place"}, "", "true parameter");
    define_series(file, "streamflow", "mm/day", "true streamflow");
    define_series(file, "evapotranspiration", "mm/day", "true evapotranspiration");
    define_series(file, "soil_moisture", "mm", "true soil moisture SM");
    define_series(file, "snow_water", "mm", "true snow and the liquid water in it");
    write_axes(file);
    for (std::size_t p = 0; p < twin.parameters.size(); ++p) file.write(twin.parameter_names[p], twin.parameters[p]);
    for (const auto& [name, values] : further) file.write(name, *values);
    write_series(file, "streamflow", twin.streamflow_mm_day);
    write_series(file, "evapotranspiration", twin.evapotranspiration_mm_day);
    write_series(file, "soil_moisture", twin.soil_moisture_mm);
    write_series(file, "snow_water", twin.snow_water_mm);
    file.close();
  }

  void lists() const {
    for (const bool held : {false, true}) {
      const std::string& path = held ? config.basins.holdout : config.basins.train;
      make_folder_of(path);
      std::ofstream out(path);
      out << "# made by dpl_hpc synth: " << (held ? "every fourth place" : "all others") << "\n";
      for (std::size_t k = 0; k < twin.place_id.size(); ++k)
        if ((k % 4 == 3) == held) out << twin.place_id[k] << "\n";
      out.flush();
      if (!out) fail("{}: cannot be written", path);
    }
  }
};

// Lists have no attribute that says who made them: the first line does.
void refuse_foreign_list(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (in && std::getline(in, line) && line.find("made by dpl_hpc synth") == std::string::npos)
    fail("{}: exists and was not made by synth; it is not overwritten. Choose another path", path);
}

}  // namespace

std::string places_truth_path(const RunConfig& config) {
  return (std::filesystem::path(config.data_sources.forcing).parent_path() / "truth_places.nc").string();
}

void write_places_of_reaches(const RunConfig& config, const BasinTwin& twin) {
  const Writer writer{config, twin};
  writer.forcing();
  writer.attributes();
  writer.truth(places_truth_path(config));
}

void write_basin_twin(const RunConfig& config, bool only_check) {
  const DataSources& s = config.data_sources;
  if (s.forcing.empty() || s.attributes.empty() || s.observations.empty())
    fail("config: synth of places writes forcing, attributes and observations; set these three data_sources");
  const std::string truth = (std::filesystem::path(s.forcing).parent_path() / "truth.nc").string();
  for (const auto& path : {s.forcing, s.attributes, s.observations, truth}) refuse_foreign(path);
  if (config.basins.holdout.empty() != config.basins.train.empty())
    fail("config: synth of places writes both lists or none; set both basins.train and basins.holdout");
  for (const auto& path : {config.basins.train, config.basins.holdout}) refuse_foreign_list(path);
  if (only_check) return;
  const BasinTwin twin = make_basin_twin(config);
  const Writer writer{config, twin};
  writer.forcing();
  writer.attributes();
  writer.observations();
  writer.truth(truth);
  if (!config.basins.holdout.empty()) writer.lists();
  log_info("twin domain of seed {}: {} places, {} days from {}, HBV {}, streamflow with {:.0f} % noise", config.seed,
           twin.place_id.size(), config.synth.days, config.synth.start, config.runoff.variant,
           100 * config.synth.noise);
  for (const auto& path : {s.forcing, s.attributes, s.observations, truth}) log_info("  {}", path);
}

}  // namespace dpl
