// The loops of the LSTM, compiled once for each instruction set (DPL_ISA names the namespace).
//
// A tile is R rows by N vectors of sums that stay in registers while one panel of packed weights streams past; the
// gates of a forward panel belong to the same units, so that activations follow at once.
#include "dpl/learning/lstm_kernels.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <bit>

#include "dpl/physics/vector_math.hpp"

#ifndef DPL_ISA
#define DPL_ISA generic
#endif
#define DPL_TEXT(isa) #isa
#define DPL_NAME(isa) DPL_TEXT(isa)
#define DPL_INLINE __attribute__((always_inline)) inline

namespace dpl::DPL_ISA {
namespace {

using Size = std::int64_t;

/// Vectors of sums and of factors. A `Packed` factor is one number, or a pair of bfloat16 ones.
template <class Numbers>
struct Lanes;

#if defined(__AVX512F__)
constexpr int kRows = 6;
template <>
struct Lanes<LstmSingle> {
  using Packed = float;
  static constexpr int kWidth = 16;
  __m512 v;
  static DPL_INLINE Lanes zero() { return {_mm512_setzero_ps()}; }
  static DPL_INLINE Lanes load(const float* x) { return {_mm512_load_ps(x)}; }
  DPL_INLINE void store(float* x) const { _mm512_store_ps(x, v); }
  DPL_INLINE Lanes plus(Lanes a) const { return {_mm512_add_ps(v, a.v)}; }
  static DPL_INLINE __m512 factors(const Packed* x) { return _mm512_load_ps(x); }
  static DPL_INLINE __m512 same(const Packed* x) { return _mm512_set1_ps(*x); }
  DPL_INLINE void add_product(__m512 a, __m512 b) { v = _mm512_fmadd_ps(a, b, v); }
};
template <>
struct Lanes<LstmDouble> {
  using Packed = double;
  static constexpr int kWidth = 8;
  __m512d v;
  static DPL_INLINE Lanes zero() { return {_mm512_setzero_pd()}; }
  static DPL_INLINE Lanes load(const double* x) { return {_mm512_load_pd(x)}; }
  DPL_INLINE void store(double* x) const { _mm512_store_pd(x, v); }
  DPL_INLINE Lanes plus(Lanes a) const { return {_mm512_add_pd(v, a.v)}; }
  static DPL_INLINE __m512d factors(const Packed* x) { return _mm512_load_pd(x); }
  static DPL_INLINE __m512d same(const Packed* x) { return _mm512_set1_pd(*x); }
  DPL_INLINE void add_product(__m512d a, __m512d b) { v = _mm512_fmadd_pd(a, b, v); }
};
template <>
struct Lanes<LstmBf16> {
  using Packed = std::uint32_t;
  static constexpr int kWidth = 16;
  __m512 v;
  static DPL_INLINE Lanes zero() { return {_mm512_setzero_ps()}; }
  static DPL_INLINE Lanes load(const float* x) { return {_mm512_load_ps(x)}; }
  DPL_INLINE void store(float* x) const { _mm512_store_ps(x, v); }
  DPL_INLINE Lanes plus(Lanes a) const { return {_mm512_add_ps(v, a.v)}; }
  static DPL_INLINE __m512i factors(const Packed* x) { return _mm512_load_si512(x); }
  static DPL_INLINE __m512i same(const Packed* x) { return _mm512_set1_epi32(static_cast<int>(*x)); }
  // The instruction itself: the file is compiled for all processors with AVX-512, of which not all have it.
  DPL_INLINE void add_product(__m512i a, __m512i b) { asm("vdpbf16ps %2, %1, %0" : "+v"(v) : "v"(a), "v"(b)); }
};
#elif defined(__AVX2__)
constexpr int kRows = 3;
template <>
struct Lanes<LstmSingle> {
  using Packed = float;
  static constexpr int kWidth = 8;
  __m256 v;
  static DPL_INLINE Lanes zero() { return {_mm256_setzero_ps()}; }
  static DPL_INLINE Lanes load(const float* x) { return {_mm256_load_ps(x)}; }
  DPL_INLINE void store(float* x) const { _mm256_store_ps(x, v); }
  DPL_INLINE Lanes plus(Lanes a) const { return {_mm256_add_ps(v, a.v)}; }
  static DPL_INLINE __m256 factors(const Packed* x) { return _mm256_load_ps(x); }
  static DPL_INLINE __m256 same(const Packed* x) { return _mm256_set1_ps(*x); }
  DPL_INLINE void add_product(__m256 a, __m256 b) { v = _mm256_fmadd_ps(a, b, v); }
};
template <>
struct Lanes<LstmDouble> {
  using Packed = double;
  static constexpr int kWidth = 4;
  __m256d v;
  static DPL_INLINE Lanes zero() { return {_mm256_setzero_pd()}; }
  static DPL_INLINE Lanes load(const double* x) { return {_mm256_load_pd(x)}; }
  DPL_INLINE void store(double* x) const { _mm256_store_pd(x, v); }
  DPL_INLINE Lanes plus(Lanes a) const { return {_mm256_add_pd(v, a.v)}; }
  static DPL_INLINE __m256d factors(const Packed* x) { return _mm256_load_pd(x); }
  static DPL_INLINE __m256d same(const Packed* x) { return _mm256_set1_pd(*x); }
  DPL_INLINE void add_product(__m256d a, __m256d b) { v = _mm256_fmadd_pd(a, b, v); }
};
#else
constexpr int kRows = 2;
template <class Numbers>
struct Lanes {
  using Packed = typename Numbers::Real;
  static constexpr int kWidth = 4;
  Packed v[4];
  static DPL_INLINE Lanes zero() { return {{0, 0, 0, 0}}; }
  static DPL_INLINE Lanes load(const Packed* x) { return {{x[0], x[1], x[2], x[3]}}; }
  DPL_INLINE void store(Packed* x) const {
    for (int i = 0; i < 4; ++i) x[i] = v[i];
  }
  DPL_INLINE Lanes plus(const Lanes& a) const { return {{v[0] + a.v[0], v[1] + a.v[1], v[2] + a.v[2], v[3] + a.v[3]}}; }
  static DPL_INLINE Lanes factors(const Packed* x) { return load(x); }
  static DPL_INLINE Lanes same(const Packed* x) { return {{*x, *x, *x, *x}}; }
  DPL_INLINE void add_product(const Lanes& a, const Lanes& b) {
    for (int i = 0; i < 4; ++i) v[i] = multiply_add(a.v[i], b.v[i], v[i]);
  }
};
#endif

/// Pairs as the products read them; the lower number of a pair comes first in memory.
template <class Numbers>
DPL_INLINE const typename Lanes<Numbers>::Packed* packed(const typename Numbers::Factor* x) {
  return reinterpret_cast<const typename Lanes<Numbers>::Packed*>(x);
}

DPL_INLINE void round_to(float x, float& factor) { factor = x; }
DPL_INLINE void round_to(double x, double& factor) { factor = x; }
/// To the nearest bfloat16, ties to even; NaN stays NaN.
DPL_INLINE void round_to(float x, std::uint16_t& factor) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  factor = static_cast<std::uint16_t>((x == x ? rounded : 0x7fc00000u) >> 16);
}

/// 1 / (1 + exp(-x)); NaN stays NaN.
template <class Real>
DPL_INLINE Real sigmoid_of(Real x) {
  constexpr Real kLog2E = Real(1.4426950408889634), kLimit = Real(125);
  Real y = -kLog2E * x;
  y = select(y > kLimit, kLimit, y);
  y = select(y < -kLimit, -kLimit, y);
  return Real(1) / (Real(1) + exp2_of(y));
}

/// Absolute error as sigmoid_of, twice.
template <class Real>
DPL_INLINE Real tanh_of(Real x) {
  return multiply_add(Real(2), sigmoid_of(Real(2) * x), Real(-1));
}

/// Where a product finds its packed factors: x[r][k] of segment s at x + r x_row + k x_step + s x_segment, vectors of
/// weight[k] at weight + k weight_step, on from segment to segment.
template <class Numbers>
struct Factors {
  const typename Lanes<Numbers>::Packed* x;
  Size x_row, x_step, x_segment;
  const typename Lanes<Numbers>::Packed* weight;
  Size weight_step;
  Size depth, segments = 1;
};

/// out [R][N vectors], rows out_step apart, = start + sum over k ascending of x[r][k] weight[k]. Null start: 0. A
/// function of its own: inlined among other loops, not all of its sums would stay in registers.
template <class Numbers, int R, int N>
__attribute__((noinline)) void product(Factors<Numbers> in, const typename Numbers::Real* start, Size start_row,
                                       Size start_vector, typename Numbers::Real* out, Size out_step) {
  using V = Lanes<Numbers>;
  constexpr int W = V::kWidth;
  V sum[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      sum[r][n] = start == nullptr ? V::zero() : V::load(start + r * start_row + n * start_vector);
    }
  }
  for (Size s = 0; s < in.segments; ++s) {
    for (Size k = 0; k < in.depth; ++k) {
      decltype(V::factors(in.weight)) weight[N];
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) weight[n] = V::factors(in.weight + n * W);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const auto x = V::same(in.x + r * in.x_row + k * in.x_step);
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) sum[r][n].add_product(x, weight[n]);
      }
      in.weight += in.weight_step;
    }
    in.x += in.x_segment;
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) sum[r][n].store(out + r * out_step + n * W);
  }
}

