// The router of a rank: its tiles, tape and balance (its windows' supersteps: router_window.cpp).
#include "dpl/physics/routing.hpp"

#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/physics/conservative_tile.hpp"
#include "dpl/physics/discharge_tile.hpp"
#include "dpl/physics/router_impl.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {

namespace {

// A block of a tile, with what its adjoint reads, should stay in the second-level cache (1 to 2 MiB a core).
constexpr Index kTileCells = 768;

}  // namespace

namespace {

template <class Real>
std::unique_ptr<RoutedTile<Real>> make_tile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                                            const RoutingOptions& options, TileScratch<Real>& scratch) {
  if (options.scheme == Scheme::conservative)
    return std::make_unique<ConservativeTile<Real>>(std::move(layout), tile, properties, options, scratch);
  return std::make_unique<DischargeTile<Real>>(std::move(layout), tile, properties, options, scratch);
}

template <class Real>
void check_window(Index reaches, const ReachParameters<Real>& p, const LateralInflow<Real>& inflow, Count steps,
                  std::span<const Index> probes) {
  const auto n = static_cast<std::size_t>(reaches);
  if (p.a.size() != n || p.b.size() != n || p.c.size() != n)
    fail("routing: parameters of {}, {} and {} reaches for {} reaches", p.a.size(), p.b.size(), p.c.size(), n);
  if (steps < 0 || inflow.hold < 1)
    fail("routing: a window of {} steps whose rows of lateral inflow hold for {} steps; at least 0 and 1 are allowed",
         steps, inflow.hold);
  for (const Index probe : probes)
    if (probe < 0 || probe >= reaches) fail("routing: a probe at own reach {} of {}", probe, reaches);
}

}  // namespace

template <class Real>
Router<Real>::Router(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options,
                     Boundary<Real>& boundary)
    : impl_(std::make_unique<Impl>(network, properties, options, boundary)) {
  Impl& m = *impl_;
  check_routing(network, properties, options);
  check_device(options.device);
  if (boundary.memory() != Device::cpu && boundary.memory() != options.device)
    fail("routing: messages over cut edges lie in a device's memory, and this router is not on that device");
  m.state_start = state_starts(properties.sub_reaches);
  std::vector<Index> level(network.size());
  for (const Piece& piece : network.pieces) std::fill_n(level.begin() + piece.first, piece.count, piece.level);
  for (const Index own : network.cut_out) m.cut_from_level.push_back(level[own]);
  for (const GhostEdge& ghost : network.ghosts) {
    m.ghost_from_level.push_back(ghost.upstream_level);
    m.ghost_level.push_back(level[ghost.into]);
  }
  if (runs_device_loops(options.device))
    m.device = std::make_unique<DeviceRouting<Real>>(m.network, m.properties, m.options, m.cut_from_level,
                                                     m.ghost_from_level, m.ghost_level,
                                                     boundary.memory() == Device::cpu);
  else
    m.make_host_tiles();
  m.choose({});
}

template <class Real>
void Router<Real>::Impl::make_host_tiles() {
  tiling = make_tiling(network, properties.sub_reaches, options.tile_cells > 0 ? options.tile_cells : kTileCells);
  for (std::size_t t = 0; t < tiling.tiles.size(); ++t)
    tiles.push_back(make_tile<Real>(
        make_tile_layout(network, tiling, static_cast<Index>(t), properties.sub_reaches, state_start), tiling.tiles[t],
        properties, options, scratch));
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
  if (!wanted.empty() && wanted.size() != impl_->network.pieces.size())
    fail("routing: a choice among {} pieces for {} pieces", wanted.size(), impl_->network.pieces.size());
  impl_->choose(wanted);
  impl_->keep_tape = false;  // of other pieces
}

template <class Real>
Count Router<Real>::tape_bytes(Count steps) const {
  return impl_->start_bytes(steps, impl_->keep_every(steps)) + impl_->edge_bytes(steps);
}

template <class Real>
DeviceWindowShape Router<Real>::Impl::device_shape(Count steps, Index hold, Index probes, bool tape) const {
  DeviceWindowShape s;
  s.steps = steps;
  s.rows = options.scheme == Scheme::conservative ? steps : steps + 1;
  s.hold = hold;
  s.reaches = network.size();
  s.states = state_start.back();
  s.edges = tiling.edges;
  s.cuts = static_cast<Index>(network.cut_out.size());
  s.probes = probes;
  s.tape = tape;
  return s;
}

template <class Real>
Count Router<Real>::device_bytes(Count steps, Index hold, Index probes, bool keep_tape) const {
  const Impl& m = *impl_;
  if (!m.device) return 0;
  const Count tape = keep_tape ? m.start_bytes(steps, m.keep_every(steps)) : 0;
  return m.device->tile_bytes(keep_tape) + m.device->window_bytes(m.device_shape(steps, hold, probes, keep_tape)) + tape;
}

// The starts of blocks are kept for the adjoint: of every one, or of every so many that the tape stays within its limit, if
// that is possible (those in between are made again).
template <class Real>
Count Router<Real>::Impl::keep_every(Count steps) const {
  if (options.tape_bytes == 0) return 1;
  const Count limit = options.tape_bytes - edge_bytes(steps);
  Count best = 1, fewest = start_bytes(steps, best);
  for (Count every = 1; every <= steps; ++every) {
    const Count bytes = start_bytes(steps, every);
    if (bytes < fewest) best = every, fewest = bytes;
    if (bytes <= limit) return every;
    if (every * every > steps) break;  // from the root of the number of blocks on, more are made again than saved
  }
  return best;
}

