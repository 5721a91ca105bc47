// The discharge form on one tile of a GPU: coefficients, start, sweeps and their adjoints.
// compiled as CUDA too
#include "dpl/physics/device_discharge_cells.hpp"
#include "dpl/physics/device_forms.hpp"
#include "dpl/physics/for_each.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

template <class Real>
DischargeChannel<Real> channel_of(const DeviceGraph& graph, const DeviceArray<double>& length,
                                  const DeviceArray<double>& slope, const DeviceArray<double>& share, const Real* a,
                                  const Real* b, const Real* c, const RoutingOptions& options) {
  return {graph.reach, length.data(), slope.data(), share.data(), a, b, c, options.scheme == Scheme::muskingum,
          options.published_epsilons, options.dt_s};
}

}  // namespace

template <class Real>
DeviceDischargeTile<Real>::DeviceDischargeTile(TileLayout layout, const Tiling::Tile& tile,
                                               const ReachProperties& properties, const RoutingOptions& options,
                                               DeviceScratch<Real>& scratch)
    : DeviceTile<Real>(std::move(layout), tile, properties, options, scratch), formulas_(discharge_formulas(options)),
      coefficients_(options.device), state_adjoint_(options.device), carried_(options.device), sums_(options.device) {
  coefficients_.need(7 * static_cast<std::size_t>(this->stride_));
}

template <class Real>
Count DeviceDischargeTile<Real>::form_bytes(bool tape) const {
  return this->stride_ * static_cast<Count>((tape ? 14 : 7) * sizeof(Real));
}

template <class Real>
MuskingumCungeCoefficients<Real> DeviceDischargeTile<Real>::coefficients() const {
  const Count s = this->stride_;
  const Real* c = coefficients_.data();
  return {c, c + s, c + 2 * s, c + 3 * s, c + 4 * s, c + 5 * s, c + 6 * s};
}

template <class Real>
DischargeRecord<Real> DeviceDischargeTile<Real>::record(Index sweep) const {
  const Count s = this->stride_;
  Real* row = this->record_row(sweep);
  if (muskingum()) return {row, row + s, row + 2 * s, nullptr, nullptr, nullptr, nullptr};
  return {row, row + s, row + 2 * s, row + 3 * s, row + 4 * s, row + 5 * s, row + 6 * s};
}

template <class Real>
void DeviceDischargeTile<Real>::set_coefficients(const DeviceWindow<Real>& window) {
  const Count s = this->stride_;
  Real* c = coefficients_.data();
  a_ = window.a.data(), b_ = window.b.data(), c_ = window.c.data();
  const auto channel = channel_of(this->graph_, this->length_, this->slope_, this->share_, a_, b_, c_, this->options_);
  for_each(this->device_,
           SetDischargeCoefficients<Real>{channel, c, c + s, c + 2 * s, c + 3 * s, c + 4 * s, c + 5 * s, c + 6 * s}, 0,
           this->cells());
}

template <class Real>
void DeviceDischargeTile<Real>::reset_adjoint() {
  const auto s = static_cast<std::size_t>(this->stride_);
  state_adjoint_.zero(s);
  carried_.zero(s);
  sums_.zero(5 * s);
}

template <class Real>
void DeviceDischargeTile<Real>::start_cells(const DeviceWindow<Real>& window, Index first, Index end) {
  for_each(this->device_,
           DischargeStart<Real>{this->graph_, {window.edge_start.data(), 1},
                                window.given_state ? window.initial_state.data() : nullptr, window.inflow,
                                window.inflow_stride, this->real_share_.data(), this->lateral_floor_,
                                this->options_.floor_hot_start, this->flow_row(0), this->state_.data(), inflow_now()},
           first, end);
}

template <class Real>
void DeviceDischargeTile<Real>::after_start(DeviceWindow<Real>& window) {
  for_each(this->device_,
           StartToProbes<Real>{this->probe_cell_.data(), this->probe_number_.data(),
                               this->options_.inflow_readout ? inflow_now() : this->state_.data(), window.discharge.data(),
                               window.shape.rows},
           0, this->probes_);
}

template <class Real>
void DeviceDischargeTile<Real>::start_adjoint_cells(const DeviceWindow<Real>& window, Index first, Index end) {
  auto seeds = this->seeds(window);
  seeds.offset = 0;
  for_each(this->device_,
           DischargeStartAdjoint<Real>{this->graph_, seeds,
                                       {{window.cut_start_adjoint.data(), 1}, {window.edge_start_adjoint.data(), 1}},
                                       state_adjoint_.data(), carried_.data(), window.inflow, window.inflow_stride,
                                       this->real_share_.data(), this->lateral_floor_, !window.given_state,
                                       this->options_.floor_hot_start, this->options_.inflow_readout, this->next_row(0),
                                       window.inflow_adjoint_wanted ? window.inflow_adjoint.data() : nullptr,
                                       window.inflow_rows},
           first, end);
}

// Those that a scheme uses.
template <class Real>
template <class Launch>
void DeviceDischargeTile<Real>::with_form(const Launch& launch) const {
  switch (this->options_.scheme) {
    case Scheme::published: return launch(ChannelForm<false, false, false>{});
    case Scheme::exact_celerity: return launch(ChannelForm<true, false, false>{});
    case Scheme::corrected: return launch(ChannelForm<true, true, false>{});
    case Scheme::muskingum: return launch(FixedForm{});
    default: return launch(ChannelForm<true, true, true>{});
  }
}

