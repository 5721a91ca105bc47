// Blocks of one tile on a GPU: what comes in, the sweeps, what goes out; and the same backward. All is queued.
// compiled as CUDA too
#include "dpl/physics/device_tile.hpp"

#include <algorithm>
#include <limits>

#include "dpl/physics/for_each.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

// Sweeps of a block: rows of a block (and what its adjoint reads) are written and read again, the start of each is kept. Longer
// blocks would take more of the one and less of the other; neither costs time, as nothing is lost between blocks.
constexpr Index kSweeps = 64;

}  // namespace

template <class Real>
template <class T>
DeviceArray<T> DeviceTile<Real>::on_device(const std::vector<T>& values) const {
  DeviceArray<T> array(device_);
  array.set(values);
  return array;
}

template <class Real>
DeviceArray<Real> DeviceTile<Real>::cell_array() const {
  DeviceArray<Real> array(device_);
  array.need(stride_);
  return array;
}

template <class Real>
DeviceTile<Real>::DeviceTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                             const RoutingOptions& options, DeviceScratch<Real>& scratch)
    : layout_(std::move(layout)), piece_(tile.piece), role_(tile.role), options_(options), device_(options.device),
      scratch_(scratch), stride_(padded(layout_.cells)), length_(device_), slope_(device_), share_(device_),
      real_share_(device_), reach_begin_(device_), reach_cell_(device_), state_(device_), held_(device_),
      held_adjoint_(device_), first_bad_(device_), place_(device_), probe_cell_(device_), probe_number_(device_),
      probe_first_(device_), probe_next_(device_), outflow_volume_(device_), floor_volume_(device_), volume_state_(device_),
      kept_(device_), again_(device_), sweeps_(options.block_steps > 0 ? options.block_steps : kSweeps) {
  lateral_floor_ = static_cast<Real>(smallest_flow(options));
  std::vector<double> length, slope;
  std::vector<Real> share;
  for (Index i = 0; i < cells(); ++i) {
    length.push_back(properties.length_m[layout_.reach[i]] * layout_.share[i]);
    slope.push_back(properties.slope[layout_.reach[i]]);
    share.push_back(static_cast<Real>(layout_.share[i]));
  }
  length_ = on_device(length);
  slope_ = on_device(slope);
  share_ = on_device(layout_.share);
  real_share_ = on_device(share);
  held_.need(stride_);
  held_adjoint_.need(stride_);
  first_bad_.need(stride_);
  place_.need(1);
  load_graph();
}

template <class Real>
void DeviceTile<Real>::load_graph() {
  std::vector<Index> begin(1, 0), cell, edge;
  for (const Index first : layout_.first_cell) {   // upstream sub-reach first: the slots lead from one to the next
    const auto r = begin.size() - 1;
    for (Index i = first;; i = layout_.downstream[i]) {
      cell.push_back(i);
      if (i == layout_.last_cell[r]) break;
    }
    begin.push_back(static_cast<Index>(cell.size()));
  }
  reach_begin_ = on_device(begin);
  reach_cell_ = on_device(cell);
  lag_ = on_device(layout_.lag);
  reach_ = on_device(layout_.reach);
  state_place_ = on_device(layout_.state);
  upstream0_ = on_device(layout_.upstream0);
  upstream1_ = on_device(layout_.upstream1);
  downstream_ = on_device(layout_.downstream);
  junction_begin_ = on_device(layout_.junction_begin);
  junction_source_ = on_device(layout_.junction_source);
  const auto edges = [&](const std::vector<TileLayout::Edge>& list, DeviceArray<Index>& cells, DeviceArray<Index>& numbers) {
    std::vector<Index> of, number;
    for (const auto& e : list) of.push_back(e.cell), number.push_back(e.number);
    cells = on_device(of);
    numbers = on_device(number);
  };
  edges(layout_.inflows, inflow_cell_, inflow_edge_);
  edges(layout_.cuts, cut_cell_, cut_);
  edges(layout_.outflows, outflow_cell_, outflow_edge_);
  graph_ = {cells(), layout_.inflow_slot(0), layout_.first_junction_slot(), layout_.zero_slot(), layout_.cut_slot(0),
            layout_.outflow_slot(0), lag_.data(), reach_.data(), state_place_.data(), upstream0_.data(),
            upstream1_.data(), downstream_.data(), junction_begin_.data(), junction_source_.data(),
            inflow_edge_.data(), cut_.data(), outflow_edge_.data()};
  wait_for(device_);
}