/// Calls tile<R>(row) for all rows, R = kRows and then what is left.
template <int R, class Tile>
DPL_INLINE void over_rows(Size rows, const Tile& tile, Size row = 0) {
  for (; row + R <= rows; row += R) tile.template operator()<R>(row);
  if constexpr (R > 1) {
    if (row < rows) over_rows<R - 1>(rows, tile, row);
  }
}

/// Packed factors of a panel that are multiplied for all rows before the next: they stay in the first-level cache.
constexpr Size kDepthBlock = 144;

/// Where unit `unit` of a place begins in strips of cells; those of gates are 4 times as far.
DPL_INLINE Size strip(const LstmShape& shape, Size place, Size unit) {
  return (unit / kLstmLanes * shape.places + place) * kLstmLanes;
}

/// Gates and state of one vector of units of a place from the sums of its gates.
template <class Numbers>
DPL_INLINE void activate(const LstmDay<Numbers>& day, Size place, Size unit, const typename Numbers::Real* sums) {
  using Real = typename Numbers::Real;
  using V = Lanes<Numbers>;
  constexpr int W = V::kWidth;
  const Size at = strip(day.shape, place, unit), within = unit % kLstmLanes;
  const Real* before = day.cell_before + at + within;
  alignas(64) Real active[4 * W], cell[W], h[W];
#pragma GCC ivdep
  for (int u = 0; u < W; ++u) {
    const Real i = sigmoid_of(sums[u]), f = sigmoid_of(sums[W + u]), g = tanh_of(sums[2 * W + u]),
               o = sigmoid_of(sums[3 * W + u]);
    const Real c = multiply_add(f, before[u], i * g);
    active[u] = i;
    active[W + u] = f;
    active[2 * W + u] = g;
    active[3 * W + u] = o;
    cell[u] = c;
    h[u] = o * tanh_of(c);
  }
  V::load(cell).store(day.cell + at + within);
  typename Numbers::Factor* next = day.next_input + place * day.shape.row + unit;
#pragma GCC ivdep
  for (int u = 0; u < W; ++u) round_to(h[u], next[u]);
  if (day.output != nullptr) V::load(h).store(day.output + place * day.shape.hidden + unit);
  if (day.gates != nullptr) {
    for (int n = 0; n < 4; ++n) V::load(active + n * W).store(day.gates + 4 * at + n * kLstmLanes + within);
  }
}

