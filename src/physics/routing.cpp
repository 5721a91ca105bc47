// The router of a rank: supersteps of its pieces, and what goes over cut edges between them.
#include "dpl/physics/routing.hpp"

#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/physics/conservative_piece.hpp"
#include "dpl/physics/discharge_piece.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {

template <class Real>
struct Router<Real>::Impl {
  RankNetwork network;
  ReachProperties properties;
  RoutingOptions options;
  Boundary<Real>& boundary;
  std::vector<Index> state_start;
  std::vector<std::unique_ptr<PieceRouter<Real>>> pieces;
  std::vector<PieceRouter<Real>*> routed;  // those not left out
  RouterWindow<Real> window;
  ReachParameters<Real> parameters;       // of the last forward
  std::vector<Real> initial_state, final_state;
  bool keep_tape = false, keep_balance = false;
  WaterBalance balance;

  Impl(const RankNetwork& n, const ReachProperties& p, const RoutingOptions& o, Boundary<Real>& b)
      : network(n), properties(p), options(o), boundary(b) {}

  void choose(std::span<const std::uint8_t> wanted) {
    routed.clear();
    for (std::size_t k = 0; k < pieces.size(); ++k)
      if (wanted.empty() || wanted[k]) routed.push_back(pieces[k].get());
  }
  Count supersteps() const { return window.chunks() + network.levels - 1; }
  void exchange_start();
  void exchange_flow(Count superstep);
  void exchange_start_adjoint();
  void exchange_adjoint(Count superstep);
  void forward();
  void adjoint();
  void size_window();
  void begin_balance();
  void end_balance();
};

namespace {

// What a rank may spend on records of chunks, shared by its pieces. Without records a chunk costs one more forward run, in cache.
constexpr Count kRecordBytes = Count{64} << 20;

}  // namespace

template <class Real>
Router<Real>::Router(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options,
                     Boundary<Real>& boundary)
    : impl_(std::make_unique<Impl>(network, properties, options, boundary)) {
  check_routing(network, properties, options);
  check_device(options.device);
  impl_->state_start = state_starts(properties.sub_reaches);
  for (const Piece& piece : network.pieces) {
    auto layout = make_piece_layout(network, piece, properties.sub_reaches, impl_->state_start);
    if (options.scheme == Scheme::conservative)
      impl_->pieces.push_back(std::make_unique<ConservativePiece<Real>>(std::move(layout), properties, options));
    else
      impl_->pieces.push_back(std::make_unique<DischargePiece<Real>>(std::move(layout), properties, options));
  }
  for (auto& piece : impl_->pieces) piece->limit_records(kRecordBytes / static_cast<Count>(impl_->pieces.size()));
  impl_->choose({});
}

template <class Real>
Router<Real>::~Router() = default;
template <class Real>
Router<Real>::Router(Router&&) noexcept = default;

template <class Real>
Index Router<Real>::state_size() const {
  return impl_->state_start.back();
}

template <class Real>
const std::vector<Index>& Router<Real>::state_start() const {
  return impl_->state_start;
}

template <class Real>
Count Router<Real>::output_rows(Count steps) const {
  return impl_->options.scheme == Scheme::conservative ? steps : steps + 1;
}

template <class Real>
const std::vector<Real>& Router<Real>::final_state() const {
  return impl_->final_state;
}

template <class Real>
void Router<Real>::keep_water_balance(bool keep) {
  impl_->keep_balance = keep;
}

template <class Real>
const WaterBalance& Router<Real>::water_balance() const {
  return impl_->balance;
}

template <class Real>
void Router<Real>::leave_out_pieces(std::vector<std::uint8_t> wanted) {
  if (!wanted.empty() && wanted.size() != impl_->pieces.size())
    fail("routing: a choice among {} pieces for {} pieces", wanted.size(), impl_->pieces.size());
  impl_->choose(wanted);
}

template <class Real>
Count Router<Real>::tape_bytes(Count steps) const {
  Count bytes = 0;
  const Count chunks = (steps + impl_->options.chunk_steps - 1) / impl_->options.chunk_steps;
  for (const auto& piece : impl_->pieces)
    bytes += piece->record_bytes(static_cast<Index>(std::min<Count>(steps, impl_->options.chunk_steps))) +
             chunks * piece->layout().cells * static_cast<Count>(sizeof(Real));
  return bytes;
}

