// Makes the twin of a continent on all ranks: rows of the files in blocks, routing in pieces.
#include "dpl/experiments/synth_continental.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/redistribution.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"
#include "synth_twin.hpp"

namespace dpl {
namespace {

constexpr Count kChunkValues = Count{1} << 24;  // of rain: bounds the memory, whatever the number of ranks
constexpr Index kProperties = 5;                // length, slope, n, p, q of a reach on their way to its piece

// The rows of this rank and what is true on them.
struct ContinentalTwin {
  const Communicator& comm;
  const RunConfig& config;
  TwinClock clock;
  Continent continent;
  BlockDistribution blocks;
  ContinentRows rows;
  std::vector<std::int64_t> reach_id;
  SynthTruth truth;
  std::vector<Index> gauges;
  std::vector<double> gauge_discharge;  // [gauge][interval] without noise
};

NetcdfFile begin_file(const ContinentalTwin& twin, const std::string& path, const std::string& title) {
  agree_on_root(twin.comm, "synth", [&] { make_folder_of(path); });
  auto file = NetcdfFile::create(twin.comm, path);
  put_twin_header(file, twin.config, title);
  return file;
}

void write_network(const ContinentalTwin& twin) {
  auto file = begin_file(twin, twin.config.data_sources.network, "Synthetic river network of a continent");
  const auto& rows = twin.rows;
  define_network(file, twin.continent.order.size());
  std::vector<std::int64_t> downstream;
  for (Index row = rows.first; row < rows.end; ++row) {
    const Index below = twin.continent.topology.downstream[row];
    downstream.push_back(below < 0 ? 0 : kFirstContinentId + below);
  }
  file.write_rows("reach_id", rows.first, twin.reach_id);
  file.write_rows("downstream_id", rows.first, downstream);
  file.write_rows("length", rows.first, rows.length_m);
  file.write_rows("slope", rows.first, rows.slope);
  file.write_rows("upstream_area", rows.first, rows.upstream_area_km2);
  file.write_rows("local_area", rows.first, rows.local_area_km2);
  file.write_rows("x", rows.first, rows.x_km);
  file.write_rows("y", rows.first, rows.y_km);
  file.close();
}

std::vector<double> attribute(const ContinentalTwin& twin, Index k) {
  constexpr double kShortestWave_km = 300;
  return twin_attribute(twin.config, k, twin.rows.upstream_area_km2, twin.rows.x_km, twin.rows.y_km, kShortestWave_km);
}

// Mean 0 and standard deviation 1: of the drained area over the domain, of the waves in theory.
std::vector<double> standardised(const ContinentalTwin& twin, Index k) {
  auto values = attribute(twin, k);
  double mean = 0, deviation = std::sqrt(2.0);
  if (k == 0) {
    std::vector<double> squares;
    for (const double v : values) squares.push_back(v * v);
    const double count = twin.continent.order.size();
    mean = exact_sum(twin.comm, values) / count;
    deviation = std::sqrt(std::max(1e-12, exact_sum(twin.comm, squares) / count - mean * mean));
  }
  for (double& v : values) v = (v - mean) / deviation;
  return values;
}

void write_attributes(const ContinentalTwin& twin) {
  auto file = begin_file(twin, twin.config.data_sources.attributes, "Synthetic attributes");
  std::vector<std::string> names;
  for (Index k = 0; k < twin.config.synth.attributes; ++k) names.push_back(twin_attribute_name(k));
  define_attributes(file, twin.continent.order.size(), names);
  file.write_rows("reach_id", twin.rows.first, twin.reach_id);
  for (Index k = 0; k < twin.config.synth.attributes; ++k) file.write_rows(names[k], twin.rows.first, attribute(twin, k));
  file.close();
}

std::vector<double> sub_reaches(const ContinentalTwin& twin) {
  const auto& rows = twin.rows;
  std::vector<double> counts(twin.continent.order.size(), 0.0);  // weights of the partition, part of the topology
  for (Index r = 0; r < rows.size(); ++r)
    counts[rows.first + r] = twin_sub_reaches(twin.config, rows.length_m[r], rows.slope[r], rows.upstream_area_km2[r],
                                              twin.truth.n[r], twin.truth.p[r], twin.truth.q[r]);
  twin.comm.gather_owned(counts);
  return counts;
}

/// Routes the truth in double precision, window after window, and keeps what the gauges of this rank see.
class TrueRiver {
 public:
  explicit TrueRiver(const ContinentalTwin& twin);
  /// **Collective.** Inflow of the rows of this rank, [row of the file][reach]; returns nothing, keeps the state.
  void route(const std::vector<float>& inflow, Count rows);
  /// **Collective.** Means over the observed intervals, [gauge][interval].
  std::vector<double> means() const;

