// The loops of the LSTM, compiled once for each instruction set (DPL_ISA names the namespace).
//
// A tile is R rows by N vectors of sums that stay in registers while one panel of packed weights streams past; the gates
// of a forward panel belong to the same units, so that activations follow at once.
#include "dpl/learning/lstm_kernels.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

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

/// One vector register of numbers.
template <class Real>
struct Lanes;

#if defined(__AVX512F__)
constexpr int kRows = 6;
template <>
struct Lanes<float> {
  static constexpr int kWidth = 16;
  __m512 v;
  static DPL_INLINE Lanes load(const float* x) { return {_mm512_load_ps(x)}; }
  static DPL_INLINE Lanes all(float x) { return {_mm512_set1_ps(x)}; }
  DPL_INLINE void store(float* x) const { _mm512_store_ps(x, v); }
  DPL_INLINE void add_product(Lanes a, Lanes b) { v = _mm512_fmadd_ps(a.v, b.v, v); }
};
template <>
struct Lanes<double> {
  static constexpr int kWidth = 8;
  __m512d v;
  static DPL_INLINE Lanes load(const double* x) { return {_mm512_load_pd(x)}; }
  static DPL_INLINE Lanes all(double x) { return {_mm512_set1_pd(x)}; }
  DPL_INLINE void store(double* x) const { _mm512_store_pd(x, v); }
  DPL_INLINE void add_product(Lanes a, Lanes b) { v = _mm512_fmadd_pd(a.v, b.v, v); }
};
#elif defined(__AVX2__)
constexpr int kRows = 3;
template <>
struct Lanes<float> {
  static constexpr int kWidth = 8;
  __m256 v;
  static DPL_INLINE Lanes load(const float* x) { return {_mm256_load_ps(x)}; }
  static DPL_INLINE Lanes all(float x) { return {_mm256_set1_ps(x)}; }
  DPL_INLINE void store(float* x) const { _mm256_store_ps(x, v); }
  DPL_INLINE void add_product(Lanes a, Lanes b) { v = _mm256_fmadd_ps(a.v, b.v, v); }
};
template <>
struct Lanes<double> {
  static constexpr int kWidth = 4;
  __m256d v;
  static DPL_INLINE Lanes load(const double* x) { return {_mm256_load_pd(x)}; }
  static DPL_INLINE Lanes all(double x) { return {_mm256_set1_pd(x)}; }
  DPL_INLINE void store(double* x) const { _mm256_store_pd(x, v); }
  DPL_INLINE void add_product(Lanes a, Lanes b) { v = _mm256_fmadd_pd(a.v, b.v, v); }
};
#else
constexpr int kRows = 2;
template <class Real>
struct Lanes {
  static constexpr int kWidth = 4;
  Real v[4];
  static DPL_INLINE Lanes load(const Real* x) { return {{x[0], x[1], x[2], x[3]}}; }
  static DPL_INLINE Lanes all(Real x) { return {{x, x, x, x}}; }
  DPL_INLINE void store(Real* x) const {
    for (int i = 0; i < 4; ++i) x[i] = v[i];
  }
  DPL_INLINE void add_product(Lanes a, Lanes b) {
    for (int i = 0; i < 4; ++i) v[i] = multiply_add(a.v[i], b.v[i], v[i]);
  }
};
#endif

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

/// Where a product finds its factors: x[r][k] of segment s at x + r x_row + k x_step + s x_segment, vectors of weight[k] at
/// weight + k weight_step, on from segment to segment.
template <class Real>
struct Factors {
  const Real* x;
  Size x_row, x_step, x_segment;
  const Real* weight;
  Size weight_step;
  Size depth, segments = 1;
};

