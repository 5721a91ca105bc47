// Blocks of one tile: what comes in, the sweeps, what goes out; and the same backward.
#include "dpl/physics/tile_router.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

WindowPlaces places(const GatherWindows& w, const std::vector<Index>& begin) {
  return {begin.data(), w.place0.data(), w.place1.data(), w.some0.data(), w.some1.data(), w.odd.data()};
}

// Reach by reach long streams of memory are what counts, and nothing is lost at the ends of a block.
constexpr Index kStepsOfSeries = 2048;

// Long enough that the skew costs little, short enough that the rows of a block stay in the second-level cache.
Index steps_of_block(Index cells) {
  constexpr Index kShortest = 64, kLongest = 256, kReachSteps = 768 * 64;
  return std::clamp(kReachSteps / std::max<Index>(1, padded(cells)) / kVectorCells * kVectorCells, kShortest, kLongest);
}

}  // namespace

template <class Real>
TileRouter<Real>::TileRouter(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                             const RoutingOptions& options, TileScratch<Real>& scratch)
    : layout_(std::move(layout)),
      piece_(tile.piece),
      role_(tile.role),
      options_(options),
      kernels_(sweep_kernels<Real>(options.device)),
      scratch_(scratch),
      upstream0_(layout_.upstream0.begin(), layout_.upstream0.end()),
      upstream1_(layout_.upstream1.begin(), layout_.upstream1.end()),
      downstream_(layout_.downstream.begin(), layout_.downstream.end()),
      held_lateral_(cells_of()),
      held_adjoint_(cells_of()) {
  lateral_floor_ = static_cast<Real>(smallest_flow(options));
  block_ = options.block_steps > 0 ? options.block_steps : steps_of_block(layout_.cells);  // tape_bytes may be asked first
  for (Index i = 0; i < layout_.cells; ++i) {
    length_m_.push_back(properties.length_m[layout_.reach[i]] * layout_.share[i]);
    slope_.push_back(properties.slope[layout_.reach[i]]);
    share_.push_back(static_cast<Real>(layout_.share[i]));
  }
}

template <class Real>
void TileRouter<Real>::set_probes(const std::vector<Index>& first_of, const std::vector<Index>& next_of) {
  probes_.clear();
  seed_base_.clear();
  std::copy(layout_.downstream.begin(), layout_.downstream.end(), downstream_.begin());
  window_begin_ = layout_.downstream_window.begin;
  for (std::size_t r = 0; r < layout_.reaches.size(); ++r)
    for (Index number = first_of[layout_.reaches[r]]; number >= 0; number = next_of[number]) {
      const Index cell = options_.inflow_readout ? layout_.first_cell[r] : layout_.last_cell[r];
      probes_.push_back({cell, number});
      if (discharge_form() || options_.inflow_readout) continue;
      seed_base_.push_back(downstream_[cell]);
      downstream_[cell] = layout_.first_seed_slot() + static_cast<Index>(seed_base_.size()) - 1;
      window_begin_[cell / kVectorCells] = -1;
    }
}

template <class Real>
BlockSpan TileRouter<Real>::block_span(const RouterWindow<Real>& window, Count block) const {
  const Count blocks = blocks_of_chunk(chunk_), first = block / blocks * chunk_, steps = block_of(chunk_);
  const Count in_chunk = block % blocks * steps, end = std::min(chunk_, window.steps - first);
  return {first + in_chunk, static_cast<Index>(std::min(steps, end - in_chunk))};
}

template <class Real>
Count TileRouter<Real>::blocks_in(const RouterWindow<Real>& window, Count chunk) const {
  const Index steps = block_of(chunk_);
  return (std::min(chunk_, window.steps - chunk * chunk_) + steps - 1) / steps;
}

