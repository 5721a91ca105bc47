// The router of a rank: supersteps of its pieces, tile by tile, and what goes over cut edges between them.
#include "dpl/physics/routing.hpp"

#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/physics/conservative_tile.hpp"
#include "dpl/physics/discharge_tile.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {

namespace {

// A block of a tile, with what its adjoint reads, should stay in the second-level cache (1 to 2 MiB a core).
constexpr Index kTileCells = 768;

}  // namespace

template <class Real>
struct Router<Real>::Impl {
  RankNetwork network;
  ReachProperties properties;
  RoutingOptions options;
  Boundary<Real>& boundary;
  std::vector<Index> state_start;
  Tiling tiling;
  TileScratch<Real> scratch;
  std::vector<std::unique_ptr<TileRouter<Real>>> tiles;
  std::vector<TileRouter<Real>*> routed;  // those of pieces not left out
  Supersteps supersteps;
  struct Superstep {
    std::vector<TileRouter<Real>*> needed, chunked, further;  // whole, whose flow is needed; in chunks; whole, meanwhile
  };
  std::vector<Superstep> plan;
  std::vector<Index> cut_from_level;                      // [cut_out] of its piece
  std::vector<Index> ghost_from_level, ghost_level;       // [ghost] of its source, of the piece it flows into
  std::vector<Real> sent, came;                           // [cut or ghost][chunk]
  RouterWindow<Real> window;
  ReachParameters<Real> parameters;       // of the last forward
  std::vector<Real> initial_state, final_state;
  bool keep_tape = false, keep_balance = false;
  WaterBalance balance;

  Impl(const RankNetwork& n, const ReachProperties& p, const RoutingOptions& o, Boundary<Real>& b)
      : network(n), properties(p), options(o), boundary(b) {}

  void choose(std::span<const std::uint8_t> wanted) {
    routed.clear();
    for (const auto& tile : tiles)
      if (wanted.empty() || wanted[tile->piece()]) routed.push_back(tile.get());
  }
  Index level(const TileRouter<Real>& tile) const { return network.pieces[tile.piece()].level; }
  void plan_window();
  void exchange_start();
  void begin_flow(Count superstep);
  void end_flow(Count superstep);
  void exchange_start_adjoint();
  void begin_adjoint(Count superstep);
  void end_adjoint(Count superstep);
  void forward();
  void adjoint();
  void size_window();
  Count edge_bytes(Count steps) const {  // series that come over cut edges and go from tile to tile, both ways
    return 2 * (tiling.edges + static_cast<Count>(network.cut_out.size())) * steps * static_cast<Count>(sizeof(Real));
  }
  Supersteps supersteps_of(Count steps) const { return choose_supersteps(network.load, steps, options.chunk_steps); }
  Count chunk_of(const TileRouter<Real>& tile, const Supersteps& s) const {
    return s.in_chunks(tile.role(), level(tile)) ? s.chunk : std::max<Count>(1, s.steps);
  }
  Count start_bytes(Count steps, Count every) const;
  Count keep_every(Count steps) const;
  void begin_balance();
  void end_balance();
};