template <class Numbers>
void forward(const LstmDay<Numbers>& day) {
  constexpr int W = Lanes<Numbers>::kWidth;
  constexpr Size kPairs = Numbers::kPairs;
  const LstmShape& shape = day.shape;
  const Size depth = lstm_depth<Numbers>(shape.hidden, shape.channels) / kPairs, row_step = shape.row / kPairs;
  const Size blocks = (depth + kDepthBlock - 1) / kDepthBlock;
  for (Size unit = 0; unit < shape.hidden; unit += W) {
    const auto* panel = packed<Numbers>(day.panels) + unit * 4 * depth;
    for (Size block = 0; block < blocks; ++block) {
      const Size begin = depth * block / blocks, end = depth * (block + 1) / blocks;
      over_rows<kRows>(shape.places, [&]<int R>(Size row) {
        auto* sums = day.scratch + row * 4 * W;
        const Factors<Numbers> in{packed<Numbers>(day.input) + row * row_step + begin,
                                  row_step,
                                  1,
                                  0,
                                  panel + begin * 4 * W,
                                  4 * W,
                                  end - begin};
        if (block == 0) {
          const auto* start = day.place_gates + 4 * strip(shape, row, unit) + unit % kLstmLanes;
          product<Numbers, R, 4>(in, start, 4 * kLstmLanes, kLstmLanes, sums, 4 * W);
        } else {
          product<Numbers, R, 4>(in, sums, 4 * W, W, sums, 4 * W);
        }
      });
    }
    for (Size place = 0; place < shape.places; ++place) activate(day, place, unit, day.scratch + place * 4 * W);
  }
}

