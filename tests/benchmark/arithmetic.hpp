// The arithmetic of the routing kernels alone, and what the machine can do: the limits the sweeps are measured against.
#pragma once

#include <cstddef>

namespace dpl::bench {

/// Passes over arrays that stay in the first-level cache, without gathers, rows and tape.
struct ArithmeticKernels {
  static constexpr int kCells = 512;
  const char* instruction_set;
  void (*conservative_forward)(int passes);
  void (*conservative_adjoint)(int passes);   ///< geometry computed again
  void (*literature_forward)(int passes);     ///< scheme corrected
  void (*literature_adjoint)(int passes);
  void (*multiply_add)(int passes);           ///< kFlopsOfPass each
  static constexpr double kFlopsOfPass = 2 * 10 * 16 * 50;
};

/// For the instruction set that routing uses here (DPL_ISA picks a lower one).
const ArithmeticKernels& arithmetic_kernels();

}  // namespace dpl::bench
