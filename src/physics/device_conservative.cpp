// The storage form on one tile of a GPU: coefficients, start, sweeps and their adjoints.
// compiled as CUDA too
#include "dpl/physics/device_forms.hpp"
#include "dpl/physics/for_each.hpp"

namespace dpl {
namespace {

// n, p, q of a cell's reach, its length and slope.
template <class Real>
struct Channel {
  const Index* reach;
  const double *length, *slope;
  const Real *n, *p, *q;
};

template <class Real>
struct SetCoefficients {
  Channel<Real> channel;
  Real *log2_depth, *depth_exponent, *log2_travel_time, *diffusion, *inverse_m, *smallest_storage;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index r = channel.reach[i];
    const auto c = conservative_coefficients<double>(channel.length[i], channel.slope[i], channel.n[r], channel.p[r],
                                                     channel.q[r]);
    log2_depth[i] = static_cast<Real>(c.log2_depth);
    depth_exponent[i] = static_cast<Real>(c.depth_exponent);
    log2_travel_time[i] = static_cast<Real>(c.log2_travel_time);
    diffusion[i] = static_cast<Real>(c.diffusion);
    inverse_m[i] = static_cast<Real>(c.inverse_m);
    smallest_storage[i] = static_cast<Real>(c.smallest_storage);
  }
};

template <class Real>
struct GivenStart {
  const Index* state;
  const Real* given;
  Real* storage;
  DPL_HOST_DEVICE void operator()(Index i) const { storage[i] = given[state[i]]; }
};

template <class Real>
struct HotStart {
  DeviceGraph graph;
  Channel<Real> channel;
  EdgeSeries<Real> starts;
  const Real* inflow;        ///< lateral, [own reach][inflow_stride]
  Count inflow_stride;
  const Real* share;
  Real floor;
  Real *flow, *x, *storage;   ///< [cell] Q_0, Q_0 - q'_0 / 2, s_0
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index r = graph.reach[i];
    const Real lateral = floored_discharge(inflow[r * inflow_stride] * share[i], floor);
    const Real above = UpstreamSum<Real, false>{graph, flow, starts, 0, Real(0)}(i);
    flow[i] = above + lateral;
    x[i] = above + lateral * Real(0.5);
    storage[i] = static_cast<Real>(conservative_start<double>(channel.length[i], channel.slope[i], channel.n[r],
                                                              channel.p[r], channel.q[r], static_cast<double>(x[i])));
  }
};

// The adjoint of the start discharge goes up the tree.
template <class Real>
struct HotStartAdjoint {
  DeviceGraph graph;
  Channel<Real> channel;
  BelowSeries<Real> starts;
  const Real *x, *storage_adjoint;
  Real* below;
  double* gradient;           ///< [3][distance]
  Count distance;
  Real* lateral_adjoint;      ///< [state][rows], null: not wanted
  Count rows;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index r = graph.reach[i], down = graph.downstream[i];
    const auto a = conservative_start_adjoint<double>(channel.length[i], channel.slope[i], channel.n[r], channel.p[r],
                                                      channel.q[r], static_cast<double>(x[i]), storage_adjoint[i]);
    gradient[i] = a.n;
    gradient[distance + i] = a.p;
    gradient[2 * distance + i] = a.q;
    const Real message = down < graph.cells ? below[down] : starts(graph, down, 0);
    below[i] = message + static_cast<Real>(a.x);
    if (lateral_adjoint) lateral_adjoint[graph.state[i] * rows] += message + static_cast<Real>(0.5 * a.x);
  }
};

