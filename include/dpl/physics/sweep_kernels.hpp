// The loops of a sweep over a contiguous range of cells, for each instruction set; one set is chosen when the program starts.
#pragma once

#include "dpl/physics/routing.hpp"
#include "dpl/physics/sweep_loops.hpp"

namespace dpl {

/// Loops over cells first..end - 1.
template <class Real>
struct SweepKernels {
  const char* instruction_set;
  void (*gather)(const GatherLoop<Real>&, Index first, Index end);
  void (*conservative_forward)(const ConservativeForwardLoop<Real>&, Index first, Index end);
  void (*conservative_adjoint)(const ConservativeAdjointLoop<Real>&, Index first, Index end);
  /// [trapezoid + 2 cunge + 4 positive], and the muskingum scheme last.
  void (*discharge_forward[9])(const DischargeForwardArrays<Real>&, Index first, Index end);
  void (*discharge_adjoint[9])(const DischargeAdjointArrays<Real>&, Index first, Index end);
};

inline constexpr int kMuskingumForm = 8;

/// The fastest set this processor runs (environment variable DPL_ISA=generic|v3|v4 picks a lower one: same bits).
/// Device::cuda: kernels for arrays in GPU memory; Error in a program built without CUDA.
template <class Real>
const SweepKernels<Real>& sweep_kernels(Device device);

}  // namespace dpl
