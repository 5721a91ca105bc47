// The skewed sweeps of one tile over a block of steps, forward and adjoint: sweep k handles step k - lag of every cell, all
// of them independent. Each includer brings a Runner of its own (in an unnamed namespace), `Runner::run(loop, first, end)`,
// so that every instruction set is compiled apart; `Runner::gather` sums upstream outflows apart from the arithmetic.
//
// Rows: what a sweep makes for its neighbours lies in one row a sweep, so that nothing depends on the order within a sweep.
// Forward, sweep k reads row k of the outflows and writes row k + 1; the adjoint's sweep k reads row k + 1 and writes row k.
#pragma once

#include <algorithm>

#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

template <class Runner>
struct TileSweeps {
  /// Held lateral inflow: takes the new row of every lag group that begins one with its step of sweep k.
  template <class Real>
  static void begin_rows(const LateralBlock<Real>& lateral, const TileGraph& graph, Index k, Index steps, bool backward) {
    if (lateral.stride > 0) return;
    const auto [lowest, highest] = graph.lags_of(k, steps);
    const auto load = [&](Index lag) {
      const Count row = (lateral.first_step + k - lag) / lateral.hold;
      for (Index i = graph.lag_begin[lag]; i < graph.lag_begin[lag + 1]; ++i) {
        lateral.rows[i] = floored_discharge(
            lateral.values[lateral.reach[i] * lateral.value_stride + row] * lateral.share[i], lateral.floor);
        if (backward) lateral.adjoint[i] = lateral.to ? lateral.to[lateral.state[i] * lateral.to_stride + row] : Real(0);
      }
    };
    // Forward a row begins where the step is a multiple of `hold`, backward where the next step is one; and at the block's
    // first (last) step, which may lie within a row.
    const Count step = lateral.first_step + k - lowest + (backward ? 1 : 0);
    for (Count lag = lowest + step % lateral.hold; lag <= highest; lag += lateral.hold) load(static_cast<Index>(lag));
    const Index entering = backward ? k - steps + 1 : k;
    if (entering >= lowest && entering <= highest) load(entering);
  }

  /// Adjoint of held lateral inflow: gives back the sums of every lag group that ends a row with its step of sweep k.
  template <class Real>
  static void end_rows(const LateralBlock<Real>& lateral, const TileGraph& graph, Index k, Index steps) {
    if (lateral.stride > 0 || !lateral.to) return;
    const auto [lowest, highest] = graph.lags_of(k, steps);
    const auto store = [&](Index lag) {
      const Count row = (lateral.first_step + k - lag) / lateral.hold;
      for (Index i = graph.lag_begin[lag]; i < graph.lag_begin[lag + 1]; ++i)
        lateral.to[lateral.state[i] * lateral.to_stride + row] = lateral.adjoint[i];
    };
    for (Count lag = lowest + (lateral.first_step + k - lowest) % lateral.hold; lag <= highest; lag += lateral.hold)
      store(static_cast<Index>(lag));
    if (k >= lowest && k <= highest) store(k);
  }

  template <class Real>
  static void join(const TileGraph& graph, Index k, Index steps, Real* row) {
    const auto [lowest, highest] = graph.lags_of(k, steps);
    const JunctionLoop<Real> loop{graph.junction_begin, graph.junction_source, graph.first_junction_slot, row};
    for (Index j = graph.junction_lag_begin[lowest]; j < graph.junction_lag_begin[highest + 1]; ++j) loop(j);
  }

  template <class Real>
  static ConservativeRecord<Real> record_row(const ConservativeBlock<Real>& b, Index k) {
    Real* row = b.record + static_cast<Count>(k) * ConservativeRecord<Real>::kFields * b.record_stride;
    const Index s = b.record_stride;
    return {row, row + s, row + 2 * s, row + 3 * s, row + 4 * s};
  }