template <class Real>
Count TileRouter<Real>::start_bytes(Count steps, Count chunk, Count keep_every) const {
  const Count blocks = (steps + chunk - 1) / chunk * blocks_of_chunk(chunk);
  if (blocks == 0) return 0;
  const Count starts = (blocks + keep_every - 1) / keep_every + std::min(keep_every, blocks) - 1;
  return starts * state_values() * padded(layout_.cells) * static_cast<Count>(sizeof(Real));
}

template <class Real>
void TileRouter<Real>::begin(RouterWindow<Real>& window, Count chunk, Count keep_every) {
  keep_every_ = keep_every;
  in_series_ = keep_every == 0 && !keep_balance && !options_.inflow_readout && routes_series();
  block_ = options_.block_steps > 0 ? options_.block_steps : in_series_ ? kStepsOfSeries : steps_of_block(layout_.cells);
  not_finite_step_ = -1;
  not_finite_cells_.clear();
  again_from_ = -1;
  chunk_ = chunk;
  const Count blocks = (window.steps + chunk_ - 1) / chunk_ * blocks_of_chunk(chunk_);
  kept_.resize(keep_every > 0 ? (blocks + keep_every - 1) / keep_every : 0);
  if (keep_balance) {
    outflow_volume.assign(layout_.cells, 0.0);
    floor_volume.assign(layout_.cells, 0.0);
  }
  set_coefficients(window);
  if (keep_every > 0) reset_adjoint();
}

template <class Real>
void TileRouter<Real>::grow(AlignedVector<Real>& rows, std::size_t size) {
  if (rows.size() < size) rows = AlignedVector<Real>(size, Real(0));
}

template <class Real>
TileGraph TileRouter<Real>::graph() const {
  return {layout_.lags,
          layout_.lag_begin.data(),
          upstream0_.data(),
          upstream1_.data(),
          layout_.junction_lag_begin.data(),
          layout_.junction_begin.data(),
          layout_.junction_source.data(),
          layout_.first_junction_slot(),
          places(layout_.upstream_window, layout_.upstream_window.begin)};
}

template <class Real>
WindowPlaces TileRouter<Real>::downstream_window() const {
  return places(layout_.downstream_window, window_begin_);
}

template <class Real>
LateralBlock<Real> TileRouter<Real>::lateral_block(const RouterWindow<Real>& window, const BlockSpan& span) {
  LateralBlock<Real> b;
  if (window.inflow.hold == 1) {
    b.rows = b.adjoint = scratch_.lateral.data();
    b.stride = padded(layout_.cells);
    return b;
  }
  b.rows = held_lateral_.data();
  b.adjoint = held_adjoint_.data();
  b.values = window.inflow.values;
  b.value_stride = window.inflow.stride;
  b.hold = window.inflow.hold;
  b.first_step = span.first;
  b.reach = layout_.reach.data();
  b.state = layout_.state.data();
  b.share = share_.data();
  b.floor = lateral_floor_;
  b.to = window.inflow_adjoint.empty() ? nullptr : window.inflow_adjoint.data();
  b.to_stride = window.inflow_rows;
  return b;
}

template <class Real>
LateralSeries<Real> TileRouter<Real>::lateral_series(const RouterWindow<Real>& window, const BlockSpan& span) const {
  LateralSeries<Real> s;
  s.cells = layout_.cells;
  s.steps = span.steps;
  s.lag = layout_.lag.data();
  s.first_step = span.first;
  s.all_steps = window.steps;
  s.ahead = span.backward ? -block_ : block_;
  s.stride = padded(layout_.cells);
  return s;
}

template <class Real>
LateralSeries<Real> TileRouter<Real>::inflow_series(const RouterWindow<Real>& window, const BlockSpan& span) const {
  auto series = lateral_series(window, span);
  series.place = layout_.reach.data();
  series.share = share_.data();
  series.distance = window.inflow.stride;
  series.floor = lateral_floor_;
  return series;
}

