// Distributes the active reaches over the ranks, moves parameters and inflow to them, routes, reads the probes.
#include "dpl/training/routed_domain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/routing_solver.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

Topology active_topology(const RiverNetwork& network, const std::vector<Index>& active) {
  std::vector<Index> position(network.size(), -1);
  for (std::size_t k = 0; k < active.size(); ++k) position[active[k]] = static_cast<Index>(k);
  std::vector<Index> downstream(active.size());
  std::vector<ReachId> id(active.size());
  for (std::size_t k = 0; k < active.size(); ++k) {
    const Index d = network.topology.downstream[active[k]];
    downstream[k] = d < 0 ? -1 : position[d];
    id[k] = network.reach_id[active[k]];
  }
  return make_topology(std::move(downstream), id);
}

RoutingOptions routing_options(const RunConfig& config, double step_s, bool cut) {
  RoutingOptions o;
  o.scheme = scheme_from_name(config.routing.scheme);
  o.dt_s = step_s;
  o.q_min_m3s = config.routing.q_min_m3s;
  o.x = config.routing.x;
  o.published_epsilons = config.routing.published_epsilons;
  o.floor_hot_start = config.routing.floor_hot_start;
  o.inflow_readout = config.routing.readout == "inflow";
  o.chunk_steps = config.routing.chunk_steps > 0 ? config.routing.chunk_steps : (cut ? 128 : 512);
  o.device = config.device == "cuda" ? Device::cuda : Device::cpu;
  return o;
}

// Updates that see some of the gauges need not route all pieces: with more pieces more can be left out, as long as a piece
// is long enough for vectors.
Index pieces_per_rank(const RunConfig& config, const RoutedReaches& reaches, Index ranks) {
  constexpr Index kReachesOfPiece = 256, kMostPieces = 16;
  const auto batch = config.experiment.batch_size;
  if (config.routing.pieces_per_rank > 0 || batch == 0 || batch >= static_cast<Index>(reaches.probes.size()))
    return config.routing.pieces_per_rank;
  return std::clamp<Index>(static_cast<Index>(reaches.active.size()) / ranks / kReachesOfPiece, 0, kMostPieces);
}

namespace {

Index position_of(const std::vector<Index>& ascending, Index value) {
  return static_cast<Index>(std::lower_bound(ascending.begin(), ascending.end(), value) - ascending.begin());
}

template <class Real>
class RoutedDomainOf final : public RoutedDomain {
 public:
  RoutedDomainOf(const Communicator& comm, const RunConfig& config, const RiverNetwork& network,
                 const RoutedReaches& reaches, const BlockDistribution& blocks);
  void load_inflow(const LateralInflowHeader& header, Count first_row, Count end_row) override;
  std::vector<double> forward(std::span<const double> theta, const RoutedWindow& window, bool keep_tape) override;
  std::vector<double> adjoint(std::span<const double> means_adjoint) override;
  std::vector<double> final_state() const override;
  WaterVolumes water_volumes() const override;
  std::string describe_not_finite() const override;
  Count discharge_rows(Count inflow_rows) const override { return router_->output_rows(inflow_rows * hold_); }
  Count tape_bytes(Count rows) const override { return router_->tape_bytes(rows * hold_); }
  const Partition& partition() const override { return partition_; }
  Count own_reaches() const override { return own_.size(); }
  Count reaches_wanted() const override { return reaches_wanted_; }

 private:
  void choose(const std::vector<std::uint8_t>& wanted);
  std::vector<double> read_probes(const RoutedWindow& window, std::span<const Real> discharge, Count rows) const;
  std::vector<Real> own_state(const std::vector<double>& replicated) const;