template <class Real>
std::pair<Count, std::vector<Index>> Router<Real>::first_not_finite() const {
  std::vector<Index> reaches;
  Count earliest = -1;
  for (const auto* piece : impl_->routed) {
    const auto [step, cells] = piece->not_finite();
    if (step < 0 || (earliest >= 0 && step > earliest)) continue;
    if (step != earliest) reaches.clear();
    earliest = step;
    for (Index cell : cells) reaches.push_back(piece->layout().reach[cell]);
  }
  return {earliest, reaches};
}

template <class Real>
void Router<Real>::Impl::size_window() {
  const auto ghosts = network.ghosts.size(), cuts = network.cut_out.size();
  window.chunk = static_cast<Index>(std::min<Count>(options.chunk_steps, std::max<Count>(1, window.steps)));
  window.ghost_start.assign(ghosts, Real(0));
  window.ghost_flow.assign(ghosts * window.steps, Real(0));
  window.cut_start.assign(cuts, Real(0));
  window.cut_flow.assign(cuts * window.chunk, Real(0));
  if (!keep_tape) return;
  window.ghost_start_adjoint.assign(ghosts, Real(0));
  window.ghost_adjoint.assign(ghosts * window.chunk, Real(0));
  window.cut_start_adjoint.assign(cuts, Real(0));
  window.cut_adjoint.assign(cuts * window.steps, Real(0));
}

template <class Real>
void Router<Real>::Impl::exchange_start() {
  if (boundary.nothing_to_exchange()) return;
  boundary.send_downstream(window.cut_start, window.ghost_start, 1);
}

// What came is chunk (superstep - level) of the upstream piece.
template <class Real>
void Router<Real>::Impl::exchange_flow(Count superstep) {
  if (boundary.nothing_to_exchange() || superstep + 1 == supersteps()) return;
  std::vector<Real> came(network.ghosts.size() * window.chunk);
  boundary.send_downstream(window.cut_flow, came, window.chunk);
  for (std::size_t g = 0; g < network.ghosts.size(); ++g) {
    const Count chunk = superstep - network.ghosts[g].upstream_level;
    if (chunk < 0 || chunk >= window.chunks()) continue;
    std::copy_n(came.begin() + g * window.chunk, window.steps_of(chunk),
                window.ghost_flow.begin() + g * window.steps + window.first_step(chunk));
  }
}

template <class Real>
void Router<Real>::Impl::exchange_start_adjoint() {
  if (boundary.nothing_to_exchange()) return;
  boundary.send_upstream(window.ghost_start_adjoint, window.cut_start_adjoint, 1);
}

template <class Real>
void Router<Real>::Impl::exchange_adjoint(Count superstep) {
  if (boundary.nothing_to_exchange() || superstep == 0) return;
  std::vector<Real> came(network.cut_out.size() * window.chunk);
  boundary.send_upstream(window.ghost_adjoint, came, window.chunk);
  for (std::size_t e = 0; e < network.cut_out.size(); ++e) {
    const Count chunk = superstep - network.cut_out_level[e];
    if (chunk < 0 || chunk >= window.chunks()) continue;
    std::copy_n(came.begin() + e * window.chunk, window.steps_of(chunk),
                window.cut_adjoint.begin() + e * window.steps + window.first_step(chunk));
  }
}

template <class Real>
void Router<Real>::Impl::forward() {
  for (auto* piece : routed) piece->begin(window, keep_tape);
  for (Index level = 0; level < network.levels; ++level) {
    for (auto* piece : routed)
      if (piece->layout().level == level) piece->start(window);
    if (level + 1 < network.levels) exchange_start();
  }
  if (keep_balance) begin_balance();
  for (Count superstep = 0; superstep < supersteps(); ++superstep) {
    for (auto* piece : routed) {
      const Count chunk = superstep - piece->layout().level;
      if (chunk >= 0 && chunk < window.chunks()) piece->forward_chunk(window, chunk);
    }
    exchange_flow(superstep);
  }
  if (keep_balance) end_balance();
}

template <class Real>
void Router<Real>::Impl::adjoint() {
  for (Count superstep = supersteps() - 1; superstep >= 0; --superstep) {
    for (auto* piece : routed) {
      const Count chunk = superstep - piece->layout().level;
      if (chunk >= 0 && chunk < window.chunks()) piece->adjoint_chunk(window, chunk);
    }
    exchange_adjoint(superstep);
  }
  for (Index level = network.levels - 1; level >= 0; --level) {
    for (auto* piece : routed)
      if (piece->layout().level == level) piece->start_adjoint(window);
    if (level > 0) exchange_start_adjoint();
  }
}