template <class Real>
void TileRouter<Real>::load_lateral(const RouterWindow<Real>& window, const BlockSpan& span) {
  if (window.inflow.hold != 1) return;
  const auto series = inflow_series(window, span);
  grow(scratch_.lateral, static_cast<std::size_t>(row_steps(span.steps) + kVectorCells) * series.stride);
  kernels_.lateral_to_rows(series, window.inflow.values, scratch_.lateral.data());
}

template <class Real>
void TileRouter<Real>::return_lateral(RouterWindow<Real>& window, const BlockSpan& span) const {
  if (window.inflow.hold != 1 || window.inflow_adjoint.empty()) return;
  auto series = lateral_series(window, span);
  series.place = layout_.state.data();
  series.distance = window.inflow_rows;
  kernels_.lateral_to_series(series, scratch_.lateral.data(), window.inflow_adjoint.data());
}

template <class Real>
void TileRouter<Real>::load_start_lateral(const RouterWindow<Real>& window, bool floored) {
  for (Index i = 0; i < layout_.cells; ++i) {
    const Real q = window.inflow.values[layout_.reach[i] * window.inflow.stride] * share_[i];
    held_lateral_[i] = floored ? floored_discharge(q, lateral_floor_) : q;
  }
}

// As the sweeps add: the upstream outflows in their order.
template <class Real>
Real TileRouter<Real>::start_inflow(Index cell, const Real* row) const {
  const Index u0 = layout_.upstream0[cell], junction = u0 - layout_.first_junction_slot();
  if (junction < 0 || junction >= layout_.junctions()) return row[u0] + row[layout_.upstream1[cell]];
  const JunctionLoop<const Real> loop{layout_.junction_begin.data(), layout_.junction_source.data(), 0, row};
  return loop.sum(junction) + row[layout_.upstream1[cell]];
}

template <class Real>
Real TileRouter<Real>::probe_value(const TileProbe& probe, Index step) const {
  const Count stride = layout_.flow_stride(), k = layout_.lag[probe.cell] + step;
  const Real* rows = probe_rows().data();
  return options_.inflow_readout ? start_inflow(probe.cell, rows + k * stride) : rows[(k + 1) * stride + probe.cell];
}

template <class Real>
void TileRouter<Real>::load_parameters(const RouterWindow<Real>& window) {
  for (auto* values : {&n_, &p_, &q_}) values->resize(layout_.cells);
  for (Index i = 0; i < layout_.cells; ++i) {
    n_[i] = window.parameters->a[layout_.reach[i]];
    p_[i] = window.parameters->b[layout_.reach[i]];
    q_[i] = window.parameters->c[layout_.reach[i]];
  }
}

template <class Real>
std::vector<Real> TileRouter<Real>::start_row(const RouterWindow<Real>& window) const {
  std::vector<Real> row(layout_.flow_stride(), Real(0));
  for (std::size_t e = 0; e < layout_.inflows.size(); ++e)
    row[layout_.inflow_slot(static_cast<Index>(e))] = window.edge_start[layout_.inflows[e].number];
  return row;
}

template <class Real>
void TileRouter<Real>::send_start(RouterWindow<Real>& window, const std::vector<Real>& row) const {
  for (const auto& cut : layout_.cuts) window.cut_start[cut.number] = row[cut.cell];
  for (const auto& edge : layout_.outflows) window.edge_start[edge.number] = row[edge.cell];
}

template <class Real>
std::vector<Real> TileRouter<Real>::start_adjoint_row(const RouterWindow<Real>& window) const {
  std::vector<Real> row(layout_.first_seed_slot(), Real(0));
  for (std::size_t e = 0; e < layout_.cuts.size(); ++e)
    row[layout_.cut_slot(static_cast<Index>(e))] = window.cut_start_adjoint[layout_.cuts[e].number];
  for (std::size_t e = 0; e < layout_.outflows.size(); ++e)
    row[layout_.outflow_slot(static_cast<Index>(e))] = window.edge_start_adjoint[layout_.outflows[e].number];
  return row;
}