template <class Real>
void DeviceTile<Real>::set_probes(const std::vector<Index>& first_of, const std::vector<Index>& next_of) {
  std::vector<Index> cell, number, first(cells(), -1), next;
  for (std::size_t r = 0; r < layout_.reaches.size(); ++r) {
    const Index own = options_.inflow_readout ? layout_.first_cell[r] : layout_.last_cell[r];
    for (Index n = first_of[layout_.reaches[r]]; n >= 0; n = next_of[n]) {
      if (first[own] < 0) first[own] = static_cast<Index>(cell.size());
      cell.push_back(own);
      number.push_back(n);
      next.push_back(next_of[n] >= 0 ? static_cast<Index>(cell.size()) : -1);
    }
  }
  probes_ = static_cast<Index>(cell.size());
  probe_cell_.set(cell);
  probe_number_.set(number);
  probe_first_.set(first);
  probe_next_.set(next);
  wait_for(device_);   // the lists here end
}

template <class Real>
Count DeviceTile<Real>::start_bytes(Count steps, Count chunk, Count keep_every) const {
  const Count blocks = (steps + chunk - 1) / chunk * blocks_of_chunk(chunk);
  if (blocks == 0) return 0;
  const Count starts = (blocks + keep_every - 1) / keep_every + std::min(keep_every, blocks) - 1;
  return starts * start_values() * static_cast<Count>(sizeof(Real));
}

template <class Real>
Count DeviceTile<Real>::scratch_values(Index hold, bool tape) const {
  Count rows = sweeps_ + 1 + 2 + (hold == 1 ? sweeps_ : 0);
  if (tape) rows += static_cast<Count>(sweeps_) * record_fields() + (discharge_form() ? 2 : 1) * (sweeps_ + 2);
  return rows * stride_;
}

template <class Real>
Count DeviceTile<Real>::own_bytes(bool tape) const {
  const Count by_cell = 3 * sizeof(double) + (3 + state_fields()) * sizeof(Real) + 9 * sizeof(Index);
  return by_cell * stride_ + form_bytes(tape);
}

template <class Real>
void DeviceTile<Real>::begin(RouterWindow<Real>& shared, Count chunk, Count keep_every) {
  auto& window = *shared.device;
  keep_every_ = keep_every;
  chunk_ = chunk;
  again_from_ = -1;
  const auto stride = static_cast<std::size_t>(stride_), sweeps = static_cast<std::size_t>(sweeps_);
  scratch_.flow.need((sweeps + 1) * stride);
  scratch_.inflow.need(2 * stride);
  if (window.shape.hold == 1) scratch_.lateral.need(sweeps * stride);
  state_.need(state_fields() * stride);
  if (keep_every > 0) {
    scratch_.record.need(sweeps * record_fields() * stride);
    scratch_.adjoint.need((sweeps + 2) * stride);
    if (discharge_form()) scratch_.second_adjoint.need((sweeps + 2) * stride);
    const Count blocks = (window.shape.steps + chunk_ - 1) / chunk_ * blocks_of_chunk(chunk_);
    const Count values = start_values();
    kept_.need(static_cast<std::size_t>((blocks + keep_every - 1) / keep_every * values));
    again_.need(static_cast<std::size_t>(std::max<Count>(0, std::min(keep_every, blocks) - 1) * values));
    held_adjoint_.zero(stride);
    reset_adjoint();
  }
  if (this->keep_balance) {
    outflow_volume_.zero(stride);
    floor_volume_.zero(stride);
  }
  set_coefficients(window);
}

// The arguments of all launches that are recorded follow from these.
template <class Real>
LaunchKey DeviceTile<Real>::key(const DeviceWindow<Real>& window, Count what) const {
  LaunchKey k;
  k.add(what).add(window.shape.steps).add(window.shape.rows).add(window.shape.hold).add(window.inflow_stride);
  k.add(window.inflow_rows).add(Count{window.inflow_adjoint_wanted}).add(Count{probes_ > 0}).add(Count{window.given_state});
  k.add(window.inflow);
  const auto arrays = [&k](const auto&... array) { (k.add(array.data()), ...); };
  arrays(window.a, window.b, window.c, window.initial_state, window.seed, window.inflow_adjoint);
  arrays(window.edge_start, window.edge_flow, window.edge_start_adjoint, window.edge_adjoint, window.cut_start_adjoint,
         window.cut_adjoint);
  arrays(scratch_.flow, scratch_.inflow, scratch_.lateral, scratch_.record, scratch_.adjoint, scratch_.second_adjoint);
  arrays(state_, probe_cell_, probe_number_, probe_first_, probe_next_);
  return k;
}

