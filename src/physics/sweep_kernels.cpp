// The sweeps, compiled once for each instruction set (DPL_ISA names the namespace).
#include "dpl/physics/lateral_rows.hpp"
#include "dpl/physics/tile_sweeps.hpp"

#ifndef DPL_ISA
#define DPL_ISA generic
#endif
#define DPL_TEXT(isa) #isa
#define DPL_NAME(isa) DPL_TEXT(isa)

namespace dpl::DPL_ISA {
namespace {

// Whole vectors only: the first and the last may hold cells outside the range, which keep their values.
struct VectorLoop {
  template <class Loop>
  static void run(const Loop& loop, Index first, Index end) {
    if (first >= end) return;
    const Loop body = loop;  // a copy whose pointers the compiler knows nobody changes
    const Index inner_first = padded(first), inner_end = end / kVectorCells * kVectorCells;
    if (first < inner_first) part(body, inner_first - kVectorCells, first, end);
    const Index whole = std::max<Index>(0, inner_end - inner_first) / kVectorCells * kVectorCells;
#pragma GCC ivdep
    for (Index i = 0; i < whole; ++i) body.template run<false>(inner_first + i, true);
    if (inner_end < end && inner_end >= inner_first) part(body, inner_end, first, end);
  }

 private:
  template <class Loop>
  static void part(const Loop& loop, Index begin, Index first, Index end) {
    const Loop body = loop;
#pragma GCC ivdep
    for (Index i = 0; i < kVectorCells; ++i) body.template run<true>(begin + i, begin + i >= first && begin + i < end);
  }
};

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class Real>
SweepKernels<Real> make_kernels() {
  auto kernels = TileSweeps<VectorLoop>::of<Real>(DPL_NAME(DPL_ISA));
  kernels.lateral_to_rows = LateralTurn<Real, kVectorBytes>::to_rows;
  kernels.lateral_to_series = LateralTurn<Real, kVectorBytes>::to_series;
  return kernels;
}

}  // namespace

const SweepKernels<float>& single_kernels() {
  static const SweepKernels<float> kernels = make_kernels<float>();
  return kernels;
}

const SweepKernels<double>& double_kernels() {
  static const SweepKernels<double> kernels = make_kernels<double>();
  return kernels;
}

}  // namespace dpl::DPL_ISA
