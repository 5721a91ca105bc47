// The sweeps, compiled once for each instruction set (DPL_ISA names the namespace).
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <bit>

#include "dpl/physics/lateral_rows.hpp"
#include "dpl/physics/series_sweep.hpp"
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
  static void gather(const TileGraph& graph, const double* above, double* inflow, Index first, Index end) {
    inflow_one_by_one<double>(graph, above, inflow, first / kVectorCells * kVectorCells, padded(end));
  }

  static void gather(const TileGraph& graph, const float* above, float* inflow, Index first, Index end) {
#if defined(__AVX512F__)
    const WindowPlaces& w = graph.window;
    for (Index v = first / kVectorCells; v * kVectorCells < end; ++v) {
      const Index cell = v * kVectorCells;
      if (w.begin[v] < 0) {
        inflow_one_by_one<float>(graph, above, inflow, cell, cell + kVectorCells);
        continue;
      }
      const __m512 low = _mm512_loadu_ps(above + w.begin[v]), high = _mm512_loadu_ps(above + w.begin[v] + kVectorCells);
      const __m512 sum0 = _mm512_maskz_permutex2var_ps(w.some0[v], low, _mm512_loadu_si512(w.place0 + cell), high);
      const __m512 sum1 = _mm512_maskz_permutex2var_ps(w.some1[v], low, _mm512_loadu_si512(w.place1 + cell), high);
      _mm512_storeu_ps(inflow + cell, _mm512_add_ps(sum0, sum1));
      for (unsigned odd = w.odd[v]; odd != 0; odd &= odd - 1) {
        const Index i = cell + std::countr_zero(odd);
        inflow[i] = above[graph.upstream0[i]] + above[graph.upstream1[i]];
      }
    }
#else
    inflow_one_by_one<float>(graph, above, inflow, first / kVectorCells * kVectorCells, padded(end));
#endif
  }

  static void message(const WindowPlaces& window, const Index* downstream, const float* below, float* message, Index first,
                      Index end) {
    for (Index cell = first / kVectorCells * kVectorCells; cell < end; cell += kVectorCells) {
#if defined(__AVX512F__)
      if (const Index v = cell / kVectorCells; window.begin[v] >= 0) {
        const float* begin = below + window.begin[v];
        const __m512 low = _mm512_loadu_ps(begin), high = _mm512_loadu_ps(begin + kVectorCells);
        _mm512_storeu_ps(message + cell, _mm512_maskz_permutex2var_ps(
                                             window.some0[v], low, _mm512_loadu_si512(window.place0 + cell), high));
        for (unsigned odd = window.odd[v]; odd != 0; odd &= odd - 1) {
          const Index i = cell + std::countr_zero(odd);
          message[i] = below[downstream[i]];
        }
        continue;
      }
#endif
      message_one_by_one(downstream, below, message, cell, cell + kVectorCells);
    }
  }
  static void message(const WindowPlaces&, const Index* downstream, const double* below, double* message, Index first,
                      Index end) {
    message_one_by_one(downstream, below, message, first / kVectorCells * kVectorCells, padded(end));
  }

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
  template <class Real>
  static void inflow_one_by_one(const TileGraph& graph, const Real* above, Real* inflow, Index first, Index end) {
    const GatherLoop<Real> body{graph.upstream0, graph.upstream1, above, inflow};
#pragma GCC ivdep
    for (Index i = first; i < end; ++i) body(i);
  }

  template <class Real>
  static void message_one_by_one(const Index* downstream, const Real* below, Real* message, Index first, Index end) {
    const MessageLoop<Real> body{downstream, below, message};
#pragma GCC ivdep
    for (Index i = first; i < end; ++i) body(i);
  }

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
  kernels.muskingum_series = SeriesSweep<Real, kVectorBytes>::run;
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