template <class Real>
SweepFrame<Real> DeviceTile<Real>::frame(const DeviceWindow<Real>& window, Index sweep) const {
  return {graph_, place_.data(), sweep, sweeps_, window.edges(), first_bad_.data()};
}

template <class Real>
DeviceLateral<Real> DeviceTile<Real>::lateral(const DeviceWindow<Real>& window, Index sweep) {
  const bool held = window.shape.hold > 1;
  Real* rows = scratch_.lateral.data() + (held ? 0 : static_cast<Count>(sweep) * stride_);
  return {held ? held_.data() : rows, held ? held_adjoint_.data() : rows, window.shape.hold, window.inflow,
          window.inflow_stride, real_share_.data(), lateral_floor_,
          window.inflow_adjoint_wanted ? window.inflow_adjoint.data() : nullptr, window.inflow_rows};
}

template <class Real>
DeviceSeeds<Real> DeviceTile<Real>::seeds(const DeviceWindow<Real>& window) const {
  return {probes_ > 0 ? probe_first_.data() : nullptr, probe_next_.data(), probe_number_.data(), window.seed.data(),
          window.shape.rows, discharge_form() ? 1 : 0};
}

template <class Real>
void DeviceTile<Real>::start(RouterWindow<Real>& shared) {
  auto& window = *shared.device;
  window.need_inflow(1);
  start_graph_.run(device_, key(window, 0), [&] {
    for (Index lag = 0; lag < layout_.lags; ++lag)   // upstream first
      start_cells(window, layout_.lag_begin[lag], layout_.lag_begin[lag + 1]);
  });
  for_each(device_, NoteStart<Real>{state_.data(), first_bad_.data(), window.shape.steps}, 0, cells());
  if (this->keep_balance && discharge_form()) {
    volume_state_.need(stride_);
    for_each(device_, CopyRow<Real>{state_.data(), volume_state_.data()}, 0, cells());
  }
  if (discharge_form() || !window.given_state) {
    const auto send = [&](const DeviceArray<Index>& cell, const DeviceArray<Index>& number, std::size_t count, Real* to) {
      for_each(device_, RowToEdges<Real>{cell.data(), number.data(), flow_row(0), to}, 0, static_cast<Index>(count));
    };
    send(cut_cell_, cut_, layout_.cuts.size(), window.cut_start.data());
    send(outflow_cell_, outflow_edge_, layout_.outflows.size(), window.edge_start.data());
  }
  after_start(window);
}

template <class Real>
Count DeviceTile<Real>::blocks_in(const DeviceWindow<Real>& window, Count chunk) const {
  const Count steps = std::min(chunk_, window.shape.steps - chunk * chunk_);
  return steps > 0 ? blocks_of_chunk(steps) : 0;
}

template <class Real>
SweepPlace DeviceTile<Real>::place_of(const DeviceWindow<Real>& window, Count block) const {
  const Count blocks = blocks_of_chunk(chunk_), begin = block / blocks * chunk_;
  return {static_cast<Index>(begin + block % blocks * sweeps_), static_cast<Index>(begin),
          static_cast<Index>(std::min(begin + chunk_, window.shape.steps))};
}

// The last row of a block is the first one of the next.
template <class Real>
void DeviceTile<Real>::advance() {
  if (!begun_) for_each(device_, CopyRow<Real>{flow_row(sweeps_), flow_row(0)}, 0, cells());
  begun_ = true;
}

template <class Real>
void DeviceTile<Real>::save(Real* to) const {
  const std::size_t fields = static_cast<std::size_t>(state_fields()) * stride_;
  copy_on(device_, to, state_.data(), fields * sizeof(Real));
  copy_on(device_, to + fields, flow_row(0), stride_ * sizeof(Real));
}

