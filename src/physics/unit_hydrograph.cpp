// The unit hydrograph of each catchment.
#include "dpl/physics/unit_hydrograph.hpp"

#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/physics/runoff_columns.hpp"
#include "dpl/physics/runoff_kernels.hpp"

namespace dpl {
namespace {

double day_of(int k) { return k + 0.5; }
double shape_of(double a) { return std::max(a, 0.0) + 0.1; }
double scale_of(double b) { return std::max(b, 0.0) + 0.5; }

}  // namespace

HydrographWeights hydrograph_weights(double a, double b) {
  HydrographWeights w;
  double sum = 0;
  for (int k = 0; k < kHydrographDays; ++k) {
    w[k] = std::exp((shape_of(a) - 1) * std::log(day_of(k)) - day_of(k) / scale_of(b));
    sum += w[k];
  }
  for (double& x : w) x /= sum;
  return w;
}

HydrographAdjoint hydrograph_weights_adjoint(double a, double b, const HydrographWeights& weights_adjoint) {
  const HydrographWeights w = hydrograph_weights(a, b);
  double mean = 0;
  for (int k = 0; k < kHydrographDays; ++k) mean += w[k] * weights_adjoint[k];
  HydrographAdjoint g{0, 0};
  for (int k = 0; k < kHydrographDays; ++k) {
    const double by_log =
        w[k] * (weights_adjoint[k] - mean);  // of the logarithm of the weight before its sum is made 1
    g.a += by_log * std::log(day_of(k));
    g.b += by_log * day_of(k) / (scale_of(b) * scale_of(b));
  }
  return {a < 0 ? 0 : g.a, b < 0 ? 0 : g.b};
}

// Arrays of one call, uploaded and downloaded by it.
template <class Real>
struct UnitHydrograph<Real>::OnDevice {
  Device device;
  DeviceArray<Real> weights{device}, x{device}, y{device};   // x and y: whichever are read and made
  DeviceArray<double> weights_adjoint{device};