template <class Real>
struct Gradient {
  Channel<Real> channel;
  const Index *begin, *cell;   ///< cells of a reach, upstream first
  const Real* sums;            ///< [5][distance]
  const double* start;         ///< [3][distance]
  Count distance;
  double* to;                  ///< [3][reaches]
  Index reaches;
  DPL_HOST_DEVICE void operator()(Index k) const {
    double a = 0, b = 0, c = 0;
    for (Index s = begin[k]; s < begin[k + 1]; ++s) {
      const Index i = cell[s], r = channel.reach[i];
      const double n = channel.n[r], p = channel.p[r], q = channel.q[r];
      const auto own = conservative_coefficients<double>(channel.length[i], channel.slope[i], n, p, q);
      const auto g = conservative_coefficients_adjoint<double>(own, n, p, q, sums[i], sums[distance + i],
                                                               sums[2 * distance + i], sums[3 * distance + i],
                                                               sums[4 * distance + i]);
      a += g.n + start[i];
      b += g.p + start[distance + i];
      c += g.q + start[2 * distance + i];
    }
    to[k] = a;
    to[reaches + k] = b;
    to[2 * static_cast<Count>(reaches) + k] = c;
  }
};

template <class Real>
struct ToDouble {
  const Real* from;
  double* to;
  DPL_HOST_DEVICE void operator()(Index i) const { to[i] = from[i]; }
};

}  // namespace

template <class Real>
DeviceConservativeTile<Real>::DeviceConservativeTile(TileLayout layout, const Tiling::Tile& tile,
                                                     const ReachProperties& properties, const RoutingOptions& options,
                                                     DeviceScratch<Real>& scratch)
    : DeviceTile<Real>(std::move(layout), tile, properties, options, scratch), coefficients_(options.device),
      storage_adjoint_(options.device), start_x_(this->cell_array()), sums_(options.device),
      start_gradient_(options.device) {
  coefficients_.need(6 * static_cast<std::size_t>(this->stride_));
}

template <class Real>
Count DeviceConservativeTile<Real>::form_bytes(bool tape) const {
  return this->stride_ * static_cast<Count>(7 * sizeof(Real) + (tape ? 6 * sizeof(Real) + 3 * sizeof(double) : 0));
}

template <class Real>
ConservativeCoefficients<Real> DeviceConservativeTile<Real>::coefficients() const {
  const Count s = this->stride_;
  const Real* c = coefficients_.data();
  return {c, c + s, c + 2 * s, c + 3 * s, c + 4 * s, c + 5 * s};
}

template <class Real>
ConservativeRecord<Real> DeviceConservativeTile<Real>::record(Index sweep) const {
  const Count s = this->stride_;
  Real* row = this->record_row(sweep);
  return {row, row + s, row + 2 * s, row + 3 * s, row + 4 * s};
}

template <class Real>
void DeviceConservativeTile<Real>::set_coefficients(const DeviceWindow<Real>& window) {
  const Count s = this->stride_;
  Real* c = coefficients_.data();
  a_ = window.a.data(), b_ = window.b.data(), c_ = window.c.data();
  const Channel<Real> channel{this->graph_.reach, this->length_.data(), this->slope_.data(), a_, b_, c_};
  for_each(this->device_, SetCoefficients<Real>{channel, c, c + s, c + 2 * s, c + 3 * s, c + 4 * s, c + 5 * s}, 0,
           this->cells());
}

template <class Real>
void DeviceConservativeTile<Real>::reset_adjoint() {
  const auto s = static_cast<std::size_t>(this->stride_);
  storage_adjoint_.zero(s);
  sums_.zero(5 * s);
  start_gradient_.zero(3 * s);
}

template <class Real>
void DeviceConservativeTile<Real>::start_cells(const DeviceWindow<Real>& window, Index first, Index end) {
  if (window.given_state) {
    for_each(this->device_, GivenStart<Real>{this->graph_.state, window.initial_state.data(), this->state_.data()}, first,
             end);
    return;
  }
  const Channel<Real> channel{this->graph_.reach, this->length_.data(), this->slope_.data(), a_, b_, c_};
  for_each(this->device_,
           HotStart<Real>{this->graph_, channel, {window.edge_start.data(), 1}, window.inflow, window.inflow_stride,
                          this->real_share_.data(), this->lateral_floor_, this->flow_row(0), start_x_.data(),
                          this->state_.data()},
           first, end);
}