  template <class Real, bool kRecord>
  static void conservative_forward_block(const ConservativeBlock<Real>& b) {
    const TileGraph& graph = b.graph;
    for (Index k = 0; k < graph.sweeps(b.steps); ++k) {
      const auto [first, end] = graph.cells_of(k, b.steps);
      Real* above = b.flow + static_cast<Count>(k) * b.flow_stride;
      const auto record = kRecord ? record_row(b, k) : ConservativeRecord<Real>{};
      Real* inflow = kRecord ? record.inflow : b.inflow;
      begin_rows(b.lateral, graph, k, b.steps, false);
      join(graph, k, b.steps, above);
      Runner::gather(graph, above, inflow, first, end);
      Runner::run(ConservativeForwardLoop<Real, kRecord>{b.cell, inflow, b.lateral.row(k), b.storage, above + b.flow_stride,
                                                         record, b.dt},
                  first, end);
    }
  }

  template <class Real>
  static void conservative_forward(const ConservativeBlock<Real>& b) {
    if (b.record)
      conservative_forward_block<Real, true>(b);
    else
      conservative_forward_block<Real, false>(b);
  }

  template <class Real, bool kHeld>
  static void conservative_adjoint_block(const ConservativeBlock<Real>& b) {
    const TileGraph& graph = b.graph;
    for (Index k = graph.sweeps(b.steps) - 1; k >= 0; --k) {
      const auto [first, end] = graph.cells_of(k, b.steps);
      Real* row = b.adjoint + static_cast<Count>(k) * b.adjoint_stride;
      Real* below = row + b.adjoint_stride;
      begin_rows(b.lateral, graph, k, b.steps, true);
      if (!b.inflow_readout)
        for (const auto& seed : b.seeds)
          if (const Index t = k - seed.lag; t >= 0 && t < b.steps) below[seed.slot] = below[seed.base] + seed.values[t];
      Runner::message(b.downstream_window, b.downstream, below, b.message, first, end);
      Runner::run(ConservativeAdjointLoop<Real, kHeld>{b.cell, record_row(b, k), b.lateral.row(k), b.message,
                                                       b.storage_adjoint, row, b.lateral.adjoint_row(k), b.sums[0],
                                                       b.sums[1], b.sums[2], b.sums[3], b.sums[4], b.dt},
                  first, end);
      if (b.inflow_readout)
        for (const auto& seed : b.seeds)
          if (const Index t = k - seed.lag; t >= 0 && t < b.steps) row[seed.cell] += seed.values[t];
      end_rows(b.lateral, graph, k, b.steps);
    }
  }

  template <class Real>
  static void conservative_adjoint(const ConservativeBlock<Real>& b) {
    if (b.lateral.stride > 0)
      conservative_adjoint_block<Real, false>(b);
    else
      conservative_adjoint_block<Real, true>(b);
  }

  template <class Real, class Form>
  static DischargeRecord<Real> record_row(const DischargeBlock<Real>& b, Index k) {
    using Record = DischargeRecord<Real>;
    const Index s = b.record_stride;
    Real* row = b.record + static_cast<Count>(k) * (Form::kFixed ? Record::kFixedFields : Record::kFields) * s;
    if (Form::kFixed) return {row, row + s, row + 2 * s, nullptr, nullptr, nullptr, nullptr};
    return {row, row + s, row + 2 * s, row + 3 * s, row + 4 * s, row + 5 * s, row + 6 * s};
  }

  template <class Real, bool kRecord, class Form>
  static void discharge_forward_block(const DischargeBlock<Real>& b) {
    const TileGraph& graph = b.graph;
    for (Index k = 0; k < graph.sweeps(b.steps); ++k) {
      const auto [first, end] = graph.cells_of(k, b.steps);
      Real* above = b.flow + static_cast<Count>(k) * b.flow_stride;
      Real* above_floored = b.floored + static_cast<Count>(k) * b.flow_stride;
      begin_rows(b.lateral, graph, k, b.steps, false);
      join(graph, k, b.steps, above);
      const auto record = kRecord ? record_row<Real, Form>(b, k) : DischargeRecord<Real>{};
      Real* inflow_next = kRecord ? record.inflow_next : b.inflow_next;
      Real* inflow_next_floored = b.floored == b.flow ? inflow_next : b.inflow_next_floored;
      Runner::gather(graph, above, inflow_next, first, end);
      if (b.floored != b.flow) {
        join(graph, k, b.steps, above_floored);
        Runner::gather(graph, above_floored, inflow_next_floored, first, end);
      }
      DischargeForwardLoop<Real, kRecord, Form> loop;
      static_cast<DischargeForwardArrays<Real>&>(loop) = {b.cell, inflow_next, inflow_next_floored, b.lateral.row(k),
                                                          b.inflow, b.state, above + b.flow_stride,
                                                          above_floored + b.flow_stride, record, b.dt, b.q_min, b.x};
      Runner::run(loop, first, end);
    }
  }