/// One vector of units of a place. @param h_adjoint  d loss / d h
template <class Numbers>
DPL_INLINE void adjoint_vector(const LstmDayAdjoint<Numbers>& day, Size place, Size unit,
                               const typename Numbers::Real* h_adjoint) {
  using Real = typename Numbers::Real;
  using V = Lanes<Numbers>;
  constexpr int W = V::kWidth;
  const Size hidden = day.shape.hidden, at = strip(day.shape, place, unit), within = unit % kLstmLanes;
  const Real *gates = day.gates + 4 * at + within, *cell = day.cell + at + within,
             *before = day.cell_before + at + within;
  Real *cell_adjoint = day.cell_adjoint + at + within, *sum = day.place_gates_adjoint + 4 * at + within;
  alignas(64) Real out[4 * W], next_adjoint[W];
#pragma GCC ivdep
  for (int u = 0; u < W; ++u) {
    const Real i = gates[u], f = gates[kLstmLanes + u], g = gates[2 * kLstmLanes + u], o = gates[3 * kLstmLanes + u];
    const Real state = tanh_of(cell[u]);
    const Real c_adjoint = multiply_add(h_adjoint[u] * o, multiply_add(-state, state, Real(1)), cell_adjoint[u]);
    out[u] = c_adjoint * g * (i * (Real(1) - i));
    out[W + u] = c_adjoint * before[u] * (f * (Real(1) - f));
    out[2 * W + u] = c_adjoint * i * multiply_add(-g, g, Real(1));
    out[3 * W + u] = h_adjoint[u] * state * (o * (Real(1) - o));
    next_adjoint[u] = c_adjoint * f;
  }
  V::load(next_adjoint).store(cell_adjoint);
  for (Size n = 0; n < 4; ++n) {
    const Size gate = n * hidden + unit;
    typename Numbers::Factor* rounded =
        day.gates_adjoint + gate / kLstmPanel * day.panel_step + place * kLstmPanel + gate % kLstmPanel;
#pragma GCC ivdep
    for (int u = 0; u < W; ++u) round_to(out[n * W + u], rounded[u]);
    V::load(sum + n * kLstmLanes).plus(V::load(out + n * W)).store(sum + n * kLstmLanes);
  }
}

template <class Real>
DPL_INLINE void add_output_adjoint(const Real* adjoint, Size units, Size width, Real* sums) {
  if (units == width) {
#pragma GCC ivdep
    for (Size u = 0; u < width; ++u) sums[u] += adjoint[u];
  } else {
    for (Size u = 0; u < units; ++u) sums[u] += adjoint[u];
  }
}

