// The discharge form on a GPU, one cell: coefficients, start, gradient, stored water (the CPU's are in discharge_tile.cpp).
#pragma once

#include "dpl/physics/device_sweeps.hpp"

namespace dpl {

/// Of a window: parameters [own reach] (K and X take the first two in the muskingum scheme), properties [cell].
template <class Real>
struct DischargeChannel {
  const Index* reach;
  const double *length, *slope, *share;
  const Real *a, *b, *c;
  bool muskingum, published_epsilons;
  double dt;

  /// n, p, q of the cell's reach; muskingum: the K of its share, X.
  DPL_HOST_DEVICE double first(Index i) const {
    const double value = a[reach[i]];
    return muskingum ? value * share[i] : value;
  }
  DPL_HOST_DEVICE double second(Index i) const { return b[reach[i]]; }
  DPL_HOST_DEVICE double third(Index i) const { return c[reach[i]]; }
  DPL_HOST_DEVICE MuskingumCungeCell<double> cell(Index i) const {
    return muskingum_cunge_coefficients<double>(length[i], slope[i], first(i), second(i), third(i), published_epsilons);
  }
};

template <class Real>
struct SetDischargeCoefficients {
  DischargeChannel<Real> channel;
  Real *log2_depth_factor, *depth_exponent, *log2_width, *q, *velocity_factor, *length, *slope;
  DPL_HOST_DEVICE void operator()(Index i) const {
    if (channel.muskingum) {
      const double K = channel.first(i), X = channel.second(i), dt = channel.dt;
      log2_depth_factor[i] = static_cast<Real>(K);
      depth_exponent[i] = static_cast<Real>(X);
      const double two_K = 2 * K, two_KX = two_K * X, D = two_K - two_KX + dt;
      log2_width[i] = static_cast<Real>((dt - two_KX) / D);   // C1 .. C4, 1 / D
      q[i] = static_cast<Real>((dt + two_KX) / D);
      velocity_factor[i] = static_cast<Real>((two_K - two_KX - dt) / D);
      length[i] = static_cast<Real>(2 * dt / D);
      slope[i] = static_cast<Real>(1 / D);
      return;
    }
    const auto c = channel.cell(i);
    log2_depth_factor[i] = static_cast<Real>(c.log2_depth_factor);
    depth_exponent[i] = static_cast<Real>(c.depth_exponent);
    log2_width[i] = static_cast<Real>(c.log2_width);
    q[i] = static_cast<Real>(c.q);
    velocity_factor[i] = static_cast<Real>(c.velocity_factor);
    length[i] = static_cast<Real>(c.length);
    slope[i] = static_cast<Real>(channel.slope[i]);
  }
};

template <class Real>
struct DischargeStart {
  DeviceGraph graph;
  EdgeSeries<Real> starts;
  const Real* given;         ///< [state]; null: hot start
  const Real* inflow;        ///< lateral, [own reach][inflow_stride]
  Count inflow_stride;
  const Real* share;
  Real floor;
  bool floored;
  Real *flow, *state, *inflow_now;
  DPL_HOST_DEVICE void operator()(Index i) const {
    inflow_now[i] = UpstreamSum<Real, false>{graph, flow, starts, 0, Real(0)}(i);
    if (given) {
      state[i] = floored_discharge(given[graph.state[i]], floor);
    } else {
      const Real lateral = inflow[graph.reach[i] * inflow_stride] * share[i];
      state[i] = inflow_now[i] + (floored ? floored_discharge(lateral, floor) : lateral);
    }
    flow[i] = state[i];
  }
};

/// Row 0 of the probes' discharge.
template <class Real>
struct StartToProbes {
  const Index *cell, *number;
  const Real* values;
  Real* discharge;
  Count rows;
  DPL_HOST_DEVICE void operator()(Index k) const { discharge[number[k] * rows] = values[cell[k]]; }
};

/// What the start discharge of a cell means: its own state, its share of the inflow of the first step downstream, and, from a
/// hot start, the start discharge downstream.
template <class Real>
struct DischargeStartAdjoint {
  DeviceGraph graph;
  DeviceSeeds<Real> seeds;    ///< offset of row 0
  BelowSeries<Real> starts;
  const Real *state_adjoint, *carried;
  const Real* inflow;
  Count inflow_stride;
  const Real* share;
  Real floor;
  bool hot, floored, inflow_readout;
  Real* below;
  Real* lateral_adjoint;      ///< [state][rows], null: not wanted
  Count rows;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index down = graph.downstream[i];
    const Real said = down < graph.cells ? below[down] : starts(graph, down, 0);
    const Real seed = inflow_readout ? Real(0) : seeds.add_to(Real(0), i, 0);
    const Real of_inflow = inflow_readout ? seeds.add_to(carried[i], i, 0) : carried[i];
    const Real total = said + (seed + state_adjoint[i]);
    below[i] = (hot ? total : Real(0)) + of_inflow;   // to every cell upstream
    if (!hot || !lateral_adjoint) return;
    if (!floored || floored_discharge(inflow[graph.reach[i] * inflow_stride] * share[i], floor) > floor)
      lateral_adjoint[graph.state[i] * rows] += total;
  }
};

template <class Real>
struct DischargeGradient {
  DischargeChannel<Real> channel;
  const Index *begin, *cell;   ///< cells of a reach, upstream first
  const Real* sums;            ///< [5][distance]
  Count distance;
  double* to;                  ///< [3][reaches]
  Index reaches;
  DPL_HOST_DEVICE void operator()(Index k) const {
    double a = 0, b = 0, c = 0;
    for (Index s = begin[k]; s < begin[k + 1]; ++s) {
      const Index i = cell[s];
      if (channel.muskingum) {
        a += sums[i] * channel.share[i];
        b += sums[distance + i];
        continue;
      }
      const auto g = muskingum_cunge_coefficients_adjoint<double>(
          channel.cell(i), channel.slope[i], channel.first(i), channel.second(i), channel.published_epsilons, sums[i],
          sums[distance + i], sums[2 * distance + i], sums[3 * distance + i], sums[4 * distance + i]);
      a += g.n;
      b += g.p;
      c += g.q;
    }
    to[k] = a;
    to[reaches + k] = b;
    to[2 * static_cast<Count>(reaches) + k] = c;
  }
};

/// K [X I + (1 - X) Q] with the coefficients of the present flow.
template <class Real>
struct DischargeStorage {
  DischargeChannel<Real> channel;
  MuskingumCungeOptions formulas;
  const Real *state, *inflow_now;
  double* to;
  DPL_HOST_DEVICE void operator()(Index i) const {
    double K = channel.first(i), X = channel.second(i);
    const double Q = state[i], I = inflow_now[i];
    if (!channel.muskingum) {
      const auto c = channel.cell(i);
      const auto section = channel_section<double>(c, Q, formulas.trapezoid_celerity);
      const auto travel = travel_time<double>(c, section, Q, channel.slope[i], channel.dt, formulas);
      K = travel.K;
      X = travel.X;
    }
    to[i] = K * (X * I + (1 - X) * Q);
  }
};

}  // namespace dpl