  template <class Real, class Form>
  static void discharge_forward(const DischargeBlock<Real>& b) {
    if (b.record)
      discharge_forward_block<Real, true, Form>(b);
    else
      discharge_forward_block<Real, false, Form>(b);
  }

  template <class Real, bool kHeld, class Form>
  static void discharge_adjoint_block(const DischargeBlock<Real>& b) {
    const TileGraph& graph = b.graph;
    for (Index k = graph.sweeps(b.steps) - 1; k >= 0; --k) {
      const auto [first, end] = graph.cells_of(k, b.steps);
      const auto row = [&](Real* rows, Index sweep) { return rows + static_cast<Count>(sweep) * b.adjoint_stride; };
      begin_rows(b.lateral, graph, k, b.steps, true);
      for (const auto& seed : b.seeds)
        if (const Index t = k - seed.lag; t >= 0 && t < b.steps) {
          Real& target = b.inflow_readout ? row(b.inflow_adjoint, k + 1)[seed.cell] : b.state_adjoint[seed.cell];
          target += seed.values[t];
        }
      Real* floored_message = b.message + b.record_stride;
      Runner::message(b.downstream_window, b.downstream, row(b.next_adjoint, k + 1), b.message, first, end);
      Runner::message(b.downstream_window, b.downstream, row(b.inflow_adjoint, k + 2), floored_message, first, end);
      DischargeAdjointLoop<Real, kHeld, Form> loop;
      static_cast<DischargeAdjointArrays<Real>&>(loop) = {
          b.cell, b.message, floored_message, record_row<Real, Form>(b, k),
          b.lateral.row(k), b.flow + static_cast<Count>(k + 1) * b.flow_stride, b.state_adjoint, row(b.next_adjoint, k),
          row(b.inflow_adjoint, k), b.lateral.adjoint_row(k), b.sums[0], b.sums[1], b.sums[2], b.sums[3], b.sums[4], b.dt,
          b.q_min, b.x};
      Runner::run(loop, first, end);
      end_rows(b.lateral, graph, k, b.steps);
    }
  }

  template <class Real, class Form>
  static void discharge_adjoint(const DischargeBlock<Real>& b) {
    if (b.lateral.stride > 0)
      discharge_adjoint_block<Real, false, Form>(b);
    else
      discharge_adjoint_block<Real, true, Form>(b);
  }

  /// All but the turning of lateral inflow. Entries of the discharge form: trapezoid + 2 cunge + 4 positive, the muskingum scheme last.
  template <class Real>
  static SweepKernels<Real> of(const char* name) {
    using F = DischargeBlock<Real>;
    SweepKernels<Real> table{name, nullptr, nullptr, conservative_forward<Real>, conservative_adjoint<Real>, {}, {}, nullptr};
    const auto set = [&table]<class Form>(int entry, Form) {
      table.discharge_forward[entry] = [](const F& b) { discharge_forward<Real, Form>(b); };
      table.discharge_adjoint[entry] = [](const F& b) { discharge_adjoint<Real, Form>(b); };
    };
    // Those that a scheme uses.
    set(0, ChannelForm<false, false, false>{});
    set(1, ChannelForm<true, false, false>{});
    set(3, ChannelForm<true, true, false>{});
    set(7, ChannelForm<true, true, true>{});
    set(kMuskingumForm, FixedForm{});
    return table;
  }
};

}  // namespace dpl
