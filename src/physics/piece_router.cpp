// The skewed sweep over one piece: gather, record, step, read; and the same backward.
#include "dpl/physics/piece_router.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

DeviceVector<Index> on_device(const std::vector<Index>& values, Device device) {
  return DeviceVector<Index>(values.begin(), values.end(), DeviceAllocator<Index>(device));
}

}  // namespace

template <class Real>
PieceRouter<Real>::PieceRouter(PieceLayout layout, const ReachProperties& properties, const RoutingOptions& options)
    : layout_(std::move(layout)),
      options_(options),
      memory_(options.device),
      kernels_(sweep_kernels<Real>(options.device)),
      upstream0_(on_device(layout_.upstream0, options.device)),
      upstream1_(on_device(layout_.upstream1, options.device)),
      downstream_(on_device(layout_.downstream, options.device)),
      flow_(slots_of()),
      inflow_(cells_of()),
      lateral_(cells_of()) {
  lateral_floor_ = static_cast<Real>(smallest_flow(options));
  for (Index i = 0; i < layout_.cells; ++i) {
    length_m_.push_back(properties.length_m[layout_.reach[i]] * layout_.share[i]);
    slope_.push_back(properties.slope[layout_.reach[i]]);
    share_.push_back(static_cast<Real>(layout_.share[i]));
  }
}

template <class Real>
void PieceRouter<Real>::set_probes(std::span<const Index> probes) {
  probes_.clear();
  std::vector<Index> first_cell(layout_.last_cell.size());
  for (Index i = layout_.cells - 1; i >= 0; --i) {
    auto& cell = first_cell[layout_.reach[i] - layout_.first_reach];
    cell = i;  // lags ascend downstream: the last one written is the uppermost
  }
  for (std::size_t k = 0; k < probes.size(); ++k) {
    const Index r = probes[k] - layout_.first_reach;
    if (r < 0 || r >= static_cast<Index>(layout_.last_cell.size())) continue;
    probes_.push_back({options_.inflow_readout ? first_cell[r] : layout_.last_cell[r], static_cast<Index>(k)});
  }
}

template <class Real>
void PieceRouter<Real>::begin(RouterWindow<Real>& window, bool keep_tape) {
  keep_tape_ = keep_tape;
  not_finite_step_ = -1;
  not_finite_cells_.clear();
  snapshots_.assign(keep_tape ? window.chunks() : 1, {});
  records_.resize(keep_tape ? window.chunks() : 0);
  for (auto& record : records_) record.filled = false;
  std::fill(flow_.begin(), flow_.end(), Real(0));
  if (keep_balance) {
    outflow_volume.assign(layout_.cells, 0.0);
    floor_volume.assign(layout_.cells, 0.0);
  }
  set_coefficients(window);
  if (keep_tape) reset_adjoint();
}

template <class Real>
typename PieceRouter<Real>::Range PieceRouter<Real>::active(Index k, Index chunk_steps) const {
  const Index lowest = std::max(0, k - chunk_steps + 1), highest = std::min(k, layout_.lags - 1);
  return {layout_.lag_begin[lowest], layout_.lag_begin[highest + 1]};
}

template <class Real>
void PieceRouter<Real>::load_lateral_group(const RouterWindow<Real>& window, Index lag, Count step) {
  const Real* row = window.inflow.values + step / window.inflow.hold;
  for (Index i = layout_.lag_begin[lag]; i < layout_.lag_begin[lag + 1]; ++i) {
    const Real q = row[layout_.reach[i] * window.inflow.stride] * share_[i];
    lateral_[i] = floored_discharge(q, lateral_floor_);
  }
}

template <class Real>
void PieceRouter<Real>::load_start_lateral(const RouterWindow<Real>& window, bool floored) {
  for (Index i = 0; i < layout_.cells; ++i) {
    const Real q = window.inflow.values[layout_.reach[i] * window.inflow.stride] * share_[i];
    lateral_[i] = floored ? floored_discharge(q, lateral_floor_) : q;
  }
}

template <class Real>
void PieceRouter<Real>::load_lateral(const RouterWindow<Real>& window, Index k, Count step0, Index chunk_steps) {
  const Index lowest = std::max(0, k - chunk_steps + 1), highest = std::min(k, layout_.lags - 1);
  const Index hold = window.inflow.hold;
  for (Index lag = lowest + static_cast<Index>((step0 + k - lowest) % hold); lag <= highest; lag += hold)
    load_lateral_group(window, lag, step0 + k - lag);
  if (k <= highest) load_lateral_group(window, k, step0);  // a chunk may begin within a row
}

template <class Real>
Real PieceRouter<Real>::start_inflow(Index cell, const DeviceVector<Real>& slots) const {
  Real sum = slots[layout_.upstream0[cell]] + slots[layout_.upstream1[cell]];
  for (const auto& many : layout_.many)
    if (many.cell == cell)
      for (Index slot : many.slots) sum += slots[slot];
  return sum;
}

