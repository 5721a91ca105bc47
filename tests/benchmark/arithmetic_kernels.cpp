// Compiled once for each instruction set, as the sweeps are (DPL_ISA names the namespace).
#include "dpl/physics/sweep_loops.hpp"
#include "tests/benchmark/arithmetic.hpp"

#define DPL_TEXT(isa) #isa
#define DPL_NAME(isa) DPL_TEXT(isa)

namespace dpl::DPL_ISA {
namespace {

constexpr int kCells = bench::ArithmeticKernels::kCells;

struct alignas(64) Array {
  float at[kCells];
  explicit Array(float value = 0) {
    for (float& x : at) x = value;
  }
};

// A look at the arrays that the compiler cannot see through: no pass is left out.
inline void touch(void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

struct Conservative {
  Array coefficient[6], storage{30000}, inflow{5}, lateral{1}, flow, flow_adjoint{1e-3f}, storage_adjoint, out[2], sum[5];
  Conservative() {
    const auto c = conservative_coefficients<double>(3000, 3e-3, 0.04, 20, 0.4);
    const double values[6] = {c.log2_depth, c.depth_exponent, c.log2_travel_time,
                              c.diffusion,  c.inverse_m,      c.smallest_storage};
    for (int k = 0; k < 6; ++k) coefficient[k] = Array(static_cast<float>(values[k]));
  }
  ConservativeCoefficients<float> cell() const {
    return {coefficient[0].at, coefficient[1].at, coefficient[2].at, coefficient[3].at, coefficient[4].at, coefficient[5].at};
  }
};

void conservative_forward(int passes) {
  static Conservative a;
  const auto cell = a.cell();
  for (int p = 0; p < passes; ++p) {
    touch(&a);
#pragma GCC ivdep
    for (int i = 0; i < kCells; ++i) {
      const auto next = conservative_step<float>(cell[i], a.storage.at[i], a.inflow.at[i], a.lateral.at[i], 3600.0f);
      a.storage.at[i] = next.storage;
      a.flow.at[i] = next.discharge;
    }
  }
}

void conservative_adjoint(int passes) {
  static Conservative a;
  const auto cell = a.cell();
  for (int p = 0; p < passes; ++p) {
    touch(&a);
#pragma GCC ivdep
    for (int i = 0; i < kCells; ++i) {
      const auto s = conservative_step_adjoint<float>(cell[i], a.storage.at[i], a.inflow.at[i], a.lateral.at[i], 3600.0f,
                                                      a.flow_adjoint.at[i], a.storage_adjoint.at[i]);
      a.storage_adjoint.at[i] = s.storage;
      a.out[0].at[i] = s.inflow;
      a.out[1].at[i] = s.lateral;
      a.sum[0].at[i] += s.log_depth;
      a.sum[1].at[i] += s.log_depth_log2_depth;
      a.sum[2].at[i] += s.log_travel_time;
      a.sum[3].at[i] += s.diffusion;
      a.sum[4].at[i] += s.inverse_m;
    }
  }
}

struct Literature {
  Array coefficient[6], slope{3e-3f}, state{8}, next{7}, inflow{6}, lateral{1}, adjoint{1e-3f}, out[4], sum[5];
  Literature() {
    const auto c = muskingum_cunge_coefficients<double>(3000, 3e-3, 0.04, 20, 0.4, true);
    const double values[6] = {c.log2_depth_factor, c.depth_exponent, c.log2_width, c.q, c.velocity_factor, c.length};
    for (int k = 0; k < 6; ++k) coefficient[k] = Array(static_cast<float>(values[k]));
  }
  MuskingumCungeCell<float> cell(int i) const {
    return {coefficient[0].at[i], coefficient[1].at[i], coefficient[2].at[i],
            coefficient[3].at[i], coefficient[4].at[i], coefficient[5].at[i]};
  }
};

constexpr MuskingumCungeOptions kCorrected{true, true, false, 0.3};

void literature_forward(int passes) {
  static Literature a;
  for (int p = 0; p < passes; ++p) {
    touch(&a);
#pragma GCC ivdep
    for (int i = 0; i < kCells; ++i)
      a.state.at[i] = muskingum_cunge_step<float>(a.cell(i), a.slope.at[i], a.state.at[i], a.next.at[i], a.inflow.at[i],
                                                  a.lateral.at[i], 3600.0f, kCorrected);
  }
}

void literature_adjoint(int passes) {
  static Literature a;
  for (int p = 0; p < passes; ++p) {
    touch(&a);
#pragma GCC ivdep
    for (int i = 0; i < kCells; ++i) {
      const auto s = muskingum_cunge_step_adjoint<float>(a.cell(i), a.slope.at[i], a.state.at[i], a.next.at[i],
                                                         a.inflow.at[i], a.lateral.at[i], 3600.0f, kCorrected,
                                                         a.adjoint.at[i]);
      a.out[0].at[i] = s.discharge;
      a.out[1].at[i] = s.inflow_next;
      a.out[2].at[i] = s.inflow;
      a.out[3].at[i] = s.lateral;
      a.sum[0].at[i] += s.log2_depth_factor;
      a.sum[1].at[i] += s.depth_exponent;
      a.sum[2].at[i] += s.log2_width;
      a.sum[3].at[i] += s.q;
      a.sum[4].at[i] += s.velocity_factor;
    }
  }
}

// Enough independent chains of multiply-adds for both units: the peak of the core.
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("fp-contract=fast")))
#endif
void multiply_add_chains(int passes) {
#if defined(__AVX512F__)
  constexpr int kBytes = 64;
#elif defined(__AVX2__)
  constexpr int kBytes = 32;
#else
  constexpr int kBytes = 16;
#endif
  using Vector [[gnu::vector_size(kBytes)]] = float;
  const Vector factor = Vector{} + 0.999f, term = Vector{} + 0.5f;
  Vector x0 = term, x1 = term, x2 = term, x3 = term, x4 = term, x5 = term, x6 = term, x7 = term, x8 = term, x9 = term;
  constexpr int kRounds = static_cast<int>(bench::ArithmeticKernels::kFlopsOfPass / (2 * 10 * kBytes / 4));
  for (int k = 0; k < passes * kRounds; ++k) {
    x0 = x0 * factor + term;
    x1 = x1 * factor + term;
    x2 = x2 * factor + term;
    x3 = x3 * factor + term;
    x4 = x4 * factor + term;
    x5 = x5 * factor + term;
    x6 = x6 * factor + term;
    x7 = x7 * factor + term;
    x8 = x8 * factor + term;
    x9 = x9 * factor + term;
  }
  Vector sum = x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9;
  touch(&sum);
}

}  // namespace

const bench::ArithmeticKernels& arithmetic() {
  static const bench::ArithmeticKernels kernels{DPL_NAME(DPL_ISA), conservative_forward, conservative_adjoint,
                                                literature_forward, literature_adjoint, multiply_add_chains};
  return kernels;
}

}  // namespace dpl::DPL_ISA