template <class Real>
void DeviceTile<Real>::restore(const Real* from) {
  const std::size_t fields = static_cast<std::size_t>(state_fields()) * stride_;
  copy_on(device_, state_.data(), from, fields * sizeof(Real));
  copy_on(device_, flow_row(0), from + fields, stride_ * sizeof(Real));
  begun_ = true;
}

template <class Real>
void DeviceTile<Real>::run_block(DeviceWindow<Real>& window, const SweepPlace& place, bool record) {
  advance();
  for_each(device_, PlaceBody{place_.data(), place}, 0, 1);
  if (window.shape.hold == 1)
    for_each(device_, SeriesToRows<Real>{graph_, place, sweeps_, window.inflow, window.inflow_stride, real_share_.data(),
                                         lateral_floor_, scratch_.lateral.data(), stride_},
             0, (sweeps_ + kSeriesSteps - 1) / kSeriesSteps * cells());
  auto& graph = record ? record_graph_ : forward_graph_;
  graph.run(device_, key(window, 1), [&] {
    for (Index s = 0; s < sweeps_; ++s) forward_sweep(window, s, record);
  });
  begun_ = false;
}

template <class Real>
void DeviceTile<Real>::read_block(DeviceWindow<Real>& window, const SweepPlace& place) {
  const bool floored = discharge_form();
  const auto read = [&](const DeviceArray<Index>& cell, const DeviceArray<Index>& number, std::size_t count, Real* to) {
    for_each(device_, OutflowsToSeries<Real>{graph_, place, sweeps_, cell.data(), number.data(), flow_row(0), stride_, to,
                                             window.shape.steps, 0, false, lateral_floor_},
             0, static_cast<Index>(count) * sweeps_);
  };
  read(cut_cell_, cut_, layout_.cuts.size(), window.cut_flow.data());
  read(outflow_cell_, outflow_edge_, layout_.outflows.size(), window.edge_flow.data());
  const OutflowsToSeries<Real> probes{graph_, place, sweeps_, probe_cell_.data(), probe_number_.data(), flow_row(0), stride_,
                                      window.discharge.data(), window.shape.rows, floored ? 1 : 0, floored, lateral_floor_};
  if (options_.inflow_readout)
    for_each(device_, InflowsToSeries<Real>{probes, window.edges()}, 0, probes_ * sweeps_);
  else
    for_each(device_, probes, 0, probes_ * sweeps_);
  if (this->keep_balance)
    for_each(device_, OutflowVolumes<Real>{graph_, place, sweeps_, flow_row(0), stride_,
                                           floored ? volume_state_.data() : nullptr, outflow_volume_.data(),
                                           floor_volume_.data(), static_cast<double>(static_cast<Real>(options_.dt_s)),
                                           lateral_floor_},
             0, cells());
}

template <class Real>
void DeviceTile<Real>::forward_chunk(RouterWindow<Real>& shared, Count chunk) {
  auto& window = *shared.device;
  const Count first = chunk * blocks_of_chunk(chunk_);
  begun_ = true;   // no step of the chunk reads the first row
  for (Count block = first; block < first + blocks_in(window, chunk); ++block) {
    const SweepPlace place = place_of(window, block);
    window.need_inflow(std::min<Count>(place.end, place.first + sweeps_));
    advance();
    if (keep_every_ > 0 && block % keep_every_ == 0) save(kept_.data() + block / keep_every_ * start_values());
    run_block(window, place, false);
    read_block(window, place);
  }
}

template <class Real>
const Real* DeviceTile<Real>::start_of(DeviceWindow<Real>& window, Count block) {
  const Count from = block / keep_every_ * keep_every_;
  const Real* kept = kept_.data() + block / keep_every_ * start_values();
  if (block == from) return kept;
  if (again_from_ != from) {
    restore(kept);
    for (Count b = from; b < block; ++b) {
      run_block(window, place_of(window, b), false);
      advance();
      save(again_.data() + (b - from) * start_values());
    }
    again_from_ = from;
  }
  return again_.data() + (block - from - 1) * start_values();
}

