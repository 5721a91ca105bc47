// The verb synth: writes a twin domain whose parameters are known.
#include "dpl/experiments/synth.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/random.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/experiments/synth_domain.hpp"
#include "dpl/learning/interval_mean.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {
namespace {

constexpr const char* kMadeBy = "dpl_hpc synth";

struct Twin {
  RunConfig config;
  SynthNetwork network;
  SynthAttributes attributes;
  SynthTruth truth;
  std::vector<float> inflow;            // [reach][step]
  Count steps = 0;
  std::vector<double> discharge;        // [reach][interval], routed with the truth, without noise
  Count intervals = 0;                  // of the observations
  std::vector<Index> gauges;
};

std::vector<double> sub_reaches_of(const Twin& twin, ReachProperties& properties) {
  const auto& split = twin.config.routing.split;
  std::vector<double> weight;
  for (Index r = 0; r < twin.network.topology.size(); ++r) {
    Index count = 1;
    if (split.method == "max_length") count = sub_reaches_by_length(twin.network.length_m[r], split.max_length_m);
    if (split.method == "courant")
      count = sub_reaches_by_courant(twin.network.length_m[r], twin.network.slope[r], twin.truth.n[r], twin.truth.p[r],
                                     twin.truth.q[r], split.flow_m3s_per_km2 * twin.network.upstream_area_km2[r],
                                     twin.config.routing.dt_s / twin.config.routing.substeps);
    properties.sub_reaches.push_back(count);
    weight.push_back(count);
  }
  return weight;
}

// Discharge of every reach for the true parameters, in double precision, as means over the observed intervals.
void route_truth(Twin& twin) {
  const RunConfig& config = twin.config;
  const Index count = twin.network.topology.size();
  ReachProperties all{twin.network.length_m, twin.network.slope, {}};
  const auto weight = sub_reaches_of(twin, all);
  const auto partition = make_partition(twin.network.topology, weight, 1);
  const auto own = make_rank_network(twin.network.topology, partition, 0);
  RoutingOptions options;
  options.scheme = scheme_from_name(config.routing.scheme);
  options.dt_s = config.routing.dt_s / config.routing.substeps;
  options.q_min_m3s = config.routing.q_min_m3s;
  options.x = config.routing.x;
  const double hold = config.synth.inflow_step_h * 3600 / options.dt_s;
  if (hold < 1 || std::abs(hold - std::round(hold)) > 1e-9)
    fail("config: synth.inflow_step_h ({} h) is not a multiple of the routing step ({} s)", config.synth.inflow_step_h, options.dt_s);
  ReachProperties properties;
  ReachParameters<double> parameters;
  std::vector<double> inflow;
  for (Index r : own.reach) {
    properties.length_m.push_back(all.length_m[r]);
    properties.slope.push_back(all.slope[r]);
    properties.sub_reaches.push_back(all.sub_reaches[r]);
    parameters.a.push_back(twin.truth.n[r]);
    parameters.b.push_back(twin.truth.p[r]);
    parameters.c.push_back(twin.truth.q[r]);
    inflow.insert(inflow.end(), twin.inflow.begin() + r * twin.steps, twin.inflow.begin() + (r + 1) * twin.steps);
  }
  NoBoundary<double> boundary;
  Router<double> router(own, properties, options, boundary);
  const Count steps = twin.steps * std::llround(hold), rows = router.output_rows(steps);
  std::vector<Index> probes(count);
  std::iota(probes.begin(), probes.end(), 0);
  std::vector<double> discharge(static_cast<std::size_t>(count) * rows);
  router.forward(parameters, {inflow.data(), twin.steps, static_cast<Index>(std::llround(hold))}, steps, {}, probes,
                 discharge, false);
  const double length = config.synth.observation_step_h * 3600 / options.dt_s, per_day = 24 / config.synth.observation_step_h;
  if (std::abs(length - std::round(length)) > 1e-9 || std::abs(per_day - std::round(per_day)) > 1e-9)
    fail("config: synth.observation_step_h ({} h) must divide a day and be a multiple of the routing step ({} s)",
         config.synth.observation_step_h, options.dt_s);
  const IntervalMean mean{std::llround(length), std::llround(config.params.tau_h * 3600 / options.dt_s)};
  twin.intervals = config.synth.days * std::llround(per_day);
  twin.discharge.resize(static_cast<std::size_t>(count) * twin.intervals);
  for (Index i = 0; i < count; ++i)
    mean.apply<double>(std::span<const double>(discharge).subspan(i * rows, rows),
                       std::span(twin.discharge).subspan(own.reach[i] * twin.intervals, twin.intervals));
}

Twin make_twin(const RunConfig& config) {
  Twin twin;
  twin.config = config;
  twin.network = make_synth_network(config);
  twin.attributes = make_synth_attributes(config, twin.network);
  twin.truth = make_synth_truth(config, twin.network, twin.attributes);
  twin.steps = synth_steps(config);
  twin.inflow = make_synth_inflow(config, twin.network);
  twin.gauges = choose_synth_gauges(config, twin.network);
  route_truth(twin);
  return twin;
}

void refuse_foreign(const std::string& path) {
  if (path.empty()) fail("config: synth writes network, attributes, lateral_inflow and observations; set all four data_sources");
  if (!std::filesystem::exists(path)) return;
  std::string made_by;
  try {
    made_by = NetcdfFile::open_local(path).text_attribute("", "made_by");
  } catch (const Error&) {
    made_by.clear();
  }
  if (made_by != kMadeBy) fail("{}: exists and was not made by synth; it is not overwritten. Choose another data_sources path", path);
}

NetcdfFile begin_file(const std::string& path, const Twin& twin, const std::string& title) {
  std::error_code problem;
  if (const auto parent = std::filesystem::path(path).parent_path(); !parent.empty())
    std::filesystem::create_directories(parent, problem);
  if (problem) fail("{}: the folder cannot be made ({})", path, problem.message());
  auto file = NetcdfFile::create_local(path);
  file.put_attribute("", "Conventions", "CF-1.8");
  file.put_attribute("", "title", title);
  file.put_attribute("", "made_by", kMadeBy);
  file.put_attribute("", "seed", static_cast<double>(twin.config.seed));
  file.put_attribute("", "configuration", resolved_yaml(twin.config));
  return file;
}

void define(NetcdfFile& file, const std::string& name, const std::string& type, const std::vector<std::string>& dimensions,
            const std::string& units, const std::string& long_name) {
  file.define_variable(name, type, dimensions, dimensions.size() > 1 ? 1 : 0);
  if (!units.empty()) file.put_attribute(name, "units", units);
  file.put_attribute(name, "long_name", long_name);
}

void define_time(NetcdfFile& file, const Twin& twin, Count size, const std::string& unit) {
  file.define_dimension("time", size);
  define(file, "time", "double", {"time"}, unit + " since " + twin.config.synth.start + " 00:00:00", "start of the interval");
  file.put_attribute("time", "calendar", "proleptic_gregorian");
  file.put_attribute("time", "standard_name", "time");
}

std::vector<double> count_up(Count size, double step) {
  std::vector<double> values(size);
  for (Count k = 0; k < size; ++k) values[k] = static_cast<double>(k) * step;
  return values;
}

void write_network(const Twin& twin) {
  auto file = begin_file(twin.config.data_sources.network, twin, "Synthetic river network");
  const auto& n = twin.network;
  std::vector<std::int64_t> downstream;
  for (Index d : n.topology.downstream) downstream.push_back(d < 0 ? 0 : n.reach_id[d]);
  file.define_dimension("reach", n.topology.size());
  define(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  define(file, "downstream_id", "int64", {"reach"}, "", "reach_id of the downstream reach, 0 = outlet");
  define(file, "length", "double", {"reach"}, "m", "reach length");
  define(file, "slope", "double", {"reach"}, "1", "channel bed slope");
  define(file, "upstream_area", "double", {"reach"}, "km2", "drainage area including the reach");
  define(file, "local_area", "double", {"reach"}, "km2", "area of the reach's own catchment");
  define(file, "x", "double", {"reach"}, "km", "place of the lower end, east");
  define(file, "y", "double", {"reach"}, "km", "place of the lower end, north");
  file.write("reach_id", n.reach_id);
  file.write("downstream_id", downstream);
  file.write("length", n.length_m);
  file.write("slope", n.slope);
  file.write("upstream_area", n.upstream_area_km2);
  file.write("local_area", n.local_area_km2);
  file.write("x", n.x_km);
  file.write("y", n.y_km);
  file.close();
}

void write_attributes(const Twin& twin) {
  auto file = begin_file(twin.config.data_sources.attributes, twin, "Synthetic attributes");
  file.define_dimension("reach", twin.network.topology.size());
  define(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  for (const auto& name : twin.attributes.names) define(file, name, "double", {"reach"}, "1", "synthetic attribute");
  file.write("reach_id", twin.network.reach_id);
  for (std::size_t k = 0; k < twin.attributes.names.size(); ++k) file.write(twin.attributes.names[k], twin.attributes.values[k]);
  file.close();
}

void write_inflow(const Twin& twin) {
  auto file = begin_file(twin.config.data_sources.lateral_inflow, twin, "Synthetic lateral inflow");
  const Index count = twin.network.topology.size();
  define_time(file, twin, twin.steps, "hours");
  file.define_dimension("reach", count);
  define(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  define(file, "q_lateral", "float", {"time", "reach"}, "m3 s-1", "lateral inflow to the reach, mean over the interval");
  file.write("time", count_up(twin.steps, twin.config.synth.inflow_step_h));
  file.write("reach_id", twin.network.reach_id);
  constexpr Count kRows = 4096;
  for (Count begin = 0; begin < twin.steps; begin += kRows) {
    const Count rows = std::min(kRows, twin.steps - begin);
    std::vector<float> slab(static_cast<std::size_t>(rows) * count);
    for (Index r = 0; r < count; ++r)
      for (Count t = 0; t < rows; ++t) slab[t * count + r] = twin.inflow[r * twin.steps + begin + t];
    file.write_slab("q_lateral", std::vector<Count>{begin, 0}, std::vector<Count>{rows, count}, slab);
  }
  file.close();
}

void write_observations(const Twin& twin) {
  auto file = begin_file(twin.config.data_sources.observations, twin, "Synthetic observations");
  const auto gauges = static_cast<Count>(twin.gauges.size());
  std::vector<std::string> ids;
  std::vector<std::int64_t> reach;
  std::vector<double> observed;
  for (std::size_t g = 0; g < twin.gauges.size(); ++g) {
    const Index r = twin.gauges[g];
    ids.push_back(fmt::format("{:08}", g + 1));
    reach.push_back(twin.network.reach_id[r]);
    for (Count i = 0; i < twin.intervals; ++i) {
      const RandomKey key{twin.config.seed, Purpose::synth_noise, g, static_cast<std::uint64_t>(i)};
      const double error = twin.config.synth.noise * random_normal(key);
      observed.push_back(twin.discharge[r * twin.intervals + i] * std::max(0.0, 1 + error));
    }
  }
  define_time(file, twin, twin.intervals, "hours");
  file.define_dimension("gauge", gauges);
  file.define_dimension("strlen_gauge_id", 8);
  file.define_variable("gauge_id", "char", {"gauge", "strlen_gauge_id"});
  file.put_attribute("gauge_id", "cf_role", "timeseries_id");
  define(file, "reach_id", "int64", {"gauge"}, "", "reach the gauge is on");
  define(file, "discharge", "double", {"gauge", "time"}, "m3 s-1", "observed mean discharge (true discharge with noise)");
  file.put_attribute("discharge", "_FillValue", -9999.0);
  file.write("time", count_up(twin.intervals, twin.config.synth.observation_step_h));
  file.write_strings("gauge_id", ids);
  file.write("reach_id", reach);
  for (double& q : observed)
    if (std::isnan(q)) q = -9999.0;
  file.write("discharge", observed);
  file.close();
}

std::string truth_path(const RunConfig& config) {
  return (std::filesystem::path(config.data_sources.network).parent_path() / "truth.nc").string();
}

void write_truth(const Twin& twin) {
  auto file = begin_file(truth_path(twin.config), twin, "True parameters and discharge of the synthetic basin");
  define_time(file, twin, twin.intervals, "hours");
  file.define_dimension("reach", twin.network.topology.size());
  define(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  define(file, "n", "double", {"reach"}, "s m-1/3", "true Manning roughness");
  define(file, "p", "double", {"reach"}, "1", "true width coefficient");
  define(file, "q", "double", {"reach"}, "1", "true width exponent");
  define(file, "discharge", "double", {"reach", "time"}, "m3 s-1", "true mean discharge");
  file.write("time", count_up(twin.intervals, twin.config.synth.observation_step_h));
  file.write("reach_id", twin.network.reach_id);
  file.write("n", twin.truth.n);
  file.write("p", twin.truth.p);
  file.write("q", twin.truth.q);
  file.write("discharge", twin.discharge);
  file.close();
}

}  // namespace

int run_synth(const VerbContext& context) {
  const RunConfig& config = context.config;
  const auto& s = config.data_sources;
  agree_on_root(context.comm, "synth", [&] {
    for (const auto& path : {s.network, s.attributes, s.lateral_inflow, s.observations}) refuse_foreign(path);
    refuse_foreign(truth_path(config));
    parse_iso_date(config.synth.start, "synth.start");
    if (context.validate_only) return;
    const Twin twin = make_twin(config);
    write_network(twin);
    write_attributes(twin);
    write_inflow(twin);
    write_observations(twin);
    write_truth(twin);
    const auto [low, high] = std::minmax_element(twin.truth.n.begin(), twin.truth.n.end());
    log_info("twin domain of seed {}: {} reaches ({} levels), {:.0f} km2, {} gauges, {} days from {}", config.seed,
             twin.network.topology.size(), *std::max_element(twin.network.topology.depth.begin(), twin.network.topology.depth.end()) + 1,
             twin.network.upstream_area_km2.back(), twin.gauges.size(), config.synth.days, config.synth.start);
    log_info("true n from {:.4f} to {:.4f} ({}), observations with {:.0f} % noise", *low, *high, config.synth.truth, 100 * config.synth.noise);
    for (const auto& path : {s.network, s.attributes, s.lateral_inflow, s.observations, truth_path(config)}) log_info("  {}", path);
  });
  if (context.validate_only) log_info("configuration is valid; nothing was made");
  return 0;
}

}  // namespace dpl
