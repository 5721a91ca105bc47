// The verb synth: writes a twin domain whose parameters are known.
#include "dpl/experiments/synth.hpp"

#include <algorithm>
#include <numeric>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/coupling/place_inflow.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/experiments/basin_synth.hpp"
#include "dpl/experiments/synth_continental.hpp"
#include "dpl/experiments/synth_domain.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"
#include "synth_twin.hpp"

namespace dpl {
namespace {

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
  BasinTwin places;                     // of a joint twin
};

// Discharge of every reach for the true parameters, in double precision, as means over the observed intervals.
void route_truth(Twin& twin) {
  const RunConfig& config = twin.config;
  const auto& network = twin.network;
  const Index count = network.topology.size();
  const TwinClock clock = twin_clock(config);
  std::vector<double> weight;
  for (Index r = 0; r < count; ++r)
    weight.push_back(twin_sub_reaches(config, network.length_m[r], network.slope[r], network.upstream_area_km2[r],
                                      twin.truth.n[r], twin.truth.p[r], twin.truth.q[r]));
  const auto own = make_rank_network(network.topology, make_partition(network.topology, weight, 1), 0);
  ReachProperties properties;
  ReachParameters<double> parameters;
  std::vector<double> inflow;
  for (Index r : own.reach) {
    properties.length_m.push_back(network.length_m[r]);
    properties.slope.push_back(network.slope[r]);
    properties.sub_reaches.push_back(static_cast<Index>(weight[r]));
    parameters.a.push_back(twin.truth.n[r]);
    parameters.b.push_back(twin.truth.p[r]);
    parameters.c.push_back(twin.truth.q[r]);
    inflow.insert(inflow.end(), twin.inflow.begin() + r * twin.steps, twin.inflow.begin() + (r + 1) * twin.steps);
  }
  NoBoundary<double> boundary;
  Router<double> router(own, properties, clock.options, boundary);
  const Count steps = twin.steps * clock.hold, rows = router.output_rows(steps);
  std::vector<Index> probes(count);
  std::iota(probes.begin(), probes.end(), 0);
  std::vector<double> discharge(static_cast<std::size_t>(count) * rows);
  router.forward(parameters, {inflow.data(), twin.steps, clock.hold}, steps, {}, probes, discharge, false);
  twin.intervals = clock.intervals;
  twin.discharge.resize(static_cast<std::size_t>(count) * twin.intervals);
  for (Index i = 0; i < count; ++i)
    clock.mean.apply<double>(std::span<const double>(discharge).subspan(i * rows, rows),
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

bool is_joint(const RunConfig& config) { return config.synth.network == "joint"; }

// Places in turn drain into the reaches and share their areas; where there are more places than reaches, the last drains
// into none. Their true runoff is the lateral inflow, with daily steps.
Twin make_joint_twin(RunConfig config) {
  Twin twin;
  config.synth.inflow_step_h = 24;
  twin.config = config;
  twin.network = make_synth_network(config);
  twin.attributes = make_synth_attributes(config, twin.network);
  twin.truth = make_synth_truth(config, twin.network, twin.attributes);
  twin.steps = config.synth.days;
  twin.gauges = choose_synth_gauges(config, twin.network);
  twin.places = make_basin_twin(config);
  const auto reaches = static_cast<std::size_t>(twin.network.topology.size()), places = twin.places.place_id.size();
  if (places < reaches)
    fail("config: synth.places is {} and synth.reaches {}; a joint twin needs a place for every reach", places, reaches);
  const std::size_t draining = places > reaches ? places - 1 : places;
  std::vector<Count> sharing(reaches, 0);
  for (std::size_t k = 0; k < draining; ++k) ++sharing[k % reaches];
  twin.inflow.assign(reaches * static_cast<std::size_t>(twin.steps), 0.0f);
  std::vector<double> inflow(twin.inflow.size(), 0.0);
  for (std::size_t k = 0; k < places; ++k) {
    const std::size_t r = k % reaches;
    twin.places.hru_reach.push_back(k < draining ? twin.network.reach_id[r] : 0);
    twin.places.area_km2[k] = twin.network.local_area_km2[r] / static_cast<double>(sharing[r]);
    for (std::size_t d = 0; d < static_cast<std::size_t>(twin.steps) && k < draining; ++d)
      inflow[r * static_cast<std::size_t>(twin.steps) + d] +=
          twin.places.streamflow_mm_day[d * places + k] * twin.places.area_km2[k] * kCubicMetresOfMillimetre;
  }
  std::copy(inflow.begin(), inflow.end(), twin.inflow.begin());
  route_truth(twin);
  return twin;
}

NetcdfFile begin_file(const std::string& path, const Twin& twin, const std::string& title) {
  make_folder_of(path);
  auto file = NetcdfFile::create_local(path);
  put_twin_header(file, twin.config, title);
  return file;
}

void write_network(const Twin& twin) {
  auto file = begin_file(twin.config.data_sources.network, twin, "Synthetic river network");
  const auto& n = twin.network;
  std::vector<std::int64_t> downstream;
  for (Index d : n.topology.downstream) downstream.push_back(d < 0 ? 0 : n.reach_id[d]);
  define_network(file, n.topology.size());
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
  const auto& sources = twin.config.data_sources;
  auto file =
      begin_file(is_joint(twin.config) ? sources.reach_attributes : sources.attributes, twin, "Synthetic attributes");
  define_attributes(file, twin.network.topology.size(), twin.attributes.names);
  file.write("reach_id", twin.network.reach_id);
  for (std::size_t k = 0; k < twin.attributes.names.size(); ++k) file.write(twin.attributes.names[k], twin.attributes.values[k]);
  file.close();
}

void write_inflow(const Twin& twin) {
  auto file = begin_file(twin.config.data_sources.lateral_inflow, twin, "Synthetic lateral inflow");
  const Index count = twin.network.topology.size();
  define_inflow(file, twin.config, twin.steps, count, 1);
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
  std::vector<std::string> ids;
  std::vector<std::int64_t> reach;
  std::vector<double> discharge;
  for (std::size_t g = 0; g < twin.gauges.size(); ++g) {
    const Index r = twin.gauges[g];
    ids.push_back(gauge_name(g));
    reach.push_back(twin.network.reach_id[r]);
    for (Count i = 0; i < twin.intervals; ++i)
      discharge.push_back(observed(twin.config, g, i, twin.discharge[r * twin.intervals + i]));
  }
  define_observations(file, twin.config, twin.intervals, static_cast<Index>(twin.gauges.size()));
  file.write("time", count_up(twin.intervals, twin.config.synth.observation_step_h));
  file.write_strings("gauge_id", ids);
  file.write("reach_id", reach);
  file.write("discharge", discharge);
  file.close();
}

void write_truth(const Twin& twin) {
  auto file = begin_file(truth_path(twin.config), twin, "True parameters and discharge of the synthetic basin");
  define_twin_time(file, twin.config, twin.intervals);
  define_true_parameters(file, twin.network.topology.size());
  define_twin_variable(file, "discharge", "double", {"reach", "time"}, "m3 s-1", "true mean discharge", 1);
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
    if (config.synth.network == "places") return write_basin_twin(config, context.validate_only);
    const std::vector<std::string> paths =
        is_joint(config) ? std::vector{s.network, s.reach_attributes, s.observations, s.forcing, s.attributes,
                                       truth_path(config), places_truth_path(config)}
                         : std::vector{s.network, s.attributes, s.lateral_inflow, s.observations, truth_path(config)};
    for (const auto& path : paths) {
      if (path.empty() && is_joint(config))
        fail("config: a joint twin has network, reach_attributes, observations, forcing and attributes; set these five "
             "data_sources");
      refuse_foreign(path);
    }
    parse_iso_date(config.synth.start, "synth.start");
    if (context.validate_only || config.synth.network == "continental") return;
    const Twin twin = is_joint(config) ? make_joint_twin(config) : make_twin(config);
    write_network(twin);
    write_attributes(twin);
    if (is_joint(config))
      write_places_of_reaches(twin.config, twin.places);
    else
      write_inflow(twin);
    write_observations(twin);
    write_truth(twin);
    const auto [low, high] = std::minmax_element(twin.truth.n.begin(), twin.truth.n.end());
    log_info("twin domain of seed {}: {} reaches ({} levels), {:.0f} km2, {} gauges, {} days from {}", config.seed,
             twin.network.topology.size(), *std::max_element(twin.network.topology.depth.begin(), twin.network.topology.depth.end()) + 1,
             twin.network.upstream_area_km2.back(), twin.gauges.size(), config.synth.days, config.synth.start);
    log_info("true n from {:.4f} to {:.4f} ({}), observations with {:.0f} % noise", *low, *high, config.synth.truth, 100 * config.synth.noise);
    if (is_joint(config)) log_info("{} places, HBV {}", twin.places.place_id.size(), config.runoff.variant);
    for (const auto& path : paths) log_info("  {}", path);
  });
  if (!context.validate_only && config.synth.network == "continental") make_continental_twin(context.comm, config);
  if (context.validate_only) log_info("configuration is valid; nothing was made");
  return 0;
}

}  // namespace dpl
