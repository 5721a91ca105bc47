// One sweep over a tile on a GPU as one loop: what comes from upstream (or, backward, from below) is gathered, lateral inflow
// is taken, the step is made. The steps themselves are those of sweep_loops.hpp, the order of every sum that of
// tile_sweeps.hpp: the bits are the CPU's.
//
// A block is a run of sweeps, not of steps: the skew goes on from block to block, so that every sweep but the first and last
// ones of a chunk has all cells at work. A cell that has no step in a sweep returns at once.
#pragma once

#include "dpl/physics/sweep_loops.hpp"

namespace dpl {

/// A tile's graph in device memory (slots: tile_layout.hpp).
struct DeviceGraph {
  Index cells = 0;
  Index first_edge = 0, first_junction = 0, zero = 0;    ///< slots of a row of outflows
  Index first_cut = 0, first_outflow = 0;                ///< slots of a row of adjoints
  const Index *lag, *reach, *state;                      ///< [cell]
  const Index *upstream0, *upstream1, *downstream;       ///< [cell] slots
  const Index *junction_begin, *junction_source;
  const Index *inflow_edge, *cut, *outflow_edge;         ///< numbers of the rank's edges and cuts
};

/// Where a block stands: its sweep s handles step first + s - lag of a cell, where that lies within begin .. end - 1.
struct SweepPlace {
  Index first, begin, end;
};

/// Graphs of launches are used again for other blocks: they find their place in device memory.
struct PlaceBody {
  SweepPlace* to;
  SweepPlace place;
  DPL_HOST_DEVICE void operator()(Index) const { *to = place; }
};

/// Series of all edges, [edge][distance].
template <class Real>
struct EdgeSeries {
  const Real* values;
  Count distance;
  DPL_HOST_DEVICE Real operator()(Index edge, Index step) const { return values[edge * distance + step]; }
};

/// Upstream outflows in their order: of a row, and over edges.
template <class Real, bool kFloored>
struct UpstreamSum {
  const DeviceGraph& graph;
  const Real* row;
  EdgeSeries<Real> edges;
  Index step;
  Real q_min;

  DPL_HOST_DEVICE Real floored(Real q) const { return kFloored ? floored_discharge(q, q_min) : q; }
  DPL_HOST_DEVICE Real slot(Index s) const {
    if (s < graph.cells) return floored(row[s]);
    if (s < graph.first_junction) return floored(edges(graph.inflow_edge[s - graph.first_edge], step));
    return Real(0);
  }
  DPL_HOST_DEVICE Real operator()(Index i) const {
    const Index u0 = graph.upstream0[i];
    const Real last = slot(graph.upstream1[i]);
    if (u0 < graph.first_junction || u0 >= graph.zero) return slot(u0) + last;
    const Index junction = u0 - graph.first_junction, end = graph.junction_begin[junction + 1];
    Index s = graph.junction_begin[junction];
    Real sum = slot(graph.junction_source[s]);
    for (++s; s < end; ++s) sum += slot(graph.junction_source[s]);
    return sum + last;
  }
};

/// Sweep `sweep` of a block of `sweeps`.
template <class Real>
struct SweepFrame {
  DeviceGraph graph;
  const SweepPlace* place;
  Index sweep, sweeps;
  EdgeSeries<Real> edges;
  Index* first_bad;   ///< [cell] 0: the start, t + 1: step t made its state something not finite; -1: none did

  /// -1: none.
  DPL_HOST_DEVICE Index step(Index i) const {
    const Index t = place->first + sweep - graph.lag[i];
    return t >= place->begin && t < place->end ? t : -1;
  }
  DPL_HOST_DEVICE void note(Index i, Index t, Real state) const {
    if (!(state - state == Real(0)) && first_bad[i] < 0) first_bad[i] = t + 1;
  }
};

/// Lateral inflow. One row a step: rows [sweep of the block][cell] made before the block; what the adjoint says replaces them.
/// Held over several steps (`hold` > 1): one row [cell] that every cell renews for itself, and one of sums.
template <class Real>
struct DeviceLateral {
  Real *row, *adjoint;        ///< of the sweep
  Index hold;
  const Real* values;         ///< [own reach][value_stride]
  Count value_stride;
  const Real* share;          ///< [cell]
  Real floor;
  Real* to;                   ///< adjoint of the series [state][to_rows], null: not wanted
  Count to_rows;

