// Distributes the active reaches over the ranks, moves parameters and inflow to them, routes, reads the probes.
#include "dpl/training/routed_domain.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/routing_solver.hpp"
#include "dpl/data/inflow_reader.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

constexpr Count kLoadedValues = Count{1} << 25;   // of lateral inflow in the blocks of a rank while all is loaded

RoutingOptions routing_options(const RunConfig& config, double step_s) {
  RoutingOptions o;
  // Summed: Muskingum with K and X of kSummed.
  o.scheme = is_summed(config) ? Scheme::muskingum : scheme_from_name(config.routing.scheme);
  o.dt_s = step_s;
  o.q_min_m3s = config.routing.q_min_m3s;
  o.x = config.routing.x;
  o.published_epsilons = config.routing.published_epsilons;
  o.floor_hot_start = config.routing.floor_hot_start;
  o.inflow_readout = config.routing.readout == "inflow";
  o.chunk_steps = config.routing.chunk_steps;
  o.tape_bytes = static_cast<Count>(config.memory.tape_gib * (Count{1} << 30));
  o.device = device_named(config.device);
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

// K as a share of the step, and X, for which Muskingum's C1 = C4 = 1 and C2 = C3 = 0 to the last bit in both precisions:
// 2 K X = -dt, and 2 K vanishes beside dt.
constexpr double kSummedK = 0x1p-60, kSummedX = -0x1p59;

Index position_of(const std::vector<Index>& ascending, Index value) {
  return static_cast<Index>(std::lower_bound(ascending.begin(), ascending.end(), value) - ascending.begin());
}

template <class Real>
class RoutedDomainOf final : public RoutedDomain {
 public:
  RoutedDomainOf(const Communicator& comm, const RunConfig& config, const RiverNetwork& network,
                 const RoutedReaches& reaches, const BlockDistribution& blocks);
  void use_inflow(const LateralInflowHeader& header, Count first_row, Count end_row) override;
  void give_inflow(const LateralInflowHeader& header, Count first_row, std::span<const double> own_rows) override;
  const std::vector<Index>& own_network_reaches() const override { return own_network_index_; }
  Input input() const override;
  std::vector<double> forward(std::span<const double> theta, const RoutedWindow& window, bool keep_tape) override;
  std::vector<double> adjoint(std::span<const double> means_adjoint) override;
  std::vector<double> adjoint(std::span<const double> means_adjoint, std::vector<double>& own_inflow) override;
  void forward_rows(std::span<const double> theta, const RoutedWindow& window, const SeeRows& see) override;
  const std::vector<Index>& own_probes() const override { return probe_position_; }
  std::vector<double> state() const override;
  void set_state(std::span<const double> block_state) override;
  StateRows state_rows() const override;
  std::vector<double> to_blocks(std::span<const double> own, Index width) const override;
  std::vector<double> to_own(std::span<const double> block, Index width) const override;
  WaterVolumes water_volumes() const override;
  std::string describe_not_finite() const override;
  Count discharge_rows(Count inflow_rows) const override { return router_->output_rows(inflow_rows * hold_) - skipped_; }
  Count tape_bytes(Count rows) const override { return router_->tape_bytes(rows * hold_); }
  const Partition& partition() const override { return partition_; }
  Count own_reaches() const override { return own_.size(); }
  Count reaches_wanted() const override { return reaches_wanted_; }

 private:
  void load(Count first_row, Count end_row);
  void choose(const std::vector<std::uint8_t>& wanted);
  std::vector<Real> route(std::span<const double> theta, const RoutedWindow& window, bool keep_tape);
  std::vector<double> adjoint(std::span<const double> means_adjoint, std::span<Real> inflow_adjoint);
  std::vector<double> read_probes(const RoutedWindow& window, std::span<const Real> discharge, Count rows) const;
  std::pair<Index, Index> active_of_blocks() const;

  const Communicator& comm_;
  const RiverNetwork& network_;
  RoutedReaches reaches_;
  BlockDistribution blocks_;
  Topology topology_;                            // of the active reaches
  Partition partition_;
  RankNetwork own_;                              // reach = index into reaches_.active
  std::vector<Index> own_network_index_;         // [own] index in the network
  std::vector<Index> sub_reaches_;               // [active]
  Index most_sub_reaches_ = 1;
  std::vector<Real> state_;                      // of the own reaches, as the router orders it; empty before the first window
  std::unique_ptr<BoundaryExchange<Real>> boundary_;
  std::unique_ptr<Redistribution> redistribution_;
  std::unique_ptr<WindowRouter<Real>> router_;
  std::vector<Index> probe_own_, probe_position_;  // own index of a probe on this rank, its position among all probes
  std::vector<Real> inflow_;                     // [own][loaded row]
  Count loaded_first_ = 0, loaded_rows_ = 0;
  std::unique_ptr<InflowReader<Real>> reader_;
  double input_gib_ = 0, waited_s_ = 0;
  Count source_first_ = 0, source_end_ = 0;      // rows of the file that windows may ask for
  bool keeps_all_ = false;
  Index hold_ = 1;
  bool summed_ = false;
  Count skipped_ = 0;                            // first rows of the router's discharge that are not shown
  RoutedWindow window_;                          // of the last forward, for the adjoint
  std::vector<std::uint8_t> wanted_;             // [probe] what the router's pieces are chosen for
  Count reaches_wanted_ = 0;
};

template <class Real>
RoutedDomainOf<Real>::RoutedDomainOf(const Communicator& comm, const RunConfig& config, const RiverNetwork& network,
                                     const RoutedReaches& reaches, const BlockDistribution& blocks)
    : comm_(comm), network_(network), reaches_(reaches), blocks_(blocks) {
  step_s_ = config.routing.dt_s / config.routing.substeps;
  input_gib_ = config.memory.input_gib;
  // Row r + 1 of the instants of `summed` is the sum of step r: without row 0 rows are steps.
  summed_ = is_summed(config);
  skipped_ = summed_ ? 1 : 0;
  const auto sub_reaches = sub_reach_counts(comm, network, config);
  topology_ = active_topology(network, reaches_.active);
  std::vector<double> weight;
  for (Index r : reaches_.active) {
    weight.push_back(sub_reaches[r]);
    sub_reaches_.push_back(sub_reaches[r]);
    most_sub_reaches_ = std::max(most_sub_reaches_, sub_reaches[r]);
  }
  partition_ = make_partition(topology_, weight, comm.size(), pieces_per_rank(config, reaches_, comm.size()));
  own_ = make_rank_network(topology_, partition_, comm.rank());
  reaches_wanted_ = topology_.size();

  for (Index k : own_.reach) own_network_index_.push_back(reaches_.active[k]);
  boundary_ = std::make_unique<BoundaryExchange<Real>>(comm, own_, device_named(config.device));
  redistribution_ = std::make_unique<Redistribution>(comm, blocks_, own_network_index_);
  ReachProperties properties;
  std::vector<double> rows;
  for (Index r = 0; r < network.rows(); ++r) rows.insert(rows.end(), {network.length_m[r], network.slope[r]});
  const auto own_rows = to_own(rows, 2);
  for (Index i = 0; i < own_.size(); ++i) {
    properties.length_m.push_back(own_rows[2 * static_cast<Count>(i)]);
    properties.slope.push_back(own_rows[2 * static_cast<Count>(i) + 1]);
    properties.sub_reaches.push_back(sub_reaches_[own_.reach[i]]);
  }
  router_ = make_window_router<Real>(config.routing.solver, comm, own_, properties,
                                     routing_options(config, step_s_), *boundary_);
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
void RoutedDomainOf<Real>::use_inflow(const LateralInflowHeader& header, Count first_row, Count end_row) {
  hold_ = steps_per_row(header);
  reader_ = std::make_unique<InflowReader<Real>>(comm_, header, network_, blocks_.first_reach(), blocks_.end_reach());
  waited_s_ = 0;
  source_first_ = first_row;
  source_end_ = end_row;
  loaded_first_ = loaded_rows_ = 0;
  const double gib = static_cast<double>(own_.size()) * static_cast<double>(end_row - first_row) * sizeof(Real) / 0x1p30;
  keeps_all_ = comm_.max(gib) <= input_gib_;
  if (keeps_all_) load(first_row, end_row);
}

template <class Real>
void RoutedDomainOf<Real>::give_inflow(const LateralInflowHeader& header, Count first_row,
                                       std::span<const double> own_rows) {
  const Count rows = own_.size() == 0 ? 0 : static_cast<Count>(own_rows.size()) / own_.size();
  hold_ = steps_per_row(header);
  reader_.reset();
  keeps_all_ = true;
  inflow_.assign(own_rows.begin(), own_rows.end());
  source_first_ = loaded_first_ = first_row;
  // A rank without reaches takes part in windows of any rows.
  loaded_rows_ = own_.size() == 0 ? header.time.size - first_row : rows;
  source_end_ = first_row + loaded_rows_;
}

template <class Real>
RoutedDomain::Input RoutedDomainOf<Real>::input() const {
  return {waited_s_, reader_ ? reader_->values_decoded() : 0};
}

// In parts of rows, so that what lies in blocks and in messages stays small beside what is kept; the next part is read
// while one moves to the pieces. A window that was read ahead is one part.
template <class Real>
void RoutedDomainOf<Real>::load(Count first_row, Count end_row) {
  const auto begin = std::chrono::steady_clock::now();
  const Count rows = end_row - first_row;
  const Count part = keeps_all_ ? std::max<Count>(1, kLoadedValues / std::max<Count>(1, blocks_.reaches / comm_.size())) : rows;
  loaded_rows_ = 0;
  inflow_.resize(static_cast<std::size_t>(own_.size()) * rows);
  std::vector<Real> own;
  for (Count first = first_row; first < end_row; first += part) {
    const Count count = std::min(part, end_row - first);
    auto block = reader_->read(first, first + count);
    if (first + count < end_row) reader_->prefetch(first + count, std::min(first + count + part, end_row));
    if (count == rows) {
      redistribution_->to_pieces<Real>(block, inflow_, static_cast<Index>(rows));
      reader_->give_back(std::move(block));
      break;
    }
    own.resize(static_cast<std::size_t>(own_.size()) * count);
    redistribution_->to_pieces<Real>(block, own, static_cast<Index>(count));
    for (Index i = 0; i < own_.size(); ++i)
      std::copy_n(own.data() + i * count, count, inflow_.data() + i * rows + (first - first_row));
    reader_->give_back(std::move(block));
  }
  if (keeps_all_) reader_->give_back({});  // nothing more will be read
  loaded_first_ = first_row;
  loaded_rows_ = rows;
  waited_s_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

template <class Real>
std::vector<Real> RoutedDomainOf<Real>::route(std::span<const double> theta, const RoutedWindow& window, bool keep_tape) {
  const Count end_row = window.first_row + window.rows;
  if (window.first_row < source_first_ || end_row > source_end_)
    fail("routing: window rows {}..{} are outside the inflow rows {}..{} of the run", window.first_row, end_row - 1,
         source_first_, source_end_ - 1);
  if (window.first_row < loaded_first_ || end_row > loaded_first_ + loaded_rows_) load(window.first_row, end_row);
  if (!keeps_all_ && window.next_rows > 0) reader_->prefetch(window.next_first_row, window.next_first_row + window.next_rows);
  window_ = window;
  if (window.wanted != wanted_) choose(window.wanted);
  const Index n = own_.size();
  std::vector<double> own_theta(static_cast<std::size_t>(n) * kReachParameters);
  redistribution_->to_pieces<double>(theta, own_theta, kReachParameters);
  ReachParameters<Real> parameters;
  for (Index i = 0; i < n; ++i) {
    if (summed_) {
      parameters.a.push_back(static_cast<Real>(kSummedK * step_s_));
      parameters.b.push_back(static_cast<Real>(kSummedX));
      parameters.c.push_back(0);
      continue;
    }
    parameters.a.push_back(static_cast<Real>(own_theta[i * kReachParameters]));
    parameters.b.push_back(static_cast<Real>(own_theta[i * kReachParameters + 1]));
    parameters.c.push_back(static_cast<Real>(own_theta[i * kReachParameters + 2]));
  }
  const LateralInflow<Real> inflow{inflow_.data() + (window.first_row - loaded_first_), loaded_rows_, hold_};
  const Count steps = window.rows * hold_, rows = router_->output_rows(steps);
  std::vector<Real> discharge(probe_own_.size() * rows);
  if (!window.from_state) state_.clear();
  if (window.from_state && static_cast<Index>(state_.size()) != router_->state_size())
    fail("routing: a window was to start from a state, and there is none");
  router_->keep_water_balance(!keep_tape);
  router_->forward(parameters, inflow, steps, state_, probe_own_, discharge, keep_tape);
  state_ = router_->final_state();
  return discharge;
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::forward(std::span<const double> theta, const RoutedWindow& window,
                                                  bool keep_tape) {
  return read_probes(window, route(theta, window, keep_tape), discharge_rows(window.rows));
}

template <class Real>
void RoutedDomainOf<Real>::forward_rows(std::span<const double> theta, const RoutedWindow& window, const SeeRows& see) {
  const auto discharge = route(theta, window, false);
  const Count all = discharge_rows(window.rows) + skipped_;
  std::vector<double> wide(all - skipped_);
  for (std::size_t k = 0; k < probe_own_.size(); ++k) {
    const auto from = discharge.begin() + static_cast<Count>(k) * all;
    std::copy(from + skipped_, from + all, wide.begin());
    see(probe_position_[k], probe_own_[k], wide);
  }
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
    window.means[g].template apply<Real>(discharge.subspan(k * (rows + skipped_) + skipped_, rows),
                                         std::span(means).subspan(g * window.intervals, window.intervals));
  }
  comm_.gather_owned(means);
  return means;
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::adjoint(std::span<const double> means_adjoint) {
  return adjoint(means_adjoint, std::span<Real>());
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::adjoint(std::span<const double> means_adjoint,
                                                  std::vector<double>& own_inflow) {
  std::vector<Real> inflow(static_cast<std::size_t>(own_.size()) * window_.rows);
  auto of_theta = adjoint(means_adjoint, std::span<Real>(inflow));
  own_inflow.assign(inflow.begin(), inflow.end());
  return of_theta;
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::adjoint(std::span<const double> means_adjoint,
                                                  std::span<Real> inflow_adjoint) {
  const Count rows = router_->output_rows(window_.rows * hold_);
  std::vector<Real> seed(probe_own_.size() * rows, Real(0));
  for (std::size_t k = 0; k < probe_own_.size(); ++k) {
    const Index g = probe_position_[k];
    window_.means[g].template apply_adjoint<Real>(means_adjoint.subspan(g * window_.intervals, window_.intervals),
                                                  std::span(seed).subspan(k * rows + skipped_, rows - skipped_));
  }
  ReachParameters<Real> gradient;
  for (auto* part : {&gradient.a, &gradient.b, &gradient.c}) part->resize(own_.size());
  router_->adjoint(seed, gradient, inflow_adjoint);
  if (summed_)  // depends on no parameter
    for (auto* part : {&gradient.a, &gradient.b}) std::fill(part->begin(), part->end(), Real(0));
  std::vector<double> own(static_cast<std::size_t>(own_.size()) * kReachParameters);
  for (Index i = 0; i < own_.size(); ++i) {
    own[i * kReachParameters] = gradient.a[i];
    own[i * kReachParameters + 1] = gradient.b[i];
    own[i * kReachParameters + 2] = gradient.c[i];
  }
  return to_blocks(own, kReachParameters);
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::to_blocks(std::span<const double> own, Index width) const {
  std::vector<double> block(static_cast<std::size_t>(blocks_.end_reach() - blocks_.first_reach()) * width);
  redistribution_->to_blocks<double>(own, block, width);
  return block;
}

template <class Real>
std::vector<double> RoutedDomainOf<Real>::to_own(std::span<const double> block, Index width) const {
  std::vector<double> own(static_cast<std::size_t>(own_.size()) * width);
  redistribution_->to_pieces<double>(block, own, width);
  return own;
}

// Active reaches first..end-1 lie in the blocks of this rank.
template <class Real>
std::pair<Index, Index> RoutedDomainOf<Real>::active_of_blocks() const {
  return {position_of(reaches_.active, blocks_.first_reach()), position_of(reaches_.active, blocks_.end_reach())};
}

template <class Real>
RoutedDomain::StateRows RoutedDomainOf<Real>::state_rows() const {
  const auto [first, end] = active_of_blocks();
  const auto sum = [&](Index from, Index to) { return std::accumulate(sub_reaches_.begin() + from, sub_reaches_.begin() + to, Count{0}); };
  return {sum(0, first), sum(first, end), sum(0, static_cast<Index>(sub_reaches_.size()))};
}

// A reach travels with room for the most sub-reaches any reach has.
template <class Real>
std::vector<double> RoutedDomainOf<Real>::state() const {
  const Index width = most_sub_reaches_;
  std::vector<double> own(static_cast<std::size_t>(own_.size()) * width, 0.0), values;
  const auto& start = router_->state_start();
  for (Index i = 0; i < own_.size() && !state_.empty(); ++i)
    std::copy(state_.begin() + start[i], state_.begin() + start[i + 1], own.begin() + static_cast<Count>(i) * width);
  const auto block = to_blocks(own, width);
  const auto [first, end] = active_of_blocks();
  for (Index k = first; k < end; ++k) {
    const auto row = block.begin() + static_cast<Count>(reaches_.active[k] - blocks_.first_reach()) * width;
    values.insert(values.end(), row, row + sub_reaches_[k]);
  }
  return values;
}

template <class Real>
void RoutedDomainOf<Real>::set_state(std::span<const double> block_state) {
  const Index width = most_sub_reaches_;
  if (static_cast<Count>(block_state.size()) != state_rows().count)
    fail("routing: a state of {} values for {} sub-reaches", block_state.size(), state_rows().count);
  std::vector<double> block(static_cast<std::size_t>(blocks_.end_reach() - blocks_.first_reach()) * width, 0.0);
  const auto [first, end] = active_of_blocks();
  auto from = block_state.begin();
  for (Index k = first; k < end; from += sub_reaches_[k++])
    std::copy_n(from, sub_reaches_[k], block.begin() + static_cast<Count>(reaches_.active[k] - blocks_.first_reach()) * width);
  const auto own = to_own(block, width);
  const auto& start = router_->state_start();
  state_.resize(router_->state_size());
  for (Index i = 0; i < own_.size(); ++i)
    for (Index v = start[i]; v < start[i + 1]; ++v)
      state_[v] = static_cast<Real>(own[static_cast<Count>(i) * width + v - start[i]]);
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
  return fmt::format("reach {} at routing step {} of the {}", id, window_.first_step + static_cast<Count>(earliest),
                     window_.first_step > 0 ? "run" : "window");
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

std::unique_ptr<RoutedDomain> make_routed_domain(const Communicator& comm, const RunConfig& config,
                                                 const RiverNetwork& network, const RoutedReaches& reaches,
                                                 const BlockDistribution& blocks) {
  if (config.precision == "double")
    return std::make_unique<RoutedDomainOf<double>>(comm, config, network, reaches, blocks);
  return std::make_unique<RoutedDomainOf<float>>(comm, config, network, reaches, blocks);
}

}  // namespace dpl