  /// [day][catchment] of the device for those of the host.
  template <class Launch>
  void run(const HydrographBlock<Real>& b, const Real* from, Real* to, Launch launch) {
    const auto n = static_cast<std::size_t>(b.days * b.catchments);
    weights.set(b.weights, static_cast<std::size_t>(b.length * b.catchments));
    x.set(from, n);
    y.need(n);
    launch();
    copy_on(device, to, y.data(), n * sizeof(Real));
    wait_for(device);
  }
};

template <class Real>
void UnitHydrograph<Real>::convolve(const HydrographBlock<Real>& b) const {
  if (!on_device_) return runoff_kernels<Real>().convolve(b);
  on_device_->run(b, b.x, b.y, [&] {
    HydrographBlock<Real> there = b;
    there.weights = on_device_->weights.data();
    there.x = on_device_->x.data();
    there.y = on_device_->y.data();
    run_hydrograph(on_device_->device, there);
  });
}

template <class Real>
void UnitHydrograph<Real>::convolve_back(const HydrographBlock<Real>& b) const {
  if (!on_device_) return runoff_kernels<Real>().convolve_adjoint(b);
  on_device_->run(b, b.y_adjoint, b.x_adjoint, [&] {
    HydrographBlock<Real> there = b;
    there.weights = on_device_->weights.data();
    there.y_adjoint = on_device_->x.data();
    there.x_adjoint = on_device_->y.data();
    run_hydrograph_back(on_device_->device, there);
  });
}

template <class Real>
void UnitHydrograph<Real>::convolve_weights(const HydrographBlock<Real>& b) const {
  if (!on_device_) return runoff_kernels<Real>().convolve_weights(b);
  OnDevice& d = *on_device_;
  const auto n = static_cast<std::size_t>(b.days * b.catchments);
  const auto weights = static_cast<std::size_t>(b.length * b.catchments);
  d.x.set(b.x, n);
  d.y.set(b.y_adjoint, n);
  d.weights_adjoint.need(weights);
  HydrographBlock<Real> there = b;
  there.x = d.x.data();
  there.y_adjoint = d.y.data();
  there.weights_adjoint = d.weights_adjoint.data();
  run_hydrograph_weights(d.device, there);
  copy_on(d.device, b.weights_adjoint, d.weights_adjoint.data(), weights * sizeof(double));
  wait_for(d.device);
}

template <class Real>
UnitHydrograph<Real>::UnitHydrograph(Device device) {
  check_device(device);
  if (runs_device_loops(device)) on_device_.reset(new OnDevice{device});
}
template <class Real>
UnitHydrograph<Real>::UnitHydrograph(std::span<const Real> a, std::span<const Real> b, Device device)
    : UnitHydrograph(device) {
  set(a, b);
}
template <class Real>
UnitHydrograph<Real>::~UnitHydrograph() = default;
template <class Real>
UnitHydrograph<Real>::UnitHydrograph(UnitHydrograph&&) noexcept = default;

template <class Real>
void UnitHydrograph<Real>::set(std::span<const Real> a, std::span<const Real> b) {
  a_.assign(a.begin(), a.end());
  b_.assign(b.begin(), b.end());
  weights_.resize(a.size() * kHydrographDays);
  if (a.size() != b.size())
    fail("unit hydrograph: {} values of a, {} of b; one of each per catchment is needed", a.size(), b.size());
  for (std::size_t c = 0; c < a.size(); ++c) {
    if (!std::isfinite(a[c]) || !std::isfinite(b[c]))
      fail("unit hydrograph: a, b of catchment {} (from 0) are {}, {}, allowed: finite", c, a[c], b[c]);
    const HydrographWeights w = hydrograph_weights(a[c], b[c]);
    for (int k = 0; k < kHydrographDays; ++k) weights_[k * a.size() + c] = static_cast<Real>(w[k]);
  }
}

template <class Real>
Count UnitHydrograph<Real>::device_bytes(Count days, Index catchments) {
  constexpr auto kValue = static_cast<Count>(sizeof(Real));
  return catchments * (2 * days * kValue + kHydrographDays * (kValue + static_cast<Count>(sizeof(double))));
}

template <class Real>
Count UnitHydrograph<Real>::days_of(const char* name, std::size_t values) const {
  if (a_.empty() || values % a_.size() != 0)
    fail("unit hydrograph: {} has {} values, which are no whole days of {} catchments", name, values, a_.size());
  return static_cast<Count>(values / a_.size());
}

template <class Real>
HydrographBlock<Real> UnitHydrograph<Real>::block(Count days) const {
  HydrographBlock<Real> b;
  b.weights = weights_.data();
  b.days = days;
  b.catchments = catchments();
  b.length = kHydrographDays;
  return b;
}

template <class Real>
void UnitHydrograph<Real>::forward(std::span<const Real> x, std::span<Real> y) const {
  const Count days = days_of("runoff", x.size());
  if (y.size() != x.size()) fail("unit hydrograph: {} values of runoff, {} of what is made of it", x.size(), y.size());
  HydrographBlock<Real> b = block(days);
  b.x = x.data();
  b.y = y.data();
  convolve(b);
}

template <class Real>
void UnitHydrograph<Real>::adjoint(std::span<const Real> x, std::span<const Real> y_adjoint, std::span<Real> x_adjoint,
                                   std::span<Real> a_adjoint, std::span<Real> b_adjoint) const {
  const Count days = days_of("the derivative", y_adjoint.size());
  const auto n = static_cast<Count>(a_.size());
  HydrographBlock<Real> b = block(days);
  b.y_adjoint = y_adjoint.data();
  if (!x_adjoint.empty()) {
    if (x_adjoint.size() != y_adjoint.size())
      fail("unit hydrograph: derivatives have {} and {} values", y_adjoint.size(), x_adjoint.size());
    b.x_adjoint = x_adjoint.data();
    convolve_back(b);
  }
  if (a_adjoint.empty() && b_adjoint.empty()) return;
  if (x.size() != y_adjoint.size())
    fail("unit hydrograph: {} values of runoff, {} derivatives", x.size(), y_adjoint.size());
  if ((!a_adjoint.empty() && a_adjoint.size() != a_.size()) || (!b_adjoint.empty() && b_adjoint.size() != a_.size()))
    fail("unit hydrograph: derivatives by a, b have {}, {} values, {} are needed", a_adjoint.size(), b_adjoint.size(),
         a_.size());
  std::vector<double> sums(n * kHydrographDays, 0.0);  // d/d weights
  b.x = x.data();
  b.weights_adjoint = sums.data();
  convolve_weights(b);
  for (Count c = 0; c < n; ++c) {
    HydrographWeights by_weight;
    for (int k = 0; k < kHydrographDays; ++k) by_weight[k] = sums[k * n + c];
    const HydrographAdjoint g = hydrograph_weights_adjoint(a_[c], b_[c], by_weight);
    if (!a_adjoint.empty()) a_adjoint[c] = static_cast<Real>(g.a);
    if (!b_adjoint.empty()) b_adjoint[c] = static_cast<Real>(g.b);
  }
}

template class UnitHydrograph<float>;
template class UnitHydrograph<double>;

}  // namespace dpl