/// out [R][N vectors], rows out_step apart, = start + sum over k ascending of x[r][k] weight[k]. Null start: 0.
template <class Real, int R, int N>
DPL_INLINE void product(Factors<Real> in, const Real* start, Size start_row, Size start_vector, Real* out, Size out_step) {
  using V = Lanes<Real>;
  constexpr int W = V::kWidth;
  V sum[R][N];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      sum[r][n] = start == nullptr ? V::all(Real(0)) : V::load(start + r * start_row + n * start_vector);
    }
  }
  for (Size s = 0; s < in.segments; ++s) {
    for (Size k = 0; k < in.depth; ++k) {
      V weight[N];
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) weight[n] = V::load(in.weight + n * W);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const V x = V::all(in.x[r * in.x_row + k * in.x_step]);
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

/// Rows row .. row + R - 1, units unit .. unit + one vector.
template <class Real, int R>
void forward_tile(const LstmDay<Real>& day, const Real* panel, Size row, Size unit) {
  constexpr int W = Lanes<Real>::kWidth;
  const Size hidden = day.shape.hidden, length = day.shape.row;
  alignas(64) Real tile[R * 4 * W];
  product<Real, R, 4>({day.input + row * length, length, 1, 0, panel, 4 * W, hidden + day.shape.channels},
                      day.place_gates + row * 4 * hidden + unit, 4 * hidden, hidden, tile, 4 * W);
  for (int r = 0; r < R; ++r) {
    const Real* sums = tile + r * 4 * W;
    const Real* before = day.cell_before + (row + r) * hidden + unit;
    Real* cell = day.cell + (row + r) * hidden + unit;
    Real* h = day.next_input + (row + r) * length + unit;
    alignas(64) Real active[4 * W];
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
    if (day.gates != nullptr) {
      Real* gates = day.gates + (row + r) * 4 * hidden + unit;
      for (int n = 0; n < 4; ++n) Lanes<Real>::load(active + n * W).store(gates + n * hidden);
    }
  }
}

/// One vector of units of a place. @param h_adjoint  d loss / d h
template <class Real>
DPL_INLINE void adjoint_vector(const LstmDayAdjoint<Real>& day, Size place, Size unit, const Real* h_adjoint) {
  constexpr int W = Lanes<Real>::kWidth;
  const Size hidden = day.shape.hidden;
  const Real *gates = day.gates + place * 4 * hidden + unit, *cell = day.cell + place * hidden + unit,
             *before = day.cell_before + place * hidden + unit;
  Real *cell_adjoint = day.cell_adjoint + place * hidden + unit,
       *sum = day.place_gates_adjoint + place * 4 * hidden + unit;
  alignas(64) Real out[4 * W];
#pragma GCC ivdep
  for (int u = 0; u < W; ++u) {
    const Real i = gates[u], f = gates[hidden + u], g = gates[2 * hidden + u], o = gates[3 * hidden + u];
    const Real state = tanh_of(cell[u]);
    const Real c_adjoint = multiply_add(h_adjoint[u] * o, multiply_add(-state, state, Real(1)), cell_adjoint[u]);
    out[u] = c_adjoint * g * (i * (Real(1) - i));
    out[W + u] = c_adjoint * before[u] * (f * (Real(1) - f));
    out[2 * W + u] = c_adjoint * i * multiply_add(-g, g, Real(1));
    out[3 * W + u] = h_adjoint[u] * state * (o * (Real(1) - o));
    cell_adjoint[u] = c_adjoint * f;
  }
  for (Size n = 0; n < 4; ++n) {
    const Size gate = n * hidden + unit;
    const auto adjoint = Lanes<Real>::load(out + n * W);
    adjoint.store(day.gates_adjoint + gate / kLstmPanel * day.panel_step + place * kLstmPanel + gate % kLstmPanel);
    for (int u = 0; u < W; ++u) sum[n * hidden + u] += out[n * W + u];
  }
}

template <class Real, int R, int N>
void adjoint_tile(const LstmDayAdjoint<Real>& day, const Real* panel, Size row, Size unit) {
  constexpr int W = Lanes<Real>::kWidth;
  const Size hidden = day.shape.hidden, depth = 4 * hidden;
  alignas(64) Real tile[R * N * W];
  if (day.later_gates != nullptr) {
    product<Real, R, N>({day.later_gates + row * kLstmPanel, kLstmPanel, 1, day.panel_step, panel, N * W, kLstmPanel,
                         depth / kLstmPanel},
                        nullptr, 0, 0, tile, N * W);
  } else {
    for (int k = 0; k < R * N * W; ++k) tile[k] = 0;
  }
  for (int r = 0; r < R; ++r) {
    const Size place = row + r;
    Real* from_later = tile + r * N * W;
    const Size whole = day.output_width - unit < N * W ? day.output_width - unit : N * W;
    if (day.output_adjoint != nullptr) {
      const Real* added = day.output_adjoint + place * day.output_width + unit;
      for (Size u = 0; u < whole; ++u) from_later[u] += added[u];
    }
    if (day.last_adjoint != nullptr) {
      const Real* added = day.last_adjoint + place * day.output_width + unit;
      for (Size u = 0; u < whole; ++u) from_later[u] += added[u];
    }
    for (int n = 0; n < N; ++n) adjoint_vector<Real>(day, place, unit + n * W, from_later + n * W);
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

template <class Real>
void forward(const LstmDay<Real>& day) {
  constexpr int W = Lanes<Real>::kWidth;
  const Size depth = day.shape.hidden + day.shape.channels;
  for (Size unit = 0; unit < day.shape.hidden; unit += W) {
    const Real* panel = day.panels + unit * 4 * depth;
    over_rows<kRows>(day.shape.places, [&]<int R>(Size row) { forward_tile<Real, R>(day, panel, row, unit); });
  }
}

/// Units unit .. end in panels of N vectors, then of fewer.
template <class Real, int N>
void adjoint_panels(const LstmDayAdjoint<Real>& day, Size unit) {
  constexpr Size kUnits = N * Lanes<Real>::kWidth;
  const Size hidden = day.shape.hidden;
  for (; unit + kUnits <= hidden; unit += kUnits) {
    const Real* panel = day.panels + unit * 4 * hidden;
    over_rows<kRows>(day.shape.places, [&]<int R>(Size row) { adjoint_tile<Real, R, N>(day, panel, row, unit); });
  }
  if constexpr (N > 1) {
    if (unit < hidden) adjoint_panels<Real, N - 1>(day, unit);
  }
}

template <class Real>
void adjoint(const LstmDayAdjoint<Real>& day) {
  adjoint_panels<Real, 4>(day, 0);
}

template <class Real>
void add_weights(const LstmWeightSum<Real>& part) {
  constexpr Size kBlock = 128;  // rows whose part of a panel stays in the first-level cache
  constexpr int N = 4, W = Lanes<Real>::kWidth;
  const Size gates = 4 * part.shape.hidden, length = part.shape.row;
  for (Size row = 0; row < part.rows; row += kBlock) {
    const Size depth = part.rows - row < kBlock ? part.rows - row : kBlock;
    for (Size gate = 0; gate < gates; gate += N * W) {
      const Real* panel = part.gates_adjoint + gate / kLstmPanel * part.panel_step + row * kLstmPanel + gate % kLstmPanel;
      over_rows<kRows>(part.shape.hidden + part.shape.channels, [&]<int R>(Size input) {
        Real* sum = part.sum + input * gates + gate;
        product<Real, R, N>({part.inputs + row * length + input, 1, length, 0, panel, kLstmPanel, depth}, sum, gates, W,
                            sum, gates);
      });
    }
  }
}

template <class Real>
void pack_forward(const Real* history, const Real* state, Size units, Size channels, Real* panels) {
  constexpr int W = Lanes<Real>::kWidth;
  const Size hidden = lstm_padded(units), depth = hidden + channels;
  for (Size unit = 0; unit < hidden; unit += W) {
    for (Size k = 0; k < depth; ++k) {
      for (Size gate = 0; gate < 4; ++gate) {
        for (Size u = 0; u < W; ++u) {
          const Size to = gate * units + unit + u;
          Real value = 0;
          if (unit + u < units) {
            if (k < units) value = state[to * units + k];
            if (k >= hidden) value = history[to * channels + k - hidden];
          }
          *panels++ = value;
        }
      }
    }
  }
}

/// Panels as adjoint_panels cuts them.
template <class Real>
void pack_adjoint(const Real* state, Size units, Real* panels) {
  constexpr Size W = Lanes<Real>::kWidth;
  const Size hidden = lstm_padded(units);
  for (Size unit = 0, vectors = 4; unit < hidden; unit += vectors * W) {
    while (unit + vectors * W > hidden) --vectors;
    for (Size gate = 0; gate < 4; ++gate) {
      for (Size k = 0; k < hidden; ++k) {
        for (Size u = unit; u < unit + vectors * W; ++u) {
          *panels++ = k < units && u < units ? state[(gate * units + k) * units + u] : Real(0);
        }
      }
    }
  }
}

template <class Real>
LstmKernels<Real> make_kernels() {
  return {DPL_NAME(DPL_ISA), pack_forward<Real>, pack_adjoint<Real>, forward<Real>, adjoint<Real>, add_weights<Real>};
}

}  // namespace

const LstmKernels<float>& lstm_single_kernels() {
  static const LstmKernels<float> kernels = make_kernels<float>();
  return kernels;
}

const LstmKernels<double>& lstm_double_kernels() {
  static const LstmKernels<double> kernels = make_kernels<double>();
  return kernels;
}

}  // namespace dpl::DPL_ISA