template <class Real>
void PieceRouter<Real>::run_chunk(RouterWindow<Real>& window, Count chunk, ChunkRecord<Real>* record, bool output) {
  const Index steps = window.steps_of(chunk);
  const Count step0 = window.first_step(chunk);
  const Real dt = static_cast<Real>(options_.dt_s);
  const GatherLoop<Real> gather{upstream0_.data(), upstream1_.data(), flow_.data(), inflow_.data()};
  const auto& lag = layout_.lag;
  for (Index k = 0; k < steps + layout_.lags - 1; ++k) {
    const auto [first, end] = active(k, steps);
    load_lateral(window, k, step0, steps);
    for (std::size_t g = 0; g < layout_.ghosts.size(); ++g)
      if (const Index t = k - lag[layout_.ghost_cell[g]]; t >= 0 && t < steps)
        flow_[layout_.ghost_slot(static_cast<Index>(g))] =
            window.ghost_flow[layout_.ghosts[g] * window.steps + step0 + t];
    kernels_.gather(gather, first, end);
    for (const auto& many : layout_.many)
      if (many.cell >= first && many.cell < end)
        for (Index slot : many.slots) inflow_[many.cell] += flow_[slot];
    after_gather(window, first, end, k, step0);
    if (record) record_sweep(*record, k, {first, end});
    const bool balance = output && keep_balance;
    if (balance && discharge_form())
      for (Index i = first; i < end; ++i) outflow_volume[i] += 0.5 * dt * state()[i];
    sweep(first, end);
    if (!output) continue;
    for (Index i = first; balance && i < end; ++i) {
      outflow_volume[i] += discharge_form() ? 0.5 * dt * state()[i] : static_cast<double>(dt) * flow_[i];
      if (discharge_form()) floor_volume[i] += static_cast<double>(dt) * (state()[i] - flow_[i]);
    }
    for (const auto& probe : probes_)
      if (const Index t = k - lag[probe.cell]; t >= 0 && t < steps)
        window.discharge[probe.number * window.rows + step0 + t + (discharge_form() ? 1 : 0)] = probe_value(probe);
    for (std::size_t e = 0; e < layout_.cuts.size(); ++e)
      if (const Index t = k - lag[layout_.cut_cell[e]]; t >= 0 && t < steps)
        window.cut_flow[layout_.cuts[e] * window.chunk + t] = flow_[layout_.cut_cell[e]];
  }
}

template <class Real>
void PieceRouter<Real>::allocate(ChunkRecord<Real>& record, Index chunk_steps) const {
  const std::size_t size = static_cast<std::size_t>(chunk_steps + layout_.lags - 1) * layout_.cells;
  for (auto* part : {&record.state, &record.inflow, &record.lateral, &record.inflow_next}) {
    if (part == &record.inflow_next && !discharge_form()) continue;
    if (part->size() < size) *part = DeviceVector<Real>(size, Real(0), memory_);
  }
}

template <class Real>
Count PieceRouter<Real>::record_bytes(Index steps) const {
  return static_cast<Count>(steps + layout_.lags - 1) * layout_.cells * static_cast<Count>(sizeof(Real)) *
         (discharge_form() ? 4 : 3);
}

template <class Real>
void PieceRouter<Real>::record_sweep(ChunkRecord<Real>& record, Index k, Range range) const {
  const std::size_t row = static_cast<std::size_t>(k) * layout_.cells;
  const auto copy = [&](const DeviceVector<Real>& from, DeviceVector<Real>& to) {
    std::copy(from.begin() + range.first, from.begin() + range.end, to.begin() + row + range.first);
  };
  copy(state(), record.state);
  copy(recorded_inflow(), record.inflow);
  copy(lateral_, record.lateral);
  if (discharge_form()) copy(inflow_, record.inflow_next);
}

template <class Real>
void PieceRouter<Real>::forward_chunk(RouterWindow<Real>& window, Count chunk) {
  snapshots_[keep_tape_ ? chunk : 0] = snapshot();
  ChunkRecord<Real>* record = nullptr;
  if (keep_tape_ && record_bytes(window.steps_of(chunk)) * (chunk + 1) <= record_limit_) {
    record = &records_[chunk];
    allocate(*record, window.steps_of(chunk));
    record->filled = true;
  }
  run_chunk(window, chunk, record, true);
  if (not_finite_step_ < 0) check_finite(window, chunk);
}

// The state of a reach stays not finite once it is: looking at the end of a chunk is enough to know, and running the chunk
// again tells when it began.
template <class Real>
void PieceRouter<Real>::check_finite(RouterWindow<Real>& window, Count chunk) {
  const auto finite = [](Real value) { return std::isfinite(value); };
  const auto last = state().begin() + layout_.cells;
  if (std::all_of(state().begin(), last, finite)) return;
  const auto end_state = snapshot();
  const Index steps = window.steps_of(chunk);
  restore(snapshots_[keep_tape_ ? chunk : 0]);
  allocate(scratch_, steps);
  run_chunk(window, chunk, &scratch_, false);
  Index earliest = std::numeric_limits<Index>::max();
  for (Index i = 0; i < layout_.cells; ++i) {
    Index t = 0;
    while (t < steps && finite(scratch_.state[static_cast<std::size_t>(t + layout_.lag[i]) * layout_.cells + i])) ++t;
    if ((t == steps && finite(state()[i])) || t > earliest) continue;
    if (t < earliest) not_finite_cells_.clear();
    earliest = t;
    not_finite_cells_.push_back(i);
    not_finite_step_ = window.first_step(chunk) + std::max(0, t - 1);
  }
  restore(end_state);
}

template <class Real>
void PieceRouter<Real>::adjoint_chunk(RouterWindow<Real>& window, Count chunk) {
  const Index steps = window.steps_of(chunk);
  const ChunkRecord<Real>* record = &records_[chunk];
  if (!record->filled) {
    allocate(scratch_, steps);
    restore(snapshots_[chunk]);
    run_chunk(window, chunk, &scratch_, false);
    record = &scratch_;
  }
  for (Index k = steps + layout_.lags - 2; k >= 0; --k) {
    const auto [first, end] = active(k, steps);
    adjoint_sweep(window, *record, k, first, end, window.first_step(chunk));
  }
}

template <class Real>
void PieceRouter<Real>::copy_state(std::span<Real> rank_state) const {
  for (Index i = 0; i < layout_.cells; ++i) rank_state[layout_.state[i]] = state()[i];
}

template class PieceRouter<float>;
template class PieceRouter<double>;

}  // namespace dpl