/// Units unit .. unit + N vectors.
template <class Numbers, int N>
void adjoint_panel(const LstmDayAdjoint<Numbers>& day, Size unit) {
  constexpr Size kWidth = N * Lanes<Numbers>::kWidth, kPairs = Numbers::kPairs;
  constexpr Size kSegment = kLstmPanel / kPairs, kSegments = kDepthBlock / kSegment;
  const LstmShape& shape = day.shape;
  const auto* panel = packed<Numbers>(day.panels) + unit * (4 * shape.hidden / kPairs);
  const Size segments = day.later_gates == nullptr ? 0 : 4 * shape.hidden / kLstmPanel;
  if (day.output_adjoint != nullptr) {  // short pieces of long rows, which no processor guesses
    for (Size place = 0; place < shape.places; ++place) {
      const auto* row = day.output_adjoint + place * day.output_width + unit;
      for (Size u = 0; u < kWidth; u += 64 / static_cast<Size>(sizeof(*row))) __builtin_prefetch(row + u);
    }
  }
  for (Size segment = 0; segment < segments; segment += kSegments) {
    const Size count = segments - segment < kSegments ? segments - segment : kSegments;
    over_rows<kRows>(shape.places, [&]<int R>(Size row) {
      auto* sums = day.scratch + row * kWidth;
      const auto* gates = day.later_gates + segment * day.panel_step + row * kLstmPanel;
      product<Numbers, R, N>({packed<Numbers>(gates), kSegment, 1, day.panel_step / kPairs,
                              panel + segment * kSegment * kWidth, kWidth, kSegment, count},
                             segment == 0 ? nullptr : sums, kWidth, Lanes<Numbers>::kWidth, sums, kWidth);
    });
  }
  const Size units = day.output_width - unit < kWidth ? day.output_width - unit : kWidth;
  for (Size place = 0; place < shape.places; ++place) {
    auto* sums = day.scratch + place * kWidth;
    if (segments == 0) {
      for (Size u = 0; u < kWidth; ++u) sums[u] = 0;
    }
    const Size from = place * day.output_width + unit;
    if (day.output_adjoint != nullptr) add_output_adjoint(day.output_adjoint + from, units, kWidth, sums);
    if (day.last_adjoint != nullptr) add_output_adjoint(day.last_adjoint + from, units, kWidth, sums);
    for (Size n = 0; n < kWidth; n += Lanes<Numbers>::kWidth) adjoint_vector(day, place, unit + n, sums + n);
  }
}

/// Units unit .. end in panels of N vectors, then of fewer.
template <class Numbers, int N>
void adjoint_panels(const LstmDayAdjoint<Numbers>& day, Size unit) {
  constexpr Size kWidth = N * Lanes<Numbers>::kWidth;
  for (; unit + kWidth <= day.shape.hidden; unit += kWidth) adjoint_panel<Numbers, N>(day, unit);
  if constexpr (N > 1) {
    if (unit < day.shape.hidden) adjoint_panels<Numbers, N - 1>(day, unit);
  }
}

template <class Numbers>
void adjoint(const LstmDayAdjoint<Numbers>& day) {
  adjoint_panels<Numbers, 4>(day, 0);
}

/// Rows two by two: out [rows / 2][width] pairs of in [rows][width], rows in_step apart; a missing last row is 0.
DPL_INLINE void pair_rows(const std::uint16_t* in, Size in_step, Size rows, Size width, std::uint32_t* out) {
  for (Size row = 0; row < rows; row += 2) {
    const std::uint16_t *first = in + row * in_step, *second = first + in_step;
    const std::uint32_t there = row + 1 < rows ? 0xffffffffu : 0u;
    if (there == 0) second = first;
#pragma GCC ivdep
    for (Size k = 0; k < width; ++k) out[k] = first[k] | (static_cast<std::uint32_t>(second[k]) << 16 & there);
    out += width;
  }
}