 private:
  const ContinentalTwin& twin_;
  RankNetwork own_;
  std::unique_ptr<BoundaryExchange<double>> boundary_;
  std::unique_ptr<Redistribution> redistribution_;
  std::unique_ptr<Router<double>> router_;
  ReachParameters<double> parameters_;
  std::vector<double> state_;
  std::vector<Index> probe_, gauge_;            // own reach of a gauge on this rank, number of the gauge
  std::vector<std::vector<double>> series_;     // [probe] discharge rows so far
};

TrueRiver::TrueRiver(const ContinentalTwin& twin) : twin_(twin) {
  const auto count = sub_reaches(twin);
  const auto& topology = twin.continent.topology;
  const auto partition = make_partition(topology, count, twin.comm.size());
  log_info("{} ranks: {}", twin.comm.size(), partition.summary());
  own_ = make_rank_network(topology, partition, twin.comm.rank());
  boundary_ = std::make_unique<BoundaryExchange<double>>(twin.comm, own_);
  redistribution_ = std::make_unique<Redistribution>(twin.comm, twin.blocks, own_.reach);
  std::vector<double> rows, own(static_cast<std::size_t>(own_.size()) * kProperties);
  for (Index r = 0; r < twin.rows.size(); ++r)
    rows.insert(rows.end(), {twin.rows.length_m[r], twin.rows.slope[r], twin.truth.n[r], twin.truth.p[r], twin.truth.q[r]});
  redistribution_->to_pieces<double>(rows, own, kProperties);
  ReachProperties properties;
  for (Index i = 0; i < own_.size(); ++i) {
    const double* p = own.data() + static_cast<std::size_t>(i) * kProperties;
    properties.length_m.push_back(p[0]);
    properties.slope.push_back(p[1]);
    properties.sub_reaches.push_back(static_cast<Index>(count[own_.reach[i]]));
    parameters_.a.push_back(p[2]);
    parameters_.b.push_back(p[3]);
    parameters_.c.push_back(p[4]);
    for (std::size_t g = 0; g < twin.gauges.size(); ++g)
      if (twin.gauges[g] == own_.reach[i]) {
        probe_.push_back(i);
        gauge_.push_back(static_cast<Index>(g));
      }
  }
  series_.resize(probe_.size());
  auto options = twin.clock.options;
  options.chunk_steps = 128;
  agree(twin.comm, "synth", [&] { router_ = std::make_unique<Router<double>>(own_, properties, options, *boundary_); });
}

void TrueRiver::route(const std::vector<float>& inflow, Count rows) {
  const Index reaches = twin_.rows.size();
  std::vector<float> block(inflow.size()), own(static_cast<std::size_t>(own_.size()) * rows);
  for (Count row = 0; row < rows; ++row)
    for (Index r = 0; r < reaches; ++r) block[r * rows + row] = inflow[row * reaches + r];
  redistribution_->to_pieces<float>(block, own, static_cast<Index>(rows));
  const std::vector<double> lateral(own.begin(), own.end());
  const Count steps = rows * twin_.clock.hold, size = router_->output_rows(steps);
  std::vector<double> discharge(probe_.size() * size);
  router_->forward(parameters_, {lateral.data(), rows, twin_.clock.hold}, steps, state_, probe_, discharge, false);
  // Instants: the first row is the last of the window before.
  const Count skip = state_.empty() ? 0 : size - steps;
  for (std::size_t p = 0; p < probe_.size(); ++p)
    series_[p].insert(series_[p].end(), discharge.begin() + p * size + skip, discharge.begin() + (p + 1) * size);
  state_ = router_->final_state();
}

std::vector<double> TrueRiver::means() const {
  const Count intervals = twin_.clock.intervals;
  std::vector<double> all(twin_.gauges.size() * intervals, 0.0);
  for (std::size_t p = 0; p < probe_.size(); ++p)
    twin_.clock.mean.apply<double>(series_[p], std::span(all).subspan(gauge_[p] * intervals, intervals));
  twin_.comm.gather_owned(all);
  return all;
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Inflow is made, written and routed chunk by chunk.
void make_inflow_and_route(ContinentalTwin& twin) {
  auto file = begin_file(twin, twin.config.data_sources.lateral_inflow, "Synthetic lateral inflow");
  const Index reaches = twin.continent.order.size();
  const Count rows = synth_steps(twin.config), per_day = rows / twin.config.synth.days;
  define_inflow(file, twin.config, rows, reaches, 0);
  file.write("time", count_up(rows, twin.config.synth.inflow_step_h));
  file.write_rows("reach_id", twin.rows.first, twin.reach_id);
  ContinentInflow inflow(twin.config, twin.rows, continent_side_km(reaches));
  TrueRiver river(twin);
  const Count chunk = per_day * std::clamp<Count>(kChunkValues / (Count{reaches} * std::max<Count>(4, per_day)), 1, 32);
  double making = 0, writing = 0, routing = 0;
  for (Count first = 0; first < rows; first += chunk) {
    const Count count = std::min(chunk, rows - first);
    const double begin = seconds_now();
    const auto values = inflow.next(count);
    const double made = seconds_now();
    file.write_slab("q_lateral", std::vector<Count>{first, twin.rows.first}, std::vector<Count>{count, twin.rows.size()}, values);
    const double written = seconds_now();
    river.route(values, count);
    making += made - begin;
    writing += written - made;
    routing += seconds_now() - written;
  }
  file.close();
  twin.gauge_discharge = river.means();
  log_info("{} days: inflow made in {:.1f} s, written in {:.1f} s, routed in {:.1f} s", twin.config.synth.days, making, writing, routing);
}

void write_observations(const ContinentalTwin& twin) {
  auto file = begin_file(twin, twin.config.data_sources.observations, "Synthetic observations");
  std::vector<std::string> ids;
  std::vector<std::int64_t> reach;
  std::vector<double> discharge;
  for (std::size_t g = 0; g < twin.gauges.size(); ++g) {
    ids.push_back(gauge_name(g));
    reach.push_back(kFirstContinentId + twin.gauges[g]);
    for (Count i = 0; i < twin.clock.intervals; ++i)
      discharge.push_back(observed(twin.config, g, i, twin.gauge_discharge[g * twin.clock.intervals + i]));
  }
  define_observations(file, twin.config, twin.clock.intervals, static_cast<Index>(twin.gauges.size()));
  file.write("time", count_up(twin.clock.intervals, twin.config.synth.observation_step_h));
  file.write_strings("gauge_id", ids);
  file.write("reach_id", reach);
  file.write("discharge", discharge);
  file.close();
}

void write_truth(const ContinentalTwin& twin) {
  auto file = begin_file(twin, truth_path(twin.config), "True parameters of the synthetic continent, true discharge at its gauges");
  define_twin_time(file, twin.config, twin.clock.intervals);
  define_true_parameters(file, twin.continent.order.size());
  file.define_dimension("gauge", static_cast<Count>(twin.gauges.size()));
  define_twin_variable(file, "gauge_discharge", "double", {"gauge", "time"}, "m3 s-1", "true mean discharge at the gauges", 1);
  file.write("time", count_up(twin.clock.intervals, twin.config.synth.observation_step_h));
  file.write_rows("reach_id", twin.rows.first, twin.reach_id);
  file.write_rows("n", twin.rows.first, twin.truth.n);
  file.write_rows("p", twin.rows.first, twin.truth.p);
  file.write_rows("q", twin.rows.first, twin.truth.q);
  file.write("gauge_discharge", twin.gauge_discharge);
  file.close();
}

void log_network(const ContinentalTwin& twin, double share, double seconds) {
  const auto& topology = twin.continent.topology;
  const auto orders = stream_orders(topology);
  const auto sizes = continent_tree_sizes(twin.config.seed, topology.size());
  log_info("continent of seed {}: {} reaches in {} trees, the largest of {:.0f} %, {} levels, Strahler order {}, bifurcation "
           "ratio {:.1f}, made in {:.1f} s",
           twin.config.seed, topology.size(), sizes.size(), 100.0 * *std::max_element(sizes.begin(), sizes.end()) / topology.size(),
           *std::max_element(topology.depth.begin(), topology.depth.end()) + 1, orders.highest, orders.bifurcation_ratio, seconds);
  log_info("{} gauges; {:.1f} % of the reaches lie at or upstream of one", twin.gauges.size(), 100 * share);
}

}  // namespace

void make_continental_twin(const Communicator& comm, const RunConfig& config) {
  const double begin = seconds_now();
  const Index reaches = config.synth.reaches;
  ContinentalTwin twin{comm, config, twin_clock(config), make_continent(config.seed, reaches), {}, {}, {}, {}, {}, {}};
  twin.blocks = {reaches, block_size_of(reaches), comm.rank(), comm.size()};
  twin.rows = make_continent_rows(config.seed, twin.continent, twin.blocks.first_reach(), twin.blocks.end_reach());
  for (Index row = twin.rows.first; row < twin.rows.end; ++row) twin.reach_id.push_back(kFirstContinentId + row);
  double share = 0;
  twin.gauges = choose_continent_gauges(twin.continent, config.synth.gauges, share);
  log_network(twin, share, seconds_now() - begin);
  write_network(twin);
  twin.truth = twin_truth(config, twin.rows.upstream_area_km2, [&](Index k) { return standardised(twin, k); });
  write_attributes(twin);
  make_inflow_and_route(twin);
  write_observations(twin);
  write_truth(twin);
  const auto& s = config.data_sources;
  for (const auto& path : {s.network, s.attributes, s.lateral_inflow, s.observations, truth_path(config)}) log_info("  {}", path);
}

}  // namespace dpl
