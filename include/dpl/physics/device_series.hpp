// What a block on a GPU takes from series and gives to them: loops beside its sweeps.
#pragma once

#include "dpl/physics/device_sweeps.hpp"

namespace dpl {

/// Lateral inflow, one row a step: a thread turns kSeriesSteps steps of a cell, so that what it reads lies in one or two
/// sectors of memory and what neighbours write lies side by side.
inline constexpr Index kSeriesSteps = 8;

/// Calls for index = group of sweeps * cells + cell.
template <class Real>
struct SeriesToRows {
  DeviceGraph graph;
  SweepPlace place;
  Index sweeps;
  const Real* values;
  Count value_stride;
  const Real* share;
  Real floor;
  Real* rows;          ///< [sweep][distance]
  Count distance;
  DPL_HOST_DEVICE void operator()(Index index) const {
    const Index i = index % graph.cells, first = index / graph.cells * kSeriesSteps;
    const Real* from = values + graph.reach[i] * value_stride;
    for (Index s = first; s < first + kSeriesSteps && s < sweeps; ++s)
      if (const Index t = place.first + s - graph.lag[i]; t >= place.begin && t < place.end)
        rows[s * distance + i] = floored_discharge(from[t] * share[i], floor);
  }
};

/// Rows of adjoints back into series [state][series_rows].
template <class Real>
struct RowsToSeries {
  DeviceGraph graph;
  SweepPlace place;
  Index sweeps;
  const Real* rows;
  Count distance;
  Real* series;
  Count series_rows;
  DPL_HOST_DEVICE void operator()(Index index) const {
    const Index i = index % graph.cells, first = index / graph.cells * kSeriesSteps;
    Real* to = series + graph.state[i] * series_rows;
    for (Index s = first; s < first + kSeriesSteps && s < sweeps; ++s)
      if (const Index t = place.first + s - graph.lag[i]; t >= place.begin && t < place.end) to[t] = rows[s * distance + i];
  }
};

template <class Real>
struct CopyRow {
  const Real* from;
  Real* to;
  DPL_HOST_DEVICE void operator()(Index i) const { to[i] = from[i]; }
};

/// Outflows of some cells into series [number][to_distance], for index = place in the list * sweeps + sweep.
template <class Real>
struct OutflowsToSeries {
  DeviceGraph graph;
  SweepPlace place;
  Index sweeps;
  const Index *cell, *number;
  const Real* rows;    ///< [sweeps + 1][distance]
  Count distance;
  Real* to;
  Count to_distance;
  Index offset;        ///< place of step 0 in a series
  bool floored;        ///< reads the floored flow
  Real q_min;
  DPL_HOST_DEVICE void operator()(Index index) const {
    const Index k = index / sweeps, s = index % sweeps, i = cell[k], t = place.first + s - graph.lag[i];
    if (t < place.begin || t >= place.end) return;
    const Real q = rows[(s + 1) * distance + i];
    to[number[k] * to_distance + offset + t] = floored ? floored_discharge(q, q_min) : q;
  }
};

/// Sums of the inflows of some cells, in the same way.
template <class Real>
struct InflowsToSeries {
  OutflowsToSeries<Real> out;
  EdgeSeries<Real> edges;
  DPL_HOST_DEVICE void operator()(Index index) const {
    const Index k = index / out.sweeps, s = index % out.sweeps, i = out.cell[k];
    const Index t = out.place.first + s - out.graph.lag[i];
    if (t < out.place.begin || t >= out.place.end) return;
    const Real* row = out.rows + s * out.distance;
    out.to[out.number[k] * out.to_distance + out.offset + t] =
        out.floored ? UpstreamSum<Real, true>{out.graph, row, edges, t, out.q_min}(i)
                    : UpstreamSum<Real, false>{out.graph, row, edges, t, out.q_min}(i);
  }
};

/// What goes upstream over edges, storage form: for index = edge of the tile * sweeps + sweep.
template <class Real>
struct AdjointsToSeries {
  DeviceGraph graph;
  SweepPlace place;
  Index sweeps;
  const Index *cell, *number;
  const Real *next, *inflow;   ///< rows of adjoints; inflow: null in the storage form
  Count distance;
  const Real* raw;             ///< what came over the edges, [edge][to_distance]
  Real* to;
  Count to_distance;
  Real q_min;
  DPL_HOST_DEVICE void operator()(Index index) const {
    const Index k = index / sweeps, s = index % sweeps, i = cell[k], t = place.first + s - graph.lag[i];
    if (t < place.begin || t >= place.end) return;
    const Count at = number[k] * to_distance + t;
    const Real said = next[s * distance + i];
    to[at] = inflow ? discharge_message(said, inflow[(s + 1) * distance + i], raw[at], q_min) : said;
  }
};

/// Water volumes [m3] by cell: of the step's outflow in the storage form; in the discharge form the mean of the floored
/// discharge at both ends of a step, and what the floor adds.
template <class Real>
struct OutflowVolumes {
  DeviceGraph graph;
  SweepPlace place;
  Index sweeps;
  const Real* rows;
  Count distance;
  Real* before;         ///< [cell] discharge form: at the end of the step before; null: storage form
  double *outflow, *floor;
  double dt;
  Real q_min;
  DPL_HOST_DEVICE void operator()(Index i) const {
    for (Index s = 0; s < sweeps; ++s) {
      const Index t = place.first + s - graph.lag[i];
      if (t < place.begin || t >= place.end) continue;
      const Real raw = rows[(s + 1) * distance + i];
      if (!before) {
        outflow[i] += dt * raw;
        continue;
      }
      const Real after = floored_discharge(raw, q_min);
      outflow[i] += 0.5 * dt * before[i];
      outflow[i] += 0.5 * dt * after;
      floor[i] += dt * (after - raw);
      before[i] = after;
    }
  }
};

/// One value by edge: series[number[k]] = row[cell[k]].
template <class Real>
struct RowToEdges {
  const Index *cell, *number;
  const Real* row;
  Real* to;
  DPL_HOST_DEVICE void operator()(Index k) const { to[number[k]] = row[cell[k]]; }
};

/// Marks cells whose start is not finite: in the first step, where the window has one.
template <class Real>
struct NoteStart {
  const Real* state;
  Index* first_bad;
  Count steps;         ///< of the window
  DPL_HOST_DEVICE void operator()(Index i) const { first_bad[i] = steps == 0 || state[i] - state[i] == Real(0) ? -1 : 0; }
};

/// The steps that one message carries, of series [edge][series_distance], in a message [edge][chunk]; and back.
template <class Real>
struct SeriesToMessage {
  const Index* level;          ///< [edge] superstep of its first chunk
  Index superstep, chunks, chunk;
  Count steps;                 ///< of the window
  Real *series, *message;
  bool back;
  DPL_HOST_DEVICE void operator()(Index index) const {
    const Index edge = index / chunk, k = index % chunk, c = superstep - level[edge];
    const Count t = static_cast<Count>(c) * chunk + k;
    if (c < 0 || c >= chunks || t >= steps) {
      if (!back) message[index] = Real(0);
    } else if (back) {
      series[edge * steps + t] = message[index];
    } else {
      message[index] = series[edge * steps + t];
    }
  }
};

}  // namespace dpl