template <class Numbers>
void add_weights(const LstmWeightSum<Numbers>& part) {
  using Packed = typename Lanes<Numbers>::Packed;
  constexpr int N = 4, W = Lanes<Numbers>::kWidth;
  const Size gates = 4 * part.shape.hidden, length = part.shape.row;
  for (Size row = 0; row < part.rows; row += kLstmRowBlock) {
    Size depth = part.rows - row < kLstmRowBlock ? part.rows - row : kLstmRowBlock;
    const Size rows = depth;
    const Packed* inputs = packed<Numbers>(part.inputs + row * length);
    [[maybe_unused]] Packed* scratch = reinterpret_cast<Packed*>(part.scratch);
    if constexpr (Numbers::kPairs == 2) {
      pair_rows(part.inputs + row * length, length, rows, length, scratch);
      inputs = scratch;
      depth = (rows + 1) / 2;
    }
    for (Size gate = 0; gate < gates; gate += N * W) {
      const auto* of_panel =
          part.gates_adjoint + gate / kLstmPanel * part.panel_step + row * kLstmPanel + gate % kLstmPanel;
      const Packed* panel = packed<Numbers>(of_panel);
      if constexpr (Numbers::kPairs == 2) {
        Packed* pairs = scratch + kLstmRowBlock / 2 * length;
        pair_rows(of_panel, kLstmPanel, rows, kLstmPanel, pairs);
        panel = pairs;
      }
      over_rows<kRows>(part.shape.hidden + part.shape.channels, [&]<int R>(Size input) {
        auto* sum = part.sum + input * gates + gate;
        product<Numbers, R, N>({inputs + input, 1, length, 0, panel, kLstmPanel, depth}, sum, gates, W, sum, gates);
      });
    }
  }
}

template <class Numbers>
void pack_forward(const typename Numbers::Real* history, const typename Numbers::Real* state, Size units, Size channels,
                  typename Numbers::Factor* panels) {
  constexpr int W = Lanes<Numbers>::kWidth;
  constexpr Size kPairs = Numbers::kPairs;
  const Size hidden = lstm_padded(units), depth = lstm_depth<Numbers>(hidden, channels);
  for (Size unit = 0; unit < hidden; unit += W) {
    for (Size k = 0; k < depth; ++k) {
      for (Size gate = 0; gate < 4; ++gate) {
        for (Size u = 0; u < W; ++u) {
          const Size to = gate * units + unit + u;
          typename Numbers::Real value = 0;
          if (unit + u < units) {
            if (k < units) value = state[to * units + k];
            if (k >= hidden && k - hidden < channels) value = history[to * channels + k - hidden];
          }
          round_to(value, panels[(k / kPairs * 4 * W + gate * W + u) * kPairs + k % kPairs]);
        }
      }
    }
    panels += depth * 4 * W;
  }
}

/// Panels as adjoint_panels cuts them.
template <class Numbers>
void pack_adjoint(const typename Numbers::Real* state, Size units, typename Numbers::Factor* panels) {
  constexpr Size W = Lanes<Numbers>::kWidth;
  constexpr Size kPairs = Numbers::kPairs;
  const Size hidden = lstm_padded(units);
  for (Size unit = 0, vectors = 4; unit < hidden; unit += vectors * W) {
    while (unit + vectors * W > hidden) --vectors;
    for (Size gate = 0; gate < 4; ++gate) {
      for (Size k = 0; k < hidden; ++k) {
        const Size row = gate * hidden + k;
        for (Size u = 0; u < vectors * W; ++u) {
          const bool there = k < units && unit + u < units;
          const auto value = there ? state[(gate * units + k) * units + unit + u] : typename Numbers::Real(0);
          round_to(value, panels[(row / kPairs * vectors * W + u) * kPairs + row % kPairs]);
        }
      }
    }
    panels += 4 * hidden * vectors * W;
  }
}

template <class Numbers>
LstmKernels<Numbers> make_kernels() {
  return {DPL_NAME(DPL_ISA), pack_forward<Numbers>, pack_adjoint<Numbers>,
          forward<Numbers>,  adjoint<Numbers>,      add_weights<Numbers>};
}

}  // namespace

const LstmKernels<LstmSingle>& lstm_single_kernels() {
  static const LstmKernels<LstmSingle> kernels = make_kernels<LstmSingle>();
  return kernels;
}

const LstmKernels<LstmDouble>& lstm_double_kernels() {
  static const LstmKernels<LstmDouble> kernels = make_kernels<LstmDouble>();
  return kernels;
}

#if defined(__AVX512F__)
const LstmKernels<LstmBf16>& lstm_bf16_kernels() {
  static const LstmKernels<LstmBf16> kernels = make_kernels<LstmBf16>();
  return kernels;
}
#endif

}  // namespace dpl::DPL_ISA
