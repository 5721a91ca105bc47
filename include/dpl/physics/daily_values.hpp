// Parameters with one value a day between a network, which gives shares of ranges window by window, and the runoff
// model, which reads physical values of all windows day by day: value = lower + extent * share.
#pragma once

#include "dpl/physics/device_memory.hpp"
#include "dpl/physics/runoff_kernels.hpp"

namespace dpl {

/// Some neighbouring windows of a batch.
template <class Real>
struct DailyBlock {
  Count days = 0;
  Index components = 1, rows = 0;    ///< rows: [dynamic parameter][component]
  Index first = 0, windows = 0;      ///< of the batch
  Index columns = 0;                 ///< windows, and more that are copies of the last one
  Index width = 0;                   ///< columns of the batch
  Real lower[kDynamicRows] = {}, extent[kDynamicRows] = {};   ///< [dynamic parameter]
  const Real* shares = nullptr;                               ///< [day][window of the block][row]
  Real* values = nullptr;                                     ///< [day][row][column of the batch]
  const Real* values_adjoint = nullptr;                       ///< as values
  Real* shares_adjoint = nullptr;                             ///< as shares
};

template <class Real>
DPL_HOST_DEVICE Real daily_value(Real lower, Real extent, Real share) {
  return lower + extent * share;
}

/// `values` of the block's columns from `shares`; queued on `device` (cuda or emulated), whose memory all arrays are.
template <class Real>
void make_daily_values(Device device, const DailyBlock<Real>& b);
/// `shares_adjoint` from `values_adjoint`; columns that are copies have no derivative.
template <class Real>
void make_daily_adjoint(Device device, const DailyBlock<Real>& b);

}  // namespace dpl
