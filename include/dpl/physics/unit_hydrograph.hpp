// Unit hydrograph: spreads a catchment's runoff over 15 days by a gamma-shaped weight, with adjoints.
//
// w_k proportional to t^(a' - 1) exp(-t / theta'), t = k + 1/2 days, k = 0 .. 14, sum 1; a' = max(a, 0) + 0.1,
// theta' = max(b, 0) + 0.5 days (method section 3; the gamma form of Nash 1957, IASH Publ. 45).
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

template <class Real>
struct HydrographBlock;   // runoff_kernels.hpp

inline constexpr int kHydrographDays = 15;
/// Ranges in which a [-] and b [days] are learned.
inline constexpr double kHydrographLargestA = 2.9, kHydrographLargestB = 6.5;

using HydrographWeights = std::array<double, kHydrographDays>;

/// Weights of a [-] and b [days], both finite; below 0 taken as 0.
HydrographWeights hydrograph_weights(double a, double b);

struct HydrographAdjoint {
  double a, b;
};

/// Derivatives by a and b (0 below 0), given those by the weights.
HydrographAdjoint hydrograph_weights_adjoint(double a, double b, const HydrographWeights& weights_adjoint);

/// **Local.** Convolution y(t) = sum over k of w_k x(t - k); before the window x = 0. A catchment's results do not
/// depend on the others of the call.
template <class Real>
class UnitHydrograph {
 public:
  /// Without catchments, for set(). `device`: where the sums over days run; its arrays are kept from call to call.
  explicit UnitHydrograph(Device device);
  /// As set(), on the CPU unless told.
  UnitHydrograph(std::span<const Real> a, std::span<const Real> b, Device device = Device::cpu);
  ~UnitHydrograph();
  UnitHydrograph(UnitHydrograph&&) noexcept;

  /// @param a, b [catchment]. Throws Error for different lengths, or a value that is not finite.
  void set(std::span<const Real> a, std::span<const Real> b);

  Index catchments() const { return static_cast<Index>(a_.size()); }

  /// Bytes of a device's memory that forward() of `days` days and adjoint() take.
  static Count device_bytes(Count days, Index catchments);

  /// @param x, y [day][catchment], any unit; not the same array.
  void forward(std::span<const Real> x, std::span<Real> y) const;

  /// From d/dy to d/dx, and d/da, d/db [catchment]; an empty one is not wanted. Overwritten.
  /// @param x as in forward; read for d/da, d/db only.
  void adjoint(std::span<const Real> x, std::span<const Real> y_adjoint, std::span<Real> x_adjoint,
               std::span<Real> a_adjoint, std::span<Real> b_adjoint) const;

 private:
  HydrographBlock<Real> block(Count days) const;
  Count days_of(const char* name, std::size_t values) const;
  void convolve(const HydrographBlock<Real>& b) const;
  void convolve_back(const HydrographBlock<Real>& b) const;
  void convolve_weights(const HydrographBlock<Real>& b) const;

  struct OnDevice;
  std::unique_ptr<OnDevice> on_device_;   // null on the CPU
  std::vector<Real> a_, b_;     // [catchment]
  std::vector<Real> weights_;  // [k][catchment]
};

extern template class UnitHydrograph<float>;
extern template class UnitHydrograph<double>;

}  // namespace dpl