template <class Real>
void DeviceTile<Real>::adjoint_chunk(RouterWindow<Real>& shared, Count chunk) {
  auto& window = *shared.device;
  const Count first = chunk * blocks_of_chunk(chunk_);
  adjoint_begun_ = true;
  for (Count block = first + blocks_in(window, chunk) - 1; block >= first; --block) {
    const SweepPlace place = place_of(window, block);
    restore(start_of(window, block));
    run_block(window, place, true);
    if (!adjoint_begun_)   // the first rows of the block after this one are its last ones
      for (Index k : {1, 0})
        for (Real* rows : {next_row(0), discharge_form() ? inflow_row(0) : nullptr})
          if (rows) {
            const Count at = static_cast<Count>(k) * stride_;
            for_each(device_, CopyRow<Real>{rows + at, rows + at + static_cast<Count>(sweeps_) * stride_}, 0, cells());
          }
    adjoint_begun_ = false;
    adjoint_graph_.run(device_, key(window, 2), [&] {
      for (Index s = sweeps_ - 1; s >= 0; --s) adjoint_sweep(window, s);
    });
    send_adjoints(window, place);
  }
}

template <class Real>
void DeviceTile<Real>::send_adjoints(DeviceWindow<Real>& window, const SweepPlace& place) {
  if (window.shape.hold == 1 && window.inflow_adjoint_wanted)
    for_each(device_, RowsToSeries<Real>{graph_, place, sweeps_, scratch_.lateral.data(), stride_,
                                         window.inflow_adjoint.data(), window.inflow_rows},
             0, (sweeps_ + kSeriesSteps - 1) / kSeriesSteps * cells());
  for_each(device_, AdjointsToSeries<Real>{graph_, place, sweeps_, inflow_cell_.data(), inflow_edge_.data(), next_row(0),
                                           discharge_form() ? inflow_row(0) : nullptr, stride_, window.edge_flow.data(),
                                           window.edge_adjoint.data(), window.shape.steps, lateral_floor_},
           0, static_cast<Index>(layout_.inflows.size()) * sweeps_);
}

template <class Real>
void DeviceTile<Real>::start_adjoint(RouterWindow<Real>& shared) {
  auto& window = *shared.device;
  if (window.given_state && !discharge_form()) return;
  start_adjoint_graph_.run(device_, key(window, 3), [&] {
    for (Index lag = layout_.lags - 1; lag >= 0; --lag)
      start_adjoint_cells(window, layout_.lag_begin[lag], layout_.lag_begin[lag + 1]);
  });
  for_each(device_, RowToEdges<Real>{inflow_cell_.data(), inflow_edge_.data(), next_row(0), window.edge_start_adjoint.data()},
           0, static_cast<Index>(layout_.inflows.size()));
}

template <class Real>
void DeviceTile<Real>::add_gradient(std::vector<double>& a, std::vector<double>& b, std::vector<double>& c) const {
  const std::size_t n = layout_.reaches.size();
  DeviceArray<double> all(device_);
  all.need(3 * n);
  gradient_of(all.data());
  const auto values = all.values(3 * n);
  for (std::size_t r = 0; r < n; ++r) {
    a[layout_.reaches[r]] += values[r];
    b[layout_.reaches[r]] += values[n + r];
    c[layout_.reaches[r]] += values[2 * n + r];
  }
}

template <class Real>
void DeviceTile<Real>::copy_state(std::span<Real> rank_state) const {
  const auto values = state_.values(cells());
  for (Index i = 0; i < cells(); ++i) rank_state[layout_.state[i]] = values[i];
}

template <class Real>
std::pair<Count, std::vector<Index>> DeviceTile<Real>::not_finite() const {
  const auto bad = first_bad_.values(cells());
  Index earliest = std::numeric_limits<Index>::max();
  for (const Index b : bad)
    if (b >= 0) earliest = std::min(earliest, b);
  std::vector<Index> where;
  for (Index i = 0; i < cells(); ++i)
    if (bad[i] == earliest) where.push_back(i);
  if (where.empty()) return {-1, {}};
  return {std::max(0, earliest - 1), std::move(where)};
}

template <class Real>
std::vector<double> DeviceTile<Real>::storage() const {
  DeviceArray<double> volume(device_);
  volume.need(stride_);
  storage_of(volume.data());
  return volume.values(cells());
}

template <class Real>
void DeviceTile<Real>::collect_volumes() {
  this->outflow_volume = outflow_volume_.values(cells());
  this->floor_volume = floor_volume_.values(cells());
}

template class DeviceTile<float>;
template class DeviceTile<double>;

}  // namespace dpl
