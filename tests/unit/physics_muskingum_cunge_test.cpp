// Test of the discharge form: adjoints of its step and coefficients against dual numbers, for all combinations of
// formulas and on both sides of every clamp.
#include <map>

#include "dpl/physics/muskingum_cunge.hpp"
#include "tests/support/adjoint_comparison.hpp"
#include "tests/support/dual.hpp"

namespace dpl {
namespace {

using test::Draws;
using test::Dual;
using D = Dual<9>;

constexpr int kCases = 10000;
const double kLn2 = std::log(2.0);

struct Sample {
  double length, slope, n, p, q, dt;
  double discharge, inflow_next, inflow, lateral, weight;
  MuskingumCungeCell<double> cell;
};

Sample random_sample(std::uint64_t seed, int number) {
  Draws draws(seed, number);
  Sample s{draws.log_uniform(50, 5e4),
           draws.log_uniform(1e-5, 0.5),
           draws.uniform(0.015, 0.25),
           draws.log_uniform(1, 200),
           draws.uniform(0, 1),
           draws.log_uniform(60, 86400),
           draws.log_uniform(1e-4, 1e4),
           0,
           0,
           0,
           0,
           {}};
  s.inflow_next = s.discharge * draws.uniform(-0.5, 2);
  s.inflow = s.discharge * draws.uniform(0, 2);
  s.lateral = s.discharge * draws.uniform(0, 0.3);
  s.weight = draws.normal();
  s.cell = muskingum_cunge_coefficients<double>(s.length, s.slope, s.n, s.p, s.q, true);
  return s;
}

double step_of(const Sample& s, const MuskingumCungeOptions& o) {
  return muskingum_cunge_step<double>(s.cell, s.slope, s.discharge, s.inflow_next, s.inflow, s.lateral, s.dt, o);
}

// Counts on which side of its clamps a sample lies.
void count_sides(const Sample& s, const MuskingumCungeOptions& o, std::map<std::string, int>& seen) {
  const auto section = channel_section<double>(s.cell, s.discharge, o.trapezoid_celerity);
  const auto travel = travel_time<double>(s.cell, section, s.discharge, s.slope, s.dt, o);
  ++seen[section.log2_depth_free > kLog2SmallestDepth ? "depth free" : "depth smallest"];
  ++seen[section.bank_free < kSteepestBank   ? "bank low"
         : section.bank_free > kFlattestBank ? "bank high"
                                             : "bank free"];
  ++seen[section.bottom_free > kSmallestBottom ? "bottom free" : "bottom smallest"];
  ++seen[section.velocity_free < kSlowest   ? "velocity low"
         : section.velocity_free > kFastest ? "velocity high"
                                            : "velocity free"];
  if (o.cunge_x) ++seen[travel.X_free < 0 ? "X low" : "X free"];
  if (!o.positive) return;
  ++seen[travel.K > travel.K_free ? "K limited" : "K free"];
  if (travel.X_limit >= travel.X_unlimited)
    ++seen["X unlimited"];
  else
    ++seen[s.dt / travel.K < 1 ? "X limited by Cr" : "X limited by 2 - Cr"];
}

// Rounding of intermediate results, as an effect on the step's result times its weight.
double size_of_terms(const Sample& s, const MuskingumCungeOptions& o) {
  const auto section = channel_section<double>(s.cell, s.discharge, o.trapezoid_celerity);
  const auto r = travel_time<double>(s.cell, section, s.discharge, s.slope, s.dt, o);
  const double flows = s.discharge + std::abs(s.inflow_next) + s.inflow + s.lateral;
  const double logarithms = 30 + std::abs(s.cell.log2_depth_factor) + std::abs(section.log2_discharge);
  const double bank = section.top / section.bottom + section.bank;  // the bottom is a difference
  return std::abs(s.weight) * flows * logarithms * bank * (1 + r.K / s.dt + r.ratio);
}

class MuskingumCungeForm : public testing::TestWithParam<int> {
 protected:
  MuskingumCungeOptions options() const {
    return {(GetParam() & 1) != 0, (GetParam() & 2) != 0, (GetParam() & 4) != 0, 0.3};
  }
};

TEST_P(MuskingumCungeForm, StepAdjointOfStateAndCoefficients) {
  std::map<std::string, int> seen;
  const auto o = options();
  for (int i = 0; i < kCases; ++i) {
    const Sample s = random_sample(21, i);
    count_sides(s, o, seen);
    const auto& c = s.cell;
    const MuskingumCungeCell<D> cell{D::input(c.log2_depth_factor, 4), D::input(c.depth_exponent, 5),
                                     D::input(c.log2_width, 6),        D::input(c.q, 7),
                                     D::input(c.velocity_factor, 8),   D(c.length)};
    const D next = muskingum_cunge_step<D>(cell, D(s.slope), D::input(s.discharge, 0), D::input(s.inflow_next, 1),
                                           D::input(s.inflow, 2), D::input(s.lateral, 3), D(s.dt), o);
    EXPECT_NEAR(next.value, step_of(s, o), 1e-12 * std::abs(next.value));
    const auto a = muskingum_cunge_step_adjoint<double>(c, s.slope, s.discharge, s.inflow_next, s.inflow, s.lateral,
                                                        s.dt, o, s.weight);
    const auto dual = [&](int k) { return s.weight * next.d[k]; };
    test::expect_same_derivatives({{"discharge", s.discharge, a.discharge, dual(0)},
                                   {"inflow_next", s.inflow_next, a.inflow_next, dual(1)},
                                   {"inflow", s.inflow, a.inflow, dual(2)},
                                   {"lateral", s.lateral, a.lateral, dual(3)},
                                   {"log2_depth_factor", 1, a.log2_depth_factor * kLn2, dual(4)},
                                   {"depth_exponent", 1, a.depth_exponent * kLn2, dual(5)},
                                   {"log2_width", 1, a.log2_width * kLn2, dual(6)},
                                   {"q", 1, a.q, dual(7)},
                                   {"velocity_factor", c.velocity_factor, a.velocity_factor, dual(8)}},
                                  1e-10, "case " + std::to_string(i), size_of_terms(s, o));
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const char* side : {"depth free", "depth smallest", "bank low", "bank free", "bank high", "bottom free",
                           "bottom smallest", "velocity low", "velocity free", "velocity high"})
    EXPECT_GT(seen[side], 10) << side;
  for (const char* side : {"X low", "X free"}) EXPECT_EQ(seen[side] > 10, o.cunge_x) << side;
  for (const char* side : {"K limited", "K free", "X unlimited", "X limited by Cr", "X limited by 2 - Cr"})
    EXPECT_EQ(seen[side] > 10, o.positive) << side;
}

TEST_P(MuskingumCungeForm, StepAdjointOfChannelParameters) {
  const auto o = options();
  for (const bool epsilons : {true, false})
    for (int i = 0; i < kCases; ++i) {
      Sample s = random_sample(22, i);
      s.cell = muskingum_cunge_coefficients<double>(s.length, s.slope, s.n, s.p, s.q, epsilons);
      const auto cell = muskingum_cunge_coefficients<D>(D(s.length), D(s.slope), D::input(s.n, 0), D::input(s.p, 1),
                                                        D::input(s.q, 2), epsilons);
      const D next = muskingum_cunge_step<D>(cell, D(s.slope), D(s.discharge), D(s.inflow_next), D(s.inflow),
                                             D(s.lateral), D(s.dt), o);
      const auto a = muskingum_cunge_step_adjoint<double>(s.cell, s.slope, s.discharge, s.inflow_next, s.inflow,
                                                          s.lateral, s.dt, o, s.weight);
      const auto g =
          muskingum_cunge_coefficients_adjoint<double>(s.cell, s.slope, s.n, s.p, epsilons, a.log2_depth_factor,
                                                       a.depth_exponent, a.log2_width, a.q, a.velocity_factor);
      test::expect_same_derivatives({{"n", s.n, g.n, s.weight * next.d[0]},
                                     {"p", s.p, g.p, s.weight * next.d[1]},
                                     {"q", 1, g.q, s.weight * next.d[2]}},
                                    1e-10, "case " + std::to_string(i), size_of_terms(s, o));
      if (testing::Test::HasFatalFailure()) return;
    }
}

TEST_P(MuskingumCungeForm, PositiveFormHasNoNegativeCoefficient) {
  const auto o = options();
  int negative = 0;
  for (int i = 0; i < kCases; ++i) {
    const Sample s = random_sample(23, i);
    const auto section = channel_section<double>(s.cell, s.discharge, o.trapezoid_celerity);
    const auto r = travel_time<double>(s.cell, section, s.discharge, s.slope, s.dt, o);
    negative += muskingum_step<double>(r.K, r.X, 0, 1, 0, 0, s.dt) < 0 ||
                muskingum_step<double>(r.K, r.X, 1, 0, 0, 0, s.dt) < 0;
    EXPECT_NEAR(muskingum_step<double>(r.K, r.X, 1, 1, 1, 0, s.dt), 1, 1e-12);  // C1 + C2 + C3
  }
  EXPECT_EQ(negative == 0, o.positive) << negative;
}

INSTANTIATE_TEST_SUITE_P(AllFormulas, MuskingumCungeForm, testing::Range(0, 8));

TEST(Muskingum, StepAdjoint) {
  for (int i = 0; i < kCases; ++i) {
    const Sample s = random_sample(24, i);
    Draws draws(25, i);
    const double K = draws.log_uniform(60, 1e6), X = draws.uniform(0, 0.5);
    const D next =
        muskingum_step<D>(D::input(K, 0), D::input(X, 1), D::input(s.discharge, 2), D::input(s.inflow_next, 3),
                          D::input(s.inflow, 4), D::input(s.lateral, 5), D(s.dt));
    const auto a =
        muskingum_step_adjoint<double>(K, X, s.discharge, s.inflow_next, s.inflow, s.lateral, s.dt, s.weight);
    const auto dual = [&](int k) { return s.weight * next.d[k]; };
    test::expect_same_derivatives({{"K", K, a.K, dual(0)},
                                   {"X", X, a.X, dual(1)},
                                   {"discharge", s.discharge, a.discharge, dual(2)},
                                   {"inflow_next", s.inflow_next, a.inflow_next, dual(3)},
                                   {"inflow", s.inflow, a.inflow, dual(4)},
                                   {"lateral", s.lateral, a.lateral, dual(5)}},
                                  1e-10, "case " + std::to_string(i), std::abs(s.weight) * s.discharge);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace dpl