  DPL_HOST_DEVICE void load(const SweepFrame<Real>& at, Index i, Index t) const {
    row[i] = floored_discharge(values[at.graph.reach[i] * value_stride + t / hold] * share[i], floor);
  }
  /// A row begins with this step, or the block or the cell's steps do.
  DPL_HOST_DEVICE void before_step(const SweepFrame<Real>& at, Index i, Index t) const {
    if (hold > 1 && (t % hold == 0 || t == at.place->begin || at.sweep == 0)) load(at, i, t);
  }
  DPL_HOST_DEVICE void before_adjoint(const SweepFrame<Real>& at, Index i, Index t) const {
    if (hold == 1) return;
    const bool last = (t + 1) % hold == 0;
    if (last) adjoint[i] = 0;
    if (last || t + 1 == at.place->end || at.sweep + 1 == at.sweeps) load(at, i, t);
  }
  DPL_HOST_DEVICE void after_adjoint(const SweepFrame<Real>& at, Index i, Index t) const {
    if (hold > 1 && to && t % hold == 0) to[at.graph.state[i] * to_rows + t / hold] = adjoint[i];
  }
};

/// Seeds: dJ/d discharge of the probes, by the cell they read. `first` null: the tile has none.
template <class Real>
struct DeviceSeeds {
  const Index *first, *next;   ///< [cell], [probe of the tile] -1: no more
  const Index* number;         ///< [probe of the tile] among the rank's probes
  const Real* values;          ///< [probe][rows]
  Count rows;
  Index offset;                ///< row of step 0
  DPL_HOST_DEVICE Real add_to(Real sum, Index i, Index t) const {
    if (first)
      for (Index p = first[i]; p >= 0; p = next[p]) sum = sum + values[number[p] * rows + offset + t];
    return sum;
  }
};

template <class Real, bool kRecord>
struct ConservativeForwardSweep {
  SweepFrame<Real> at;
  DeviceLateral<Real> lateral;
  const Real* above;   ///< row of outflows
  Real* inflow;        ///< [cell] of the sweep
  ConservativeForwardLoop<Real, kRecord> cells;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index t = at.step(i);
    if (t < 0) return;
    lateral.before_step(at, i, t);
    inflow[i] = UpstreamSum<Real, false>{at.graph, above, at.edges, t, Real(0)}(i);
    cells.template run<false>(i, true);
    at.note(i, t, cells.storage[i]);
  }
};

/// Series that come from below: over cuts, and from tiles below.
template <class Real>
struct BelowSeries {
  EdgeSeries<Real> cuts, edges;
  DPL_HOST_DEVICE Real operator()(const DeviceGraph& graph, Index slot, Index t) const {
    if (slot >= graph.first_outflow) return edges(graph.outflow_edge[slot - graph.first_outflow], t);
    if (slot >= graph.first_cut) return cuts(graph.cut[slot - graph.first_cut], t);
    return Real(0);
  }
};

template <class Real, bool kHeld>
struct ConservativeAdjointSweep {
  SweepFrame<Real> at;
  DeviceLateral<Real> lateral;
  DeviceSeeds<Real> seeds;
  BelowSeries<Real> from_below;
  const Real* below;    ///< row of inflow adjoints of one sweep later
  Real* message;        ///< [cell] of the sweep
  bool inflow_readout;
  ConservativeAdjointLoop<Real, kHeld> cells;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index t = at.step(i);
    if (t < 0) return;
    lateral.before_adjoint(at, i, t);
    const Index down = at.graph.downstream[i];
    const Real said = down < at.graph.cells ? below[down] : from_below(at.graph, down, t);
    message[i] = inflow_readout ? said : seeds.add_to(said, i, t);
    cells.template run<false>(i, true);
    if (inflow_readout) cells.inflow_adjoint[i] = seeds.add_to(cells.inflow_adjoint[i], i, t);
    lateral.after_adjoint(at, i, t);
  }
};

template <class Real, bool kRecord, class Form>
struct DischargeForwardSweep {
  SweepFrame<Real> at;
  DeviceLateral<Real> lateral;
  const Real* above;
  Real *inflow_next, *inflow_next_floored;   ///< [cell] of the sweep
  DischargeForwardLoop<Real, kRecord, Form> cells;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index t = at.step(i);
    if (t < 0) return;
    lateral.before_step(at, i, t);
    inflow_next[i] = UpstreamSum<Real, false>{at.graph, above, at.edges, t, cells.q_min}(i);
    inflow_next_floored[i] = UpstreamSum<Real, true>{at.graph, above, at.edges, t, cells.q_min}(i);
    cells.template run<false>(i, true);
    at.note(i, t, cells.state[i]);
  }
};

/// Rows of next_adjoint are read one sweep later, those of inflow_adjoint two: a cell's I_t is the I_{t+1} of its step before.
template <class Real, bool kHeld, class Form>
struct DischargeAdjointSweep {
  SweepFrame<Real> at;
  DeviceLateral<Real> lateral;
  DeviceSeeds<Real> seeds;
  BelowSeries<Real> from_below;
  const Real *next_below, *inflow_below;   ///< rows one and two sweeps later
  Real* own_inflow;                        ///< row one sweep later: the cell's adjoint of I_{t+1}
  Real* carried;                           ///< [cell] the same, from chunk to chunk
  Real *next_message, *floored_message;    ///< [cell] of the sweep
  bool inflow_readout;
  DischargeAdjointLoop<Real, kHeld, Form> cells;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index t = at.step(i);
    if (t < 0) return;
    lateral.before_adjoint(at, i, t);
    if (t + 1 == at.place->end) own_inflow[i] = carried[i];
    if (inflow_readout)
      own_inflow[i] = seeds.add_to(own_inflow[i], i, t);
    else
      cells.state_adjoint[i] = seeds.add_to(cells.state_adjoint[i], i, t);
    const Index down = at.graph.downstream[i];
    const bool inside = down < at.graph.cells;
    // A cut edge's message is whole: nothing is added to it through the floored flow.
    next_message[i] = inside ? next_below[down] : from_below(at.graph, down, t);
    floored_message[i] = inside ? inflow_below[down] : Real(0);
    cells.template run<false>(i, true);
    if (t == at.place->begin) carried[i] = cells.inflow_adjoint[i];
    lateral.after_adjoint(at, i, t);
  }
};

}  // namespace dpl