template <class Real>
void DeviceConservativeTile<Real>::start_adjoint_cells(const DeviceWindow<Real>& window, Index first, Index end) {
  const Channel<Real> channel{this->graph_.reach, this->length_.data(), this->slope_.data(), a_, b_, c_};
  for_each(this->device_,
           HotStartAdjoint<Real>{this->graph_, channel,
                                 {{window.cut_start_adjoint.data(), 1}, {window.edge_start_adjoint.data(), 1}},
                                 start_x_.data(), storage_adjoint_.data(), this->next_row(0), start_gradient_.data(),
                                 this->stride_, window.inflow_adjoint_wanted ? window.inflow_adjoint.data() : nullptr,
                                 window.inflow_rows},
           first, end);
}

template <class Real>
template <bool kRecord>
void DeviceConservativeTile<Real>::launch_forward(const DeviceWindow<Real>& window, Index sweep) {
  const auto kept = kRecord ? record(sweep) : ConservativeRecord<Real>{};
  Real* inflow = kRecord ? kept.inflow : this->scratch_.inflow.data();
  const auto lateral = this->lateral(window, sweep);
  const ConservativeForwardLoop<Real, kRecord> step{coefficients(), inflow, lateral.row, this->state_.data(),
                                                    this->flow_row(sweep + 1), kept,
                                                    static_cast<Real>(this->options_.dt_s)};
  for_each(this->device_, ConservativeForwardSweep<Real, kRecord>{this->frame(window, sweep), lateral,
                                                                  this->flow_row(sweep), inflow, step},
           0, this->cells());
}

template <class Real>
void DeviceConservativeTile<Real>::forward_sweep(const DeviceWindow<Real>& window, Index sweep, bool record) {
  if (record)
    launch_forward<true>(window, sweep);
  else
    launch_forward<false>(window, sweep);
}

template <class Real>
template <bool kHeld>
void DeviceConservativeTile<Real>::launch_adjoint(const DeviceWindow<Real>& window, Index sweep) {
  const auto lateral = this->lateral(window, sweep);
  const Count s = this->stride_;
  Real *message = this->scratch_.inflow.data(), *sums = sums_.data();
  const ConservativeAdjointLoop<Real, kHeld> step{coefficients(), record(sweep), lateral.row, message,
                                                  storage_adjoint_.data(), this->next_row(sweep), lateral.adjoint, sums,
                                                  sums + s, sums + 2 * s, sums + 3 * s, sums + 4 * s,
                                                  static_cast<Real>(this->options_.dt_s)};
  for_each(this->device_,
           ConservativeAdjointSweep<Real, kHeld>{this->frame(window, sweep), lateral, this->seeds(window), window.below(),
                                                 this->next_row(sweep + 1), message, this->options_.inflow_readout, step},
           0, this->cells());
}

template <class Real>
void DeviceConservativeTile<Real>::adjoint_sweep(const DeviceWindow<Real>& window, Index sweep) {
  if (window.shape.hold > 1)
    launch_adjoint<true>(window, sweep);
  else
    launch_adjoint<false>(window, sweep);
}

template <class Real>
void DeviceConservativeTile<Real>::gradient_of(double* to) const {
  const auto reaches = static_cast<Index>(this->layout_.reaches.size());
  const Channel<Real> channel{this->graph_.reach, this->length_.data(), this->slope_.data(), a_, b_, c_};
  for_each(this->device_, Gradient<Real>{channel, this->reach_begin_.data(), this->reach_cell_.data(), sums_.data(),
                                         start_gradient_.data(), this->stride_, to, reaches},
           0, reaches);
}

template <class Real>
void DeviceConservativeTile<Real>::storage_of(double* to) const {
  for_each(this->device_, ToDouble<Real>{this->state_.data(), to}, 0, this->cells());
}

template class DeviceConservativeTile<float>;
template class DeviceConservativeTile<double>;

}  // namespace dpl