template <class Real>
Count Router<Real>::Impl::start_bytes(Count steps, Count every) const {
  Count bytes = 0;
  const auto s = supersteps.steps == steps ? supersteps : supersteps_of(steps);
  for (const auto& tile : tiles) bytes += tile->start_bytes(steps, chunk_of(*tile, s), every);
  return bytes;
}

template <class Real>
std::pair<Count, std::vector<Index>> Router<Real>::first_not_finite() const {
  std::vector<Index> reaches;
  Count earliest = -1;
  for (const auto* tile : impl_->routed) {
    const auto [step, cells] = tile->not_finite();
    if (step < 0 || (earliest >= 0 && step > earliest)) continue;
    if (step != earliest) reaches.clear();
    earliest = step;
    for (Index cell : cells) reaches.push_back(tile->layout().reach[cell]);
  }
  std::sort(reaches.begin(), reaches.end());  // each reach once, in an order that knows no tiles
  reaches.erase(std::unique(reaches.begin(), reaches.end()), reaches.end());
  return {earliest, reaches};
}

template <class Real>
void Router<Real>::Impl::begin_balance() {
  const auto n = static_cast<std::size_t>(network.size());
  for (auto* part : {&balance.lateral_inflow, &balance.outflow, &balance.storage_start, &balance.storage_end,
                     &balance.created_by_floor})
    part->assign(n, 0.0);
  for (const auto* tile : routed) {
    const auto volume = tile->storage();
    for (Index i = 0; i < tile->layout().cells; ++i) balance.storage_start[tile->layout().reach[i]] += volume[i];
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
  for (auto* tile : routed) {
    tile->collect_volumes();
    const auto& layout = tile->layout();
    const auto volume = tile->storage();
    for (Index i = 0; i < layout.cells; ++i) {
      balance.storage_end[layout.reach[i]] += volume[i];
      balance.created_by_floor[layout.reach[i]] += tile->floor_volume[i];
    }
    for (std::size_t r = 0; r < layout.reaches.size(); ++r)
      balance.outflow[layout.reaches[r]] = tile->outflow_volume[layout.last_cell[r]];
  }
}

template <class Real>
void Router<Real>::forward(const ReachParameters<Real>& parameters, const LateralInflow<Real>& inflow, Count steps,
                           std::span<const Real> initial_state, std::span<const Index> probes, std::span<Real> discharge,
                           bool keep_tape) {
  Impl& m = *impl_;
  check_window(m.network.size(), parameters, inflow, steps, probes);
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
  m.plan_window();
  if (!m.device && m.routed.size() < m.tiles.size()) std::fill(discharge.begin(), discharge.end(), Real(0));
  std::vector<Index> first_of(m.network.size(), -1), next_of(probes.size(), -1);
  for (auto p = static_cast<Index>(probes.size()) - 1; p >= 0; --p) {
    next_of[p] = first_of[probes[p]];
    first_of[probes[p]] = p;
  }
  for (auto* tile : m.routed) {
    tile->set_probes(first_of, next_of);
    tile->keep_balance = m.keep_balance;
  }
  if (m.device) {
    const Count tape = keep_tape ? m.start_bytes(steps, m.keep_every(steps)) : 0;
    const auto shape = m.device_shape(steps, inflow.hold, static_cast<Index>(probes.size()), keep_tape);
    m.device->begin(m.window, shape, m.supersteps, tape);
  }
  m.forward();
  if (m.device) m.device->end_forward(m.window);
  m.final_state.resize(state_size());
  for (const auto& tile : m.tiles) tile->copy_state(m.final_state);
}

template <class Real>
void Router<Real>::adjoint(std::span<const Real> seed, ReachParameters<Real>& gradient, std::span<Real> inflow_adjoint) {
  Impl& m = *impl_;
  if (!m.keep_tape) fail("routing: adjoint without a forward pass that kept its tape");
  const Count rows = (m.window.steps + m.window.inflow.hold - 1) / m.window.inflow.hold;
  if (seed.size() != m.window.discharge.size())
    fail("routing: a seed of {} values for {} of discharge", seed.size(), m.window.discharge.size());
  if (!inflow_adjoint.empty() && static_cast<Count>(inflow_adjoint.size()) != m.network.size() * rows)
    fail("routing: room for {} values of the adjoint of lateral inflow, {} are made", inflow_adjoint.size(),
         m.network.size() * rows);
  m.keep_tape = false;
  m.window.seed = seed;
  m.window.inflow_rows = rows;
  // Without sub-reaches states are reaches: their adjoints are written where they are wanted.
  std::vector<Real> of_states;
  const bool direct = state_size() == m.network.size();
  if (!inflow_adjoint.empty() && !direct) of_states.resize(state_size() * m.window.inflow_rows);
  m.window.inflow_adjoint = direct ? inflow_adjoint : std::span<Real>(of_states);
  if (m.device)
    m.device->begin_adjoint(m.window, !inflow_adjoint.empty());
  else
    std::fill(m.window.inflow_adjoint.begin(), m.window.inflow_adjoint.end(), Real(0));
  m.adjoint();
  if (m.device) m.device->end_adjoint(m.window);
  const auto n = static_cast<std::size_t>(m.network.size());
  std::vector<double> a(n, 0.0), b(n, 0.0), c(n, 0.0);
  for (const auto* tile : m.routed) tile->add_gradient(a, b, c);
  gradient.a.assign(a.begin(), a.end());
  gradient.b.assign(b.begin(), b.end());
  gradient.c.assign(c.begin(), c.end());
  if (!inflow_adjoint.empty() && !direct)
    share_lateral_adjoint<Real>(m.state_start, of_states, m.window.inflow_rows, inflow_adjoint);
  m.window.inflow_adjoint = {};
}

template class Router<float>;
template class Router<double>;

}  // namespace dpl
