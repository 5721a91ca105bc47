// Rows of numbers in a device's memory, gathered into messages and scattered out of them.
#pragma once

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

/// to[k][width] = from[row[k]][width] for k < rows; rows * width at most the largest Index. All three lie in the device's
/// memory. Queued on `device` (cuda or emulated).
template <class Real>
void gather_rows(Device device, const Real* from, const Index* row, Index rows, Index width, Real* to);

/// to[row[k]][width] = from[k][width], in the same way; no row is named twice.
template <class Real>
void scatter_rows(Device device, const Real* from, const Index* row, Index rows, Index width, Real* to);

}  // namespace dpl