template <class Real>
void Router<Real>::Impl::begin_balance() {
  const auto n = static_cast<std::size_t>(network.size());
  for (auto* part : {&balance.lateral_inflow, &balance.outflow, &balance.storage_start, &balance.storage_end,
                     &balance.created_by_floor})
    part->assign(n, 0.0);
  for (const auto* piece : routed) {
    const auto volume = piece->storage();
    for (Index i = 0; i < piece->layout().cells; ++i) balance.storage_start[piece->layout().reach[i]] += volume[i];
  }
}

template <class Real>
void Router<Real>::Impl::end_balance() {
  const double smallest = smallest_flow(options);
  for (Index r = 0; r < network.size(); ++r)
    for (Count row = 0, left = window.steps; left > 0; ++row, left -= window.inflow.hold) {
      const double seconds = options.dt_s * static_cast<double>(std::min<Count>(left, window.inflow.hold));
      const double q = window.inflow.values[r * window.inflow.stride + row];
      const double floor = smallest * properties.sub_reaches[r];
      balance.lateral_inflow[r] += q * seconds;
      balance.created_by_floor[r] += std::max(0.0, floor - q) * seconds;
    }
  for (const auto* piece : routed) {
    const auto& layout = piece->layout();
    const auto volume = piece->storage();
    for (Index i = 0; i < layout.cells; ++i) {
      const Index r = layout.reach[i];
      balance.storage_end[r] += volume[i];
      balance.created_by_floor[r] += piece->floor_volume[i];
      if (layout.last_cell[r - layout.first_reach] == i) balance.outflow[r] = piece->outflow_volume[i];
    }
  }
}

template <class Real>
void Router<Real>::forward(const ReachParameters<Real>& parameters, const LateralInflow<Real>& inflow, Count steps,
                           std::span<const Real> initial_state, std::span<const Index> probes, std::span<Real> discharge,
                           bool keep_tape) {
  Impl& m = *impl_;
  const Count rows = output_rows(steps);
  if (static_cast<Count>(discharge.size()) != static_cast<Count>(probes.size()) * rows)
    fail("routing: room for {} discharge values, {} are made", discharge.size(), probes.size() * rows);
  if (!initial_state.empty() && static_cast<Index>(initial_state.size()) != state_size())
    fail("routing: an initial state of {} values for {} sub-reaches", initial_state.size(), state_size());
  m.parameters = parameters;
  m.initial_state.assign(initial_state.begin(), initial_state.end());
  m.keep_tape = keep_tape;
  m.window.parameters = &m.parameters;
  m.window.inflow = inflow;
  m.window.steps = steps;
  m.window.initial_state = m.initial_state;
  m.window.discharge = discharge;
  m.window.rows = rows;
  m.size_window();
  if (m.routed.size() < m.pieces.size()) std::fill(discharge.begin(), discharge.end(), Real(0));
  for (auto* piece : m.routed) {
    piece->set_probes(probes);
    piece->keep_balance = m.keep_balance;
  }
  m.forward();
  m.final_state.resize(state_size());
  for (const auto& piece : m.pieces) piece->copy_state(m.final_state);
}

template <class Real>
void Router<Real>::adjoint(std::span<const Real> seed, ReachParameters<Real>& gradient, std::span<Real> inflow_adjoint) {
  Impl& m = *impl_;
  if (!m.keep_tape) fail("routing: adjoint without a forward pass that kept its tape");
  m.keep_tape = false;
  m.window.seed = seed;
  m.window.inflow_rows = (m.window.steps + m.window.inflow.hold - 1) / m.window.inflow.hold;
  m.window.inflow_adjoint.assign(inflow_adjoint.empty() ? 0 : state_size() * m.window.inflow_rows, Real(0));
  m.adjoint();
  const auto n = static_cast<std::size_t>(m.network.size());
  std::vector<double> a(n, 0.0), b(n, 0.0), c(n, 0.0);
  for (const auto* piece : m.routed) {
    const auto& layout = piece->layout();
    // Ascending lag: the sub-reaches of a reach add up from the upper one down.
    for (Index i = 0; i < layout.cells; ++i)
      piece->gradient(m.window, i, a[layout.reach[i]], b[layout.reach[i]], c[layout.reach[i]]);
  }
  gradient.a.assign(a.begin(), a.end());
  gradient.b.assign(b.begin(), b.end());
  gradient.c.assign(c.begin(), c.end());
  if (inflow_adjoint.empty()) return;
  share_lateral_adjoint<Real>(m.state_start, m.window.inflow_adjoint, m.window.inflow_rows, inflow_adjoint);
}

template class Router<float>;
template class Router<double>;

}  // namespace dpl
