// Writers of runoff.nc and of the parameters of basins.
#include "dpl/training/basin_output.hpp"

#include <algorithm>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/physics/pet.hpp"

namespace dpl {
namespace {

std::vector<std::string> ids_of(const BasinProblem& problem) {
  std::vector<std::string> ids;
  for (Index k = 0; k < problem.size(); ++k) ids.push_back(problem.id(k));
  return ids;
}

void begin(NetcdfFile& file, const BasinProblem& problem, const std::string& title) {
  file.put_attribute("", "Conventions", "CF-1.8");
  file.put_attribute("", "title", title);
  file.put_attribute("", "source", "dpl_hpc");
  file.put_attribute("", "run_name", problem.config.name);
  file.put_attribute("", "configuration", resolved_yaml(problem.config));
  file.put_attribute("", "runoff_model", "HBV " + problem.config.runoff.variant);
  const std::string& pet = problem.config.runoff.pet;
  file.put_attribute("", "potential_evapotranspiration",
                     pet == "given" ? "as given by the forcing" : pet_method_source(pet_method_from_name(pet)));
  file.define_dimension("place", problem.size());
  std::size_t longest = 1;
  for (const auto& id : ids_of(problem)) longest = std::max(longest, id.size());
  file.define_dimension("strlen_place_id", static_cast<Count>(longest));
  file.define_variable("place_id", "char", {"place", "strlen_place_id"});
  file.put_attribute("place_id", "cf_role", "timeseries_id");
}

void define_series(NetcdfFile& file, const std::string& name, const char* units, const char* standard_name,
                   const char* long_name, const char* method) {
  file.define_variable(name, "float", {"place", "time"});
  file.put_attribute(name, "units", units);
  if (*standard_name != 0) file.put_attribute(name, "standard_name", standard_name);
  file.put_attribute(name, "long_name", long_name);
  file.put_attribute(name, "cell_methods", method);
  file.put_attribute(name, "coordinates", "place_id latitude longitude");
}

void define_number(NetcdfFile& file, const std::string& name, const std::string& units, const std::string& long_name) {
  file.define_variable(name, "double", {"place"});
  file.put_attribute(name, "units", units);
  file.put_attribute(name, "long_name", long_name);
}

bool is_storage(RunoffOutput o) {
  return o == RunoffOutput::soil_moisture || o == RunoffOutput::soil_wetness || o == RunoffOutput::snow_water ||
         o == RunoffOutput::upper_zone_storage || o == RunoffOutput::lower_zone_storage;
}

std::vector<double> of_places(const BasinProblem& problem, const std::vector<double>& values) {
  std::vector<double> out;
  for (const Index at : problem.place) out.push_back(values[static_cast<std::size_t>(at)]);
  return out;
}

}  // namespace

void write_runoff(const std::string& path, const BasinProblem& problem, const BasinSeries& series, const Period& period,
                  const BasinOutputs& simulated) {
  auto file = NetcdfFile::create(problem.comm, path);
  begin(file, problem, "Simulated and observed runoff of basins");
  const Count days = period.days();
  file.define_dimension("time", days);
  file.define_variable("time", "int64", {"time"});
  file.put_attribute("time", "standard_name", "time");
  file.put_attribute("time", "units", "days since 1970-01-01 00:00:00");
  file.put_attribute("time", "calendar", "proleptic_gregorian");
  file.put_attribute("time", "axis", "T");
  file.put_attribute("time", "comment", "start of the day");
  define_number(file, "latitude", "degrees_north", "latitude");
  define_number(file, "longitude", "degrees_east", "longitude");
  const bool flow = series.has_streamflow, moisture = series.has_soil_moisture;
  define_series(file, "streamflow_simulated", "mm day-1", "", "simulated streamflow over the basin's area",
                "time: mean");
  if (flow)
    define_series(file, "streamflow_observed", "mm day-1", "", "observed streamflow over the basin's area",
                  "time: mean");
  const char* soil = "volume_fraction_of_condensed_water_in_soil";
  if (moisture) {
    define_series(file, "soil_moisture_simulated", "m3 m-3", soil, "simulated soil moisture as it is observed",
                  "time: point");
    define_series(file, "soil_moisture_observed", "m3 m-3", soil, "observed soil moisture", "time: mean");
  }
  std::vector<RunoffOutput> further;  // of the configuration: a rank without places has simulated none
  for (const auto& name : problem.config.output.runoff) further.push_back(runoff_output_from_name(name));
  for (const RunoffOutput o : further) {
    const RunoffOutputInfo& info = runoff_output_info(o);
    define_series(file, info.name, info.units, info.standard_name, info.long_name,
                  is_storage(o) ? "time: point" : "time: mean");
  }
  file.write_strings("place_id", ids_of(problem));
  std::vector<std::int64_t> time(static_cast<std::size_t>(days));
  for (Count d = 0; d < days; ++d) time[static_cast<std::size_t>(d)] = period.start.day + d;
  file.write("time", time);
  file.write("latitude", of_places(problem, problem.forcing.latitude_deg));
  file.write("longitude", of_places(problem, problem.forcing.longitude_deg));

  const std::vector<Count> start{problem.first_own(), 0}, count{problem.own(), problem.own() > 0 ? days : 0};
  const auto simulated_slab = [&](const std::string& name, std::span<const double> values) {
    file.write_slab(name, start, count, std::vector<float>(values.begin(), values.end()));
  };
  const auto observed_slab = [&](const std::string& name, const std::vector<float>& values) {
    std::vector<float> slab;
    for (Index k = 0; k < problem.own(); ++k) {
      const auto from = values.begin() + Count{k} * series.days + (period.start.day - series.first_day);
      slab.insert(slab.end(), from, from + days);
    }
    file.write_slab(name, start, count, slab);
  };
  simulated_slab("streamflow_simulated", simulated.streamflow_mm_day);
  if (flow) observed_slab("streamflow_observed", series.streamflow_mm_day);
  if (moisture) {
    simulated_slab("soil_moisture_simulated", simulated.soil_moisture);
    observed_slab("soil_moisture_observed", series.soil_moisture);
  }
  for (const RunoffOutput o : further) {
    const auto found = simulated.further.find(o);
    file.write_slab(
        runoff_output_info(o).name, start, count,
        found == simulated.further.end() ? std::span<const float>() : std::span<const float>(found->second));
  }
  file.close();
}

void write_basin_parameters(const std::string& path, const BasinProblem& problem, const BasinParameters& p,
                            std::span<const double> values) {
  auto file = NetcdfFile::create(problem.comm, path);
  begin(file, problem, "Static runoff parameters of basins");
  file.define_dimension("component", p.components);
  for (const auto& parameter : p.runoff) {
    file.define_variable(parameter.name, "double", {"place", "component"});
    file.put_attribute(parameter.name, "units", parameter.unit);
    file.put_attribute(parameter.name, "coordinates", "place_id");
  }
  std::vector<std::string> single;
  if (p.hydrograph) single.insert(single.end(), {"unit_hydrograph_a", "unit_hydrograph_b"});
  if (p.moisture) single.insert(single.end(), {"soil_moisture_offset", "soil_moisture_slope"});
  const std::map<std::string, std::pair<const char*, const char*>> meaning{
      {"unit_hydrograph_a", {"1", "a of the unit hydrograph"}},
      {"unit_hydrograph_b", {"day", "b of the unit hydrograph"}},
      {"soil_moisture_offset", {"m3 m-3", "a of the observed soil moisture a + b SM/FC"}},
      {"soil_moisture_slope", {"m3 m-3", "b of the observed soil moisture a + b SM/FC"}}};
  for (const auto& name : single) define_number(file, name, meaning.at(name).first, meaning.at(name).second);
  file.write_strings("place_id", ids_of(problem));

  const auto outputs = static_cast<std::size_t>(p.outputs()), own = static_cast<std::size_t>(problem.own());
  const auto columns = static_cast<std::size_t>(p.components);
  for (std::size_t k = 0; k < p.runoff.size(); ++k) {
    std::vector<double> slab;
    for (std::size_t w = 0; w < own; ++w) {
      const auto from = values.begin() + static_cast<std::ptrdiff_t>(w * outputs + k * columns);
      slab.insert(slab.end(), from, from + p.components);
    }
    file.write_slab(p.runoff[k].name, std::vector<Count>{problem.first_own(), 0},
                    std::vector<Count>{problem.own(), own > 0 ? p.components : 0}, slab);
  }
  for (std::size_t s = 0; s < single.size(); ++s) {
    std::vector<double> column;
    for (std::size_t w = 0; w < own; ++w) column.push_back(values[w * outputs + p.runoff.size() * columns + s]);
    file.write_rows(single[s], problem.first_own(), column);
  }
  file.close();
}

}  // namespace dpl