template <class Real>
template <bool kRecord, class Form>
void DeviceDischargeTile<Real>::launch_forward(const DeviceWindow<Real>& window, Index sweep) {
  const auto kept = kRecord ? record(sweep) : DischargeRecord<Real>{};
  Real* scratch = this->scratch_.inflow.data();
  Real *inflow_next = kRecord ? kept.inflow_next : scratch, *floored = scratch + this->stride_;
  const auto lateral = this->lateral(window, sweep);
  DischargeForwardLoop<Real, kRecord, Form> step;
  // The floored outflow is the state: no row of its own.
  static_cast<DischargeForwardArrays<Real>&>(step) = {coefficients(), inflow_next, floored, lateral.row, inflow_now(),
                                                      this->state_.data(), this->flow_row(sweep + 1), this->state_.data(),
                                                      kept, static_cast<Real>(this->options_.dt_s), this->lateral_floor_,
                                                      formulas_.x};
  for_each(this->device_, DischargeForwardSweep<Real, kRecord, Form>{this->frame(window, sweep), lateral,
                                                                     this->flow_row(sweep), inflow_next, floored, step},
           0, this->cells());
}

template <class Real>
void DeviceDischargeTile<Real>::forward_sweep(const DeviceWindow<Real>& window, Index sweep, bool record) {
  with_form([&]<class Form>(Form) {
    if (record)
      launch_forward<true, Form>(window, sweep);
    else
      launch_forward<false, Form>(window, sweep);
  });
}

template <class Real>
template <bool kHeld, class Form>
void DeviceDischargeTile<Real>::launch_adjoint(const DeviceWindow<Real>& window, Index sweep) {
  const auto lateral = this->lateral(window, sweep);
  const Count s = this->stride_;
  Real *next_message = this->scratch_.inflow.data(), *floored_message = next_message + s, *sums = sums_.data();
  DischargeAdjointLoop<Real, kHeld, Form> step;
  static_cast<DischargeAdjointArrays<Real>&>(step) = {
      coefficients(), next_message, floored_message, record(sweep), lateral.row, this->flow_row(sweep + 1),
      state_adjoint_.data(), this->next_row(sweep), this->inflow_row(sweep), lateral.adjoint, sums, sums + s, sums + 2 * s,
      sums + 3 * s, sums + 4 * s, static_cast<Real>(this->options_.dt_s), this->lateral_floor_, formulas_.x};
  for_each(this->device_,
           DischargeAdjointSweep<Real, kHeld, Form>{this->frame(window, sweep), lateral, this->seeds(window),
                                                    window.below(), this->next_row(sweep + 1), this->inflow_row(sweep + 2),
                                                    this->inflow_row(sweep + 1), carried_.data(), next_message,
                                                    floored_message, this->options_.inflow_readout, step},
           0, this->cells());
}

template <class Real>
void DeviceDischargeTile<Real>::adjoint_sweep(const DeviceWindow<Real>& window, Index sweep) {
  with_form([&]<class Form>(Form) {
    if (window.shape.hold > 1)
      launch_adjoint<true, Form>(window, sweep);
    else
      launch_adjoint<false, Form>(window, sweep);
  });
}

template <class Real>
void DeviceDischargeTile<Real>::gradient_of(double* to) const {
  const auto reaches = static_cast<Index>(this->layout_.reaches.size());
  const auto channel = channel_of(this->graph_, this->length_, this->slope_, this->share_, a_, b_, c_, this->options_);
  for_each(this->device_, DischargeGradient<Real>{channel, this->reach_begin_.data(), this->reach_cell_.data(),
                                                  sums_.data(), this->stride_, to, reaches},
           0, reaches);
}

template <class Real>
void DeviceDischargeTile<Real>::storage_of(double* to) const {
  const auto channel = channel_of(this->graph_, this->length_, this->slope_, this->share_, a_, b_, c_, this->options_);
  for_each(this->device_, DischargeStorage<Real>{channel, formulas_, this->state_.data(), inflow_now(), to}, 0,
           this->cells());
}

template class DeviceDischargeTile<float>;
template class DeviceDischargeTile<double>;

template <class Real>
std::unique_ptr<DeviceTile<Real>> make_device_tile(TileLayout layout, const Tiling::Tile& tile,
                                                   const ReachProperties& properties, const RoutingOptions& options,
                                                   DeviceScratch<Real>& scratch) {
  if (options.scheme == Scheme::conservative)
    return std::make_unique<DeviceConservativeTile<Real>>(std::move(layout), tile, properties, options, scratch);
  return std::make_unique<DeviceDischargeTile<Real>>(std::move(layout), tile, properties, options, scratch);
}

template std::unique_ptr<DeviceTile<float>> make_device_tile(TileLayout, const Tiling::Tile&, const ReachProperties&,
                                                             const RoutingOptions&, DeviceScratch<float>&);
template std::unique_ptr<DeviceTile<double>> make_device_tile(TileLayout, const Tiling::Tile&, const ReachProperties&,
                                                              const RoutingOptions&, DeviceScratch<double>&);

}  // namespace dpl