template <class Real>
void TileRouter<Real>::send_start_adjoint(RouterWindow<Real>& window, const std::vector<Real>& row) const {
  for (const auto& edge : layout_.inflows) window.edge_start_adjoint[edge.number] = row[edge.cell];
}

template <class Real>
void TileRouter<Real>::fill_inflows(const RouterWindow<Real>& window, const BlockSpan& span, Real* rows) const {
  const Index stride = layout_.flow_stride();
  for (Index k = 0; k < row_steps(span.steps); ++k) rows[static_cast<Count>(k) * stride + layout_.zero_slot()] = 0;
  for (std::size_t e = 0; e < layout_.inflows.size(); ++e) {
    const Real* series = window.edge_flow.data() + layout_.inflows[e].number * window.steps + span.first;
    Real* column = rows + static_cast<Count>(layout_.lag[layout_.inflows[e].cell]) * stride +
                   layout_.inflow_slot(static_cast<Index>(e));
    for (Index t = 0; t < span.steps; ++t) column[static_cast<Count>(t) * stride] = series[t];
  }
}

template <class Real>
void TileRouter<Real>::fill_adjoint_columns(const RouterWindow<Real>& window, const BlockSpan& span, Real* rows) const {
  const Index stride = adjoint_stride();
  for (Index k = 0; k < row_steps(span.steps); ++k) rows[static_cast<Count>(k) * stride + layout_.adjoint_zero_slot()] = 0;
  const auto fill = [&](Index cell, Index slot, const Real* series) {
    Real* column = rows + static_cast<Count>(layout_.lag[cell] + 1) * stride + slot;
    for (Index t = 0; t < span.steps; ++t) column[static_cast<Count>(t) * stride] = series[t];
  };
  for (std::size_t e = 0; e < layout_.cuts.size(); ++e)
    fill(layout_.cuts[e].cell, layout_.cut_slot(static_cast<Index>(e)),
         window.cut_adjoint.data() + layout_.cuts[e].number * window.steps + span.first);
  for (std::size_t e = 0; e < layout_.outflows.size(); ++e)
    fill(layout_.outflows[e].cell, layout_.outflow_slot(static_cast<Index>(e)),
         window.edge_adjoint.data() + layout_.outflows[e].number * window.steps + span.first);
}

template <class Real>
std::vector<TileSeed<Real>> TileRouter<Real>::seeds(const RouterWindow<Real>& window, const BlockSpan& span) const {
  std::vector<TileSeed<Real>> all;
  for (std::size_t p = 0; p < probes_.size(); ++p) {
    const Index cell = probes_[p].cell;
    all.push_back({cell, layout_.lag[cell], seed_base_.empty() ? 0 : seed_base_[p],
                   layout_.first_seed_slot() + static_cast<Index>(p),
                   window.seed.data() + probes_[p].number * window.rows + span.first + (discharge_form() ? 1 : 0)});
  }
  return all;
}

template <class Real>
void TileRouter<Real>::run_block(RouterWindow<Real>& window, const BlockSpan& span, bool record) {
  if (in_series_) {
    sweep_series(window, span);
    return;
  }
  load_lateral(window, span);
  prepare_forward(window, span);
  sweep_forward(window, span, record);
}

template <class Real>
void TileRouter<Real>::read_block(RouterWindow<Real>& window, const BlockSpan& span) {
  const Count stride = in_series_ ? 1 : layout_.flow_stride();
  const auto column = [&](Index cell, Real* to) {
    const Count first = in_series_ ? cell * series_stride(span) + kVectorCells : (layout_.lag[cell] + 1) * stride + cell;
    const Real* from = scratch_.flow.data() + first;
    for (Index t = 0; t < span.steps; ++t) to[t] = from[static_cast<Count>(t) * stride];
  };
  for (const auto& cut : layout_.cuts) column(cut.cell, window.cut_flow.data() + cut.number * window.steps + span.first);
  for (const auto& edge : layout_.outflows)
    column(edge.cell, window.edge_flow.data() + edge.number * window.steps + span.first);
  for (const auto& probe : probes_) {
    Real* to = window.discharge.data() + probe.number * window.rows + span.first + (discharge_form() ? 1 : 0);
    if (in_series_) {
      column(probe.cell, to);
      continue;
    }
    for (Index t = 0; t < span.steps; ++t) to[t] = probe_value(probe, t);
  }
}

