// The loops, compiled once for each instruction set (DPL_ISA names the namespace).
#include "dpl/physics/sweep_table.hpp"

#ifndef DPL_ISA
#define DPL_ISA generic
#endif
#define DPL_TEXT(isa) #isa
#define DPL_NAME(isa) DPL_TEXT(isa)

namespace dpl::DPL_ISA {
namespace {

struct VectorLoop {
  template <class Loop>
  static void run(const Loop& loop, Index first, Index end) {
    const Loop body = loop;  // a copy whose pointers the compiler knows nobody changes
#pragma GCC ivdep
    for (Index i = first; i < end; ++i) body(i);
  }
};

}  // namespace

const SweepKernels<float>& single_kernels() {
  static const SweepKernels<float> kernels = SweepTable<VectorLoop>::of<float>(DPL_NAME(DPL_ISA));
  return kernels;
}

const SweepKernels<double>& double_kernels() {
  static const SweepKernels<double> kernels = SweepTable<VectorLoop>::of<double>(DPL_NAME(DPL_ISA));
  return kernels;
}

}  // namespace dpl::DPL_ISA