  const Communicator& comm_;
  const RiverNetwork& network_;
  RoutedReaches reaches_;
  BlockDistribution blocks_;
  Topology topology_;                            // of the active reaches
  Partition partition_;
  RankNetwork own_;                              // reach = index into reaches_.active
  std::vector<Index> own_network_index_;         // [own] index in the network
  std::vector<Count> state_offset_;              // [active + 1] first state value in the replicated state
  std::unique_ptr<BoundaryExchange<Real>> boundary_;
  std::unique_ptr<Redistribution> redistribution_;
  std::unique_ptr<WindowRouter<Real>> router_;
  std::vector<Index> probe_own_, probe_position_;  // own index of a probe on this rank, its position among all probes
  std::vector<Real> inflow_;                     // [own][loaded row]
  Count loaded_first_ = 0, loaded_rows_ = 0;
  Index hold_ = 1;
  RoutedWindow window_;                          // of the last forward, for the adjoint
  std::vector<std::uint8_t> wanted_;             // [probe] what the router's pieces are chosen for
  Count reaches_wanted_ = 0;
};

template <class Real>
RoutedDomainOf<Real>::RoutedDomainOf(const Communicator& comm, const RunConfig& config, const RiverNetwork& network,
                                     const RoutedReaches& reaches, const BlockDistribution& blocks)
    : comm_(comm), network_(network), reaches_(reaches), blocks_(blocks) {
  step_s_ = config.routing.dt_s / config.routing.substeps;
  const auto sub_reaches = sub_reach_counts(network, config);
  topology_ = active_topology(network, reaches_.active);
  std::vector<double> weight;
  state_offset_.assign(1, 0);
  for (Index r : reaches_.active) {
    weight.push_back(sub_reaches[r]);
    state_offset_.push_back(state_offset_.back() + sub_reaches[r]);
  }
  partition_ = make_partition(topology_, weight, comm.size(), pieces_per_rank(config, reaches_, comm.size()));
  own_ = make_rank_network(topology_, partition_, comm.rank());
  reaches_wanted_ = topology_.size();

  ReachProperties properties;
  for (Index k : own_.reach) {
    const Index r = reaches_.active[k];
    own_network_index_.push_back(r);
    properties.length_m.push_back(network.length_m[r]);
    properties.slope.push_back(network.slope[r]);
    properties.sub_reaches.push_back(sub_reaches[r]);
  }
  boundary_ = std::make_unique<BoundaryExchange<Real>>(comm, own_);
  redistribution_ = std::make_unique<Redistribution>(comm, blocks_, own_network_index_);
  const bool cut = !boundary_->nothing_to_exchange();
  router_ = make_window_router<Real>(config.routing.solver, comm, own_, properties,
                                     routing_options(config, step_s_, cut), *boundary_);
  router_->keep_water_balance(false);

  std::vector<Index> own_of_network(network.size(), -1);
  for (Index i = 0; i < own_.size(); ++i) own_of_network[own_network_index_[i]] = i;
  for (std::size_t g = 0; g < reaches_.probes.size(); ++g)
    if (const Index own = own_of_network[reaches_.probes[g]]; own >= 0) {
      probe_own_.push_back(own);
      probe_position_.push_back(static_cast<Index>(g));
    }
}

template <class Real>
void RoutedDomainOf<Real>::load_inflow(const LateralInflowHeader& header, Count first_row, Count end_row) {
  hold_ = steps_per_row(header);
  const auto block = read_lateral_inflow<Real>(comm_, header, network_, blocks_.first_reach(), blocks_.end_reach(), first_row,
                                         end_row);
  loaded_first_ = first_row;
  loaded_rows_ = end_row - first_row;
  inflow_.resize(static_cast<std::size_t>(own_.size()) * loaded_rows_);
  redistribution_->to_pieces<Real>(block, inflow_, static_cast<Index>(loaded_rows_));
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::forward(std::span<const double> theta, const RoutedWindow& window,
                                                  bool keep_tape) {
  if (window.first_row < loaded_first_ || window.first_row + window.rows > loaded_first_ + loaded_rows_)
    fail("routing: window rows {}..{} are outside the loaded inflow rows {}..{}", window.first_row,
         window.first_row + window.rows - 1, loaded_first_, loaded_first_ + loaded_rows_ - 1);
  window_ = window;
  if (window.wanted != wanted_) choose(window.wanted);
  const Index n = own_.size();
  std::vector<double> own_theta(static_cast<std::size_t>(n) * kReachParameters);
  redistribution_->to_pieces<double>(theta, own_theta, kReachParameters);
  ReachParameters<Real> parameters;
  for (Index i = 0; i < n; ++i) {
    parameters.a.push_back(static_cast<Real>(own_theta[i * kReachParameters]));
    parameters.b.push_back(static_cast<Real>(own_theta[i * kReachParameters + 1]));
    parameters.c.push_back(static_cast<Real>(own_theta[i * kReachParameters + 2]));
  }
  const LateralInflow<Real> inflow{inflow_.data() + (window.first_row - loaded_first_), loaded_rows_, hold_};
  const Count steps = window.rows * hold_, rows = router_->output_rows(steps);
  std::vector<Real> discharge(probe_own_.size() * rows);
  const auto state = own_state(window.initial_state);
  router_->keep_water_balance(!keep_tape);
  router_->forward(parameters, inflow, steps, state, probe_own_, discharge, keep_tape);
  return read_probes(window, discharge, rows);
}

// Pieces with no reach at or above a wanted probe are left out.
template <class Real>
void RoutedDomainOf<Real>::choose(const std::vector<std::uint8_t>& wanted) {
  wanted_ = wanted;
  std::vector<std::uint8_t> reach(topology_.size(), wanted.empty()), piece(partition_.owner.size(), 0), own;
  for (std::size_t g = 0; g < wanted.size(); ++g)
    if (wanted[g]) reach[position_of(reaches_.active, reaches_.probes[g])] = 1;
  auto order = upstream_first_order(topology_);
  for (auto r = order.rbegin(); r != order.rend(); ++r) {
    if (const Index down = topology_.downstream[*r]; down >= 0 && reach[down]) reach[*r] = 1;
    if (reach[*r]) piece[partition_.piece[*r]] = 1;
  }
  reaches_wanted_ = std::count(reach.begin(), reach.end(), 1);
  for (const Piece& p : own_.pieces) own.push_back(piece[partition_.piece[own_.reach[p.first]]]);
  router_->leave_out_pieces(std::move(own));
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::read_probes(const RoutedWindow& window, std::span<const Real> discharge,
                                                      Count rows) const {
  std::vector<double> means(reaches_.probes.size() * window.intervals, 0.0);
  for (std::size_t k = 0; k < probe_own_.size(); ++k) {
    const Index g = probe_position_[k];
    window.means[g].template apply<Real>(discharge.subspan(k * rows, rows),
                                         std::span(means).subspan(g * window.intervals, window.intervals));
  }
  comm_.gather_owned(means);
  return means;
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::adjoint(std::span<const double> means_adjoint) {
  const Count rows = router_->output_rows(window_.rows * hold_);
  std::vector<Real> seed(probe_own_.size() * rows, Real(0));
  for (std::size_t k = 0; k < probe_own_.size(); ++k) {
    const Index g = probe_position_[k];
    window_.means[g].template apply_adjoint<Real>(means_adjoint.subspan(g * window_.intervals, window_.intervals),
                                                  std::span(seed).subspan(k * rows, rows));
  }
  ReachParameters<Real> gradient;
  for (auto* part : {&gradient.a, &gradient.b, &gradient.c}) part->resize(own_.size());
  router_->adjoint(seed, gradient, {});
  std::vector<double> own(static_cast<std::size_t>(own_.size()) * kReachParameters);
  for (Index i = 0; i < own_.size(); ++i) {
    own[i * kReachParameters] = gradient.a[i];
    own[i * kReachParameters + 1] = gradient.b[i];
    own[i * kReachParameters + 2] = gradient.c[i];
  }
  std::vector<double> block(static_cast<std::size_t>(blocks_.end_reach() - blocks_.first_reach()) * kReachParameters);
  redistribution_->to_blocks<double>(own, block, kReachParameters);
  return block;
}

template <class Real>
std::vector<Real> RoutedDomainOf<Real>::own_state(const std::vector<double>& replicated) const {
  std::vector<Real> state;
  if (replicated.empty()) return state;
  if (static_cast<Count>(replicated.size()) != state_offset_.back())
    fail("routing: an initial state of {} values for {} sub-reaches", replicated.size(), state_offset_.back());
  for (Index k : own_.reach)
    for (Count v = state_offset_[k]; v < state_offset_[k + 1]; ++v) state.push_back(static_cast<Real>(replicated[v]));
  return state;
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::final_state() const {
  std::vector<double> all(state_offset_.back(), 0.0);
  const auto& own = router_->final_state();
  for (Index i = 0; i < own_.size(); ++i)
    for (Index v = router_->state_start()[i]; v < router_->state_start()[i + 1]; ++v)
      all[state_offset_[own_.reach[i]] + v - router_->state_start()[i]] = own[v];
  comm_.gather_owned(all);
  return all;
}

template <class Real>
WaterVolumes RoutedDomainOf<Real>::water_volumes() const {
  const WaterBalance& balance = router_->water_balance();
  std::vector<double> outlet, storage;
  for (Index i = 0; i < own_.size(); ++i) {
    const Index down = network_.topology.downstream[own_network_index_[i]];
    const bool leaves = down < 0 || !std::binary_search(reaches_.active.begin(), reaches_.active.end(), down);
    if (leaves) outlet.push_back(balance.outflow[i]);
    storage.push_back(balance.storage_end[i] - balance.storage_start[i]);
  }
  return {exact_sum(comm_, balance.lateral_inflow), exact_sum(comm_, outlet), exact_sum(comm_, storage),
          exact_sum(comm_, balance.created_by_floor)};
}

template <class Real>
std::string RoutedDomainOf<Real>::describe_not_finite() const {
  // The earliest step of all ranks decides, then the smallest reach id: the same words on any number of ranks.
  const auto [step, reaches] = router_->first_not_finite();
  const double none = -std::numeric_limits<double>::infinity();
  const double earliest = -comm_.max(step < 0 ? none : -static_cast<double>(step));
  if (!std::isfinite(earliest)) return {};
  Count smallest = std::numeric_limits<Count>::max();
  if (static_cast<double>(step) == earliest)
    for (Index own : reaches) smallest = std::min<Count>(smallest, network_.reach_id[own_network_index_[own]]);
  const auto id = -comm_.max(-smallest);
  return fmt::format("reach {} at routing step {} of the window", id, static_cast<Count>(earliest));
}

}  // namespace

Index RoutedDomain::steps_per_row(const LateralInflowHeader& header) const {
  return routing_steps_per_row(header, step_s_);
}

Index routing_steps_per_row(const LateralInflowHeader& header, double step_s) {
  const double steps = static_cast<double>(header.time.step_s) / step_s;
  const auto whole = static_cast<Index>(std::llround(steps));
  if (whole < 1 || std::abs(steps - whole) > 1e-9)
    fail("{}: the time step of the lateral inflow ({} s) is not a multiple of the routing step ({} s); change "
         "routing.dt_s or routing.substeps",
         header.path, header.time.step_s, step_s);
  return whole;
}

RoutedReaches reaches_above(const RiverNetwork& network, std::vector<Index> probes) {
  std::vector<std::uint8_t> wanted(network.size(), 0);
  std::vector<Index> stack(probes.begin(), probes.end());
  for (Index r : stack) wanted[r] = 1;
  while (!stack.empty()) {
    const Index r = stack.back();
    stack.pop_back();
    for (Index u : network.topology.upstream_of(r))
      if (!wanted[u]) wanted[u] = 1, stack.push_back(u);
  }
  RoutedReaches out;
  for (Index r = 0; r < network.size(); ++r)
    if (wanted[r]) out.active.push_back(r);
  out.probes = std::move(probes);
  return out;
}

std::vector<Index> sub_reach_counts(const RiverNetwork& network, const RunConfig& config) {
  const auto& split = config.routing.split;
  std::vector<Index> counts(network.size(), 1);
  if (split.method == "none") return counts;
  if (split.method == "courant" && network.upstream_area_km2.empty())
    fail("{}: routing.split.method courant needs the variable upstream_area (km2); add it or use method max_length",
         network.path);
  const auto& start = config.params.defaults;
  for (Index r = 0; r < network.size(); ++r)
    counts[r] = split.method == "max_length"
                    ? sub_reaches_by_length(network.length_m[r], split.max_length_m)
                    : sub_reaches_by_courant(network.length_m[r], network.slope[r], start.at("n"), start.at("p"),
                                             start.at("q"), split.flow_m3s_per_km2 * network.upstream_area_km2[r],
                                             config.routing.dt_s / config.routing.substeps);
  return counts;
}

std::unique_ptr<RoutedDomain> make_routed_domain(const Communicator& comm, const RunConfig& config,
                                                 const RiverNetwork& network, const RoutedReaches& reaches,
                                                 const BlockDistribution& blocks) {
  if (config.precision == "double")
    return std::make_unique<RoutedDomainOf<double>>(comm, config, network, reaches, blocks);
  return std::make_unique<RoutedDomainOf<float>>(comm, config, network, reaches, blocks);
}

}  // namespace dpl