template <class Real>
void TileRouter<Real>::forward_chunk(RouterWindow<Real>& window, Count chunk) {
  const Count first = chunk * blocks_of_chunk(chunk_);
  for (Count block = first; block < first + blocks_in(window, chunk); ++block) {
    const BlockSpan span = block_span(window, block);
    auto before = snapshot();
    run_block(window, span, false);
    read_block(window, span);
    if (keep_balance) add_volumes(span, before);
    if (not_finite_step_ < 0) check_finite(window, span, before);
    if (keep_every_ > 0 && block % keep_every_ == 0) kept_[block / keep_every_] = std::move(before);
  }
}

// The state of a cell stays not finite once it is: looking at the end of a block is enough to know, and running the block
// again, shorter, tells when it began.
template <class Real>
void TileRouter<Real>::check_finite(RouterWindow<Real>& window, const BlockSpan& span, std::span<const Real> before) {
  const auto finite = [](Real value) { return std::isfinite(value); };
  const auto all_finite = [&] { return std::all_of(state().begin(), state().begin() + layout_.cells, finite); };
  if (all_finite()) return;
  const auto end_state = snapshot();
  for (Index steps = 0; steps <= span.steps && not_finite_step_ < 0; ++steps) {
    restore(before);
    if (steps > 0) run_block(window, {span.first, steps}, false);
    if (all_finite()) continue;
    not_finite_step_ = span.first + std::max(0, steps - 1);
    for (Index i = 0; i < layout_.cells; ++i)
      if (!finite(state()[i])) not_finite_cells_.push_back(i);
  }
  restore(end_state);
}

template <class Real>
std::span<const Real> TileRouter<Real>::snapshot_of(RouterWindow<Real>& window, Count block) {
  const Count from = block / keep_every_ * keep_every_;
  if (block == from) return kept_[block / keep_every_];
  if (again_from_ != from) {
    again_.clear();
    restore(kept_[from / keep_every_]);
    for (Count b = from; b < block; ++b) {
      run_block(window, block_span(window, b), false);
      again_.push_back(snapshot());
    }
    again_from_ = from;
  }
  return again_[block - from - 1];
}

template <class Real>
void TileRouter<Real>::adjoint_chunk(RouterWindow<Real>& window, Count chunk) {
  const Count first = chunk * blocks_of_chunk(chunk_);
  for (Count block = first + blocks_in(window, chunk) - 1; block >= first; --block) {
    BlockSpan span = block_span(window, block);
    span.backward = true;
    restore(snapshot_of(window, block));
    run_block(window, span, true);
    sweep_adjoint(window, span);
    return_lateral(window, span);
  }
}

template <class Real>
void TileRouter<Real>::add_gradient(std::vector<double>& a, std::vector<double>& b, std::vector<double>& c) const {
  // Ascending lag: the sub-reaches of a reach add up from the upper one down.
  for (Index i = 0; i < layout_.cells; ++i) gradient(i, a[layout_.reach[i]], b[layout_.reach[i]], c[layout_.reach[i]]);
}

template <class Real>
void TileRouter<Real>::copy_state(std::span<Real> rank_state) const {
  for (Index i = 0; i < layout_.cells; ++i) rank_state[layout_.state[i]] = state()[i];
}

template class TileRouter<float>;
template class TileRouter<double>;

}  // namespace dpl