namespace {

template <class Real>
std::unique_ptr<TileRouter<Real>> make_tile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
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
  m.state_start = state_starts(properties.sub_reaches);
  m.tiling = make_tiling(network, properties.sub_reaches, options.tile_cells > 0 ? options.tile_cells : kTileCells);
  const DeviceAllocator<Real> memory(options.device);
  for (auto* rows : {&m.scratch.flow, &m.scratch.floored, &m.scratch.inflow, &m.scratch.lateral, &m.scratch.record,
                     &m.scratch.adjoint, &m.scratch.second_adjoint})
    *rows = DeviceVector<Real>(memory);
  for (std::size_t t = 0; t < m.tiling.tiles.size(); ++t)
    m.tiles.push_back(make_tile<Real>(
        make_tile_layout(network, m.tiling, static_cast<Index>(t), properties.sub_reaches, m.state_start),
        m.tiling.tiles[t], properties, options, m.scratch));
  std::vector<Index> level(network.size());
  for (const Piece& piece : network.pieces) std::fill_n(level.begin() + piece.first, piece.count, piece.level);
  for (const Index own : network.cut_out) m.cut_from_level.push_back(level[own]);
  for (const GhostEdge& ghost : network.ghosts) {
    m.ghost_from_level.push_back(ghost.upstream_level);
    m.ghost_level.push_back(level[ghost.into]);
  }
  m.choose({});
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

// Tiles in the order of their work. Whole tiles that are needed first come first, within a piece upstream first.
template <class Real>
void Router<Real>::Impl::plan_window() {
  const auto planned = rank_steps(network.load, supersteps, network.rank);
  plan.assign(supersteps.count(), {});
  std::vector<TileRouter<Real>*> whole;
  for (auto* tile : routed) {
    if (!supersteps.in_chunks(tile->role(), level(*tile)))
      whole.push_back(tile);
    else
      for (Count chunk = 0; chunk < supersteps.chunks; ++chunk) plan[level(*tile) + chunk].chunked.push_back(tile);
  }
  const auto needed_by = [&](const TileRouter<Real>* tile) {
    return tile->role() == CutRole::before_cut ? level(*tile) : supersteps.count();
  };
  std::stable_sort(whole.begin(), whole.end(), [&](auto* a, auto* b) { return needed_by(a) < needed_by(b); });
  double done = 0, aim = 0;
  auto tile = whole.begin();
  for (Count s = 0; s < supersteps.count(); ++s) {
    const auto take = [&](std::vector<TileRouter<Real>*>& list) {
      done += static_cast<double>((*tile)->layout().cells) * static_cast<double>(window.steps);
      list.push_back(*tile++);
    };
    while (tile != whole.end() && needed_by(*tile) <= s) take(plan[s].needed);
    aim += planned.needed[s] + planned.further[s];
    while (tile != whole.end() && (done < aim || s + 1 == supersteps.count())) take(plan[s].further);
  }
}

template <class Real>
void Router<Real>::Impl::size_window() {
  const auto cuts = network.cut_out.size();
  const auto edges = static_cast<std::size_t>(tiling.edges);
  if (supersteps.steps != window.steps || supersteps.chunks == 0) supersteps = supersteps_of(window.steps);
  window.edge_start.assign(edges, Real(0));
  window.edge_flow.assign(edges * window.steps, Real(0));
  window.cut_start.assign(cuts, Real(0));
  window.cut_flow.assign(cuts * window.steps, Real(0));
  if (!keep_tape) return;
  window.edge_start_adjoint.assign(edges, Real(0));
  window.edge_adjoint.assign(edges * window.steps, Real(0));
  window.cut_start_adjoint.assign(cuts, Real(0));
  window.cut_adjoint.assign(cuts * window.steps, Real(0));
}

template <class Real>
void Router<Real>::Impl::exchange_start() {
  if (boundary.nothing_to_exchange()) return;
  boundary.send_downstream(window.cut_start, std::span(window.edge_start).first(network.ghosts.size()), 1);
}

// Rows of a message: of series [edge][steps] those of chunk (superstep - level of the edge), where there is such a chunk.
template <class Copy>
void for_chunks(const Supersteps& supersteps, Count superstep, std::span<const Index> levels, const Copy& copy) {
  for (std::size_t e = 0; e < levels.size(); ++e)
    if (const Count c = superstep - levels[e]; c >= 0 && c < supersteps.chunks)
      copy(static_cast<Count>(e) * supersteps.chunk, static_cast<Count>(e) * supersteps.steps + c * supersteps.chunk,
           supersteps.steps_of(c));
}

template <class Real>
void Router<Real>::Impl::begin_flow(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  sent.assign(network.cut_out.size() * supersteps.chunk, Real(0));
  came.resize(network.ghosts.size() * supersteps.chunk);
  for_chunks(supersteps, superstep, cut_from_level, [&](Count message, Count series, Count steps) {
    std::copy_n(window.cut_flow.begin() + series, steps, sent.begin() + message);
  });
  boundary.begin_downstream(sent, came, static_cast<Index>(supersteps.chunk));
}

template <class Real>
void Router<Real>::Impl::end_flow(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  boundary.end_downstream(sent, came, static_cast<Index>(supersteps.chunk));
  for_chunks(supersteps, superstep, ghost_from_level, [&](Count message, Count series, Count steps) {
    std::copy_n(came.begin() + message, steps, window.edge_flow.begin() + series);
  });
}

template <class Real>
void Router<Real>::Impl::exchange_start_adjoint() {
  if (boundary.nothing_to_exchange()) return;
  boundary.send_upstream(std::span<const Real>(window.edge_start_adjoint).first(network.ghosts.size()),
                         window.cut_start_adjoint, 1);
}

template <class Real>
void Router<Real>::Impl::begin_adjoint(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  sent.assign(network.ghosts.size() * supersteps.chunk, Real(0));
  came.resize(network.cut_out.size() * supersteps.chunk);
  for_chunks(supersteps, superstep, ghost_level, [&](Count message, Count series, Count steps) {
    std::copy_n(window.edge_adjoint.begin() + series, steps, sent.begin() + message);
  });
  boundary.begin_upstream(sent, came, static_cast<Index>(supersteps.chunk));
}

template <class Real>
void Router<Real>::Impl::end_adjoint(Count superstep) {
  if (boundary.nothing_to_exchange()) return;
  boundary.end_upstream(sent, came, static_cast<Index>(supersteps.chunk));
  for_chunks(supersteps, superstep, network.cut_out_level, [&](Count message, Count series, Count steps) {
    std::copy_n(came.begin() + message, steps, window.cut_adjoint.begin() + series);
  });
}

template <class Real>
void Router<Real>::Impl::forward() {
  const Count every = keep_tape ? keep_every(window.steps) : 0, last = supersteps.count() - 1;
  for (auto* tile : routed) tile->begin(window, chunk_of(*tile, supersteps), every);
  for (Index level = 0; level < network.levels; ++level) {
    for (auto* tile : routed)
      if (this->level(*tile) == level) tile->start(window);
    if (level + 1 < network.levels) exchange_start();
  }
  if (keep_balance) begin_balance();
  const auto run_whole = [&](const std::vector<TileRouter<Real>*>& list) {
    for (auto* tile : list) {
      tile->forward_chunk(window, 0);
      boundary.move_messages();
    }
  };
  for (Count s = 0; s <= last; ++s) {
    run_whole(plan[s].needed);
    if (s > 0) end_flow(s - 1);
    for (auto* tile : plan[s].chunked) tile->forward_chunk(window, s - level(*tile));
    if (s < last) begin_flow(s);
    run_whole(plan[s].further);
  }
  if (keep_balance) end_balance();
}

// The forward pass from its end to its beginning.
template <class Real>
void Router<Real>::Impl::adjoint() {
  const Count last = supersteps.count() - 1;
  const auto backward = [&](const std::vector<TileRouter<Real>*>& list) {
    for (auto tile = list.rbegin(); tile != list.rend(); ++tile) {
      (*tile)->adjoint_chunk(window, 0);
      boundary.move_messages();
    }
  };
  for (Count s = last; s >= 0; --s) {
    backward(plan[s].further);
    if (s < last) end_adjoint(s + 1);
    const auto& chunked = plan[s].chunked;
    for (auto tile = chunked.rbegin(); tile != chunked.rend(); ++tile) (*tile)->adjoint_chunk(window, s - level(**tile));
    if (s > 0) begin_adjoint(s);
    backward(plan[s].needed);
  }
  for (Index level = network.levels - 1; level >= 0; --level) {
    for (auto tile = routed.rbegin(); tile != routed.rend(); ++tile)
      if (this->level(**tile) == level) (*tile)->start_adjoint(window);
    if (level > 0) exchange_start_adjoint();
  }
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
  for (const auto* tile : routed) {
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
  if (m.routed.size() < m.tiles.size()) std::fill(discharge.begin(), discharge.end(), Real(0));
  std::vector<Index> first_of(m.network.size(), -1), next_of(probes.size(), -1);
  for (auto p = static_cast<Index>(probes.size()) - 1; p >= 0; --p) {
    next_of[p] = first_of[probes[p]];
    first_of[probes[p]] = p;
  }
  for (auto* tile : m.routed) {
    tile->set_probes(first_of, next_of);
    tile->keep_balance = m.keep_balance;
  }
  m.forward();
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
  std::fill(m.window.inflow_adjoint.begin(), m.window.inflow_adjoint.end(), Real(0));
  m.adjoint();
  const auto n = static_cast<std::size_t>(m.network.size());
  std::vector<double> a(n, 0.0), b(n, 0.0), c(n, 0.0);
  for (const auto* tile : m.routed) {
    const auto& layout = tile->layout();
    // Ascending lag: the sub-reaches of a reach add up from the upper one down.
    for (Index i = 0; i < layout.cells; ++i)
      tile->gradient(i, a[layout.reach[i]], b[layout.reach[i]], c[layout.reach[i]]);
  }
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
