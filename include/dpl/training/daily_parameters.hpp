// Parameters with one value a day of a batch of windows: from the network's tensors to where the runoff model reads them
// (the device it runs on, or the host), and their derivatives back.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "dpl/physics/daily_values.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {

/// **Local.** On a device nothing but networks that compute on the host bring or take there.
template <class Real>
class DailyParameters {
 public:
  DailyParameters(const BasinParameters& parameters, Device device);

  /// For `windows` windows, `width` with padding (BasinPhysics::padded). Throws Error where the device's memory is too
  /// small for it; `gradient`: and for derivatives.
  void begin(Index windows, Index width, Count days, bool gradient);
  /// Of neighbouring windows from `first` on. @param shares [day][window][output], contiguous, on host or device
  void set(Index first, const at::Tensor& shares);
  /// [day][dynamic parameter][component][padded window] physical values, as BasinPhysics::forward takes them
  std::span<const Real> values() const { return {values_.data(), size()}; }
  /// For derivatives by them.
  std::span<Real> gradient();
  /// After gradient() has been filled: derivatives by `shares`, where these lie.
  at::Tensor by_shares(Index first, const at::Tensor& shares);

 private:
  std::size_t size() const { return static_cast<std::size_t>(days_ * rows_ * width_); }
  DailyBlock<Real> block(Index first, const at::Tensor& shares) const;
  bool elsewhere(const at::Tensor& shares) const { return device_ == Device::cuda && shares.is_cpu(); }

  const BasinParameters& parameters_;
  Device device_;
  Index rows_;                              // [dynamic parameter][component]
  Index windows_ = 0, width_ = 0;           // of begin(), as the next
  Count days_ = 0;
  DeviceArray<Real> values_, gradient_;     // as values()
  DeviceArray<Real> staged_;                // a block's shares on their way between host and device
};

extern template class DailyParameters<float>;
extern template class DailyParameters<double>;

}  // namespace dpl
