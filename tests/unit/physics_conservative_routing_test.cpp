// Test of the storage form's step, start and coefficients: their adjoints against dual numbers, on both sides of every
// limit.
#include <map>

#include "dpl/physics/conservative_routing.hpp"
#include "tests/support/adjoint_comparison.hpp"
#include "tests/support/dual.hpp"

namespace dpl {
namespace {

using test::Draws;
using test::Dual;
using D = Dual<8>;

constexpr int kCases = 20000;
const double kLn2 = std::log(2.0);

struct Reach {
  double length, slope, n, p, q, dt;
};

Reach random_reach(Draws& draws) {
  return {draws.log_uniform(50, 5e4), draws.log_uniform(1e-5, 0.5), draws.uniform(0.015, 0.25),
          draws.log_uniform(1, 200),  draws.uniform(0, 1),          draws.log_uniform(60, 86400)};
}

struct Forcing {
  double storage, inflow, lateral;
};

Forcing random_forcing(Draws& draws, const Reach& r) {
  const bool dry = draws.chance(0.1);
  const double area = dry ? draws.log_uniform(1e-10, 5e-7) : draws.log_uniform(1e-5, 3e3);
  Forcing f{area * r.length, draws.log_uniform(1e-5, 1e3), draws.log_uniform(1e-6, 10)};
  if (dry) f.lateral = draws.log_uniform(1e-12, 5e-7) * r.length / r.dt;
  if (draws.chance(0.05)) f.inflow = 0;
  return f;
}

ConservativeCell<double> cell_of(const Reach& r) {
  return conservative_coefficients<double>(r.length, r.slope, r.n, r.p, r.q);
}

// Which of the three terms of Y binds, and whether the area is above its smallest value.
std::string branch_of(const Reach& r, const Forcing& f) {
  const auto g = conservative_geometry<double>(cell_of(r), f.storage, f.lateral, r.dt);
  const auto c = conservative_closure<double>(cell_of(r), g, r.dt);
  const double diffusive = g.K / 2 * (1 - c.relative_lambda), half = r.dt / 2;
  const std::string limit = c.Y == diffusive ? (c.Y < 0 ? "diffusion, negative" : "diffusion")
                            : c.Y == half    ? "step"
                                             : "travel time";
  return (g.w > cell_of(r).smallest_storage ? "wet, " : "dry, ") + limit;
}

double size_of_terms(const Reach& r, const Forcing& f, double by_discharge, double by_storage) {
  const auto next = conservative_step<double>(cell_of(r), f.storage, f.inflow, f.lateral, r.dt);
  const double logarithms = std::abs(cell_of(r).log2_depth) + std::abs(cell_of(r).log2_travel_time) + 30;
  return (std::abs(by_discharge) + r.dt * std::abs(by_storage)) * (next.discharge + f.inflow + f.lateral) * logarithms;
}

TEST(ConservativeRouting, StepAdjointOfStateAndCoefficients) {
  std::map<std::string, int> seen;
  for (int i = 0; i < kCases; ++i) {
    Draws draws(11, i);
    const Reach r = random_reach(draws);
    const Forcing f = random_forcing(draws, r);
    ++seen[branch_of(r, f)];
    const double by_discharge = draws.normal(), by_storage = draws.normal() / r.dt;
    const auto c = cell_of(r);
    const ConservativeCell<D> cell{D::input(c.log2_depth, 3),       D::input(c.depth_exponent, 4),
                                   D::input(c.log2_travel_time, 5), D::input(c.diffusion, 6),
                                   D::input(c.inverse_m, 7),        D(c.smallest_storage)};
    const auto next =
        conservative_step<D>(cell, D::input(f.storage, 0), D::input(f.inflow, 1), D::input(f.lateral, 2), D(r.dt));
    const auto a = conservative_step_adjoint<double>(c, f.storage, f.inflow, f.lateral, r.dt, by_discharge, by_storage);
    const auto dual = [&](int k) { return by_discharge * next.discharge.d[k] + by_storage * next.storage.d[k]; };
    // log2 d = log2 w times the exponent, plus log2_depth.
    const double by_exponent = (a.log_depth_log2_depth - a.log_depth * c.log2_depth) / c.depth_exponent;
    test::expect_same_derivatives({{"storage", f.storage, a.storage, dual(0)},
                                   {"inflow", f.inflow, a.inflow, dual(1)},
                                   {"lateral", f.lateral, a.lateral, dual(2)},
                                   {"log2_depth", 1, a.log_depth * kLn2, dual(3)},
                                   {"depth_exponent", c.depth_exponent, by_exponent * kLn2, dual(4)},
                                   {"log2_travel_time", 1, a.log_travel_time * kLn2, dual(5)},
                                   {"diffusion", c.diffusion, a.diffusion, dual(6)},
                                   {"inverse_m", c.inverse_m, a.inverse_m, dual(7)}},
                                  1e-10, branch_of(r, f) + ", case " + std::to_string(i),
                                  size_of_terms(r, f, by_discharge, by_storage));
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const char* branch :
       {"wet, diffusion", "wet, diffusion, negative", "wet, step", "wet, travel time", "dry, step", "dry, travel time"})
    EXPECT_GT(seen[branch], 20) << branch;
}

TEST(ConservativeRouting, StepAdjointOfChannelParameters) {
  for (int i = 0; i < kCases; ++i) {
    Draws draws(12, i);
    const Reach r = random_reach(draws);
    const Forcing f = random_forcing(draws, r);
    const double by_discharge = draws.normal(), by_storage = draws.normal() / r.dt;
    const auto cell =
        conservative_coefficients<D>(D(r.length), D(r.slope), D::input(r.n, 0), D::input(r.p, 1), D::input(r.q, 2));
    const auto next = conservative_step<D>(cell, D(f.storage), D(f.inflow), D(f.lateral), D(r.dt));
    const auto c = cell_of(r);
    const auto a = conservative_step_adjoint<double>(c, f.storage, f.inflow, f.lateral, r.dt, by_discharge, by_storage);
    const auto g = conservative_coefficients_adjoint<double>(c, r.n, r.p, r.q, a.log_depth, a.log_depth_log2_depth,
                                                             a.log_travel_time, a.diffusion, a.inverse_m);
    const auto dual = [&](int k) { return by_discharge * next.discharge.d[k] + by_storage * next.storage.d[k]; };
    test::expect_same_derivatives({{"n", r.n, g.n, dual(0)}, {"p", r.p, g.p, dual(1)}, {"q", 1, g.q, dual(2)}}, 1e-10,
                                  branch_of(r, f) + ", case " + std::to_string(i),
                                  size_of_terms(r, f, by_discharge, by_storage));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(ConservativeRouting, StartAdjoint) {
  int dry = 0;
  for (int i = 0; i < kCases; ++i) {
    Draws draws(13, i);
    const Reach r = random_reach(draws);
    const double x = draws.log_uniform(1e-12, 1e4), weight = draws.normal();
    const D s = conservative_start<D>(D(r.length), D(r.slope), D::input(r.n, 0), D::input(r.p, 1), D::input(r.q, 2),
                                      D::input(x, 3));
    const auto a = conservative_start_adjoint<double>(r.length, r.slope, r.n, r.p, r.q, x, weight);
    dry += s.value / r.length < kSmallestArea;
    test::expect_same_derivatives({{"n", r.n, a.n, weight * s.d[0]},
                                   {"p", r.p, a.p, weight * s.d[1]},
                                   {"q", 1, a.q, weight * s.d[2]},
                                   {"x", x, a.x, weight * s.d[3]}},
                                  1e-10, "case " + std::to_string(i));
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(dry, 100);
  EXPECT_LT(dry, kCases - 100);
}

TEST(ConservativeRouting, StartInvertsTheSection) {
  for (int i = 0; i < 1000; ++i) {
    Draws draws(14, i);
    const Reach r = random_reach(draws);
    const double x = draws.log_uniform(1e-9, 1e4);
    const double area = conservative_start<double>(r.length, r.slope, r.n, r.p, r.q, x) / r.length;
    const double depth = std::pow(std::max(area, kSmallestArea) * (r.q + 1) / r.p, 1 / (r.q + 1));
    const double velocity = std::pow(depth / (r.q + 1), 2.0 / 3.0) * std::sqrt(r.slope) / r.n;
    EXPECT_NEAR(area * velocity / x, 1, 1e-12) << i;
  }
  EXPECT_EQ(conservative_start<double>(1000, 1e-3, 0.03, 20, 0.5, 0), 0);
}

TEST(ConservativeRouting, BothFormsOfTheStorageBalanceAgree) {
  for (int i = 0; i < kCases; ++i) {
    Draws draws(15, i);
    const Reach r = random_reach(draws);
    const Forcing f = random_forcing(draws, r);
    const auto next = conservative_step<double>(cell_of(r), f.storage, f.inflow, f.lateral, r.dt);
    const double in = f.storage + r.dt * (f.inflow + f.lateral);
    ASSERT_NEAR(next.storage + r.dt * next.discharge, in, 1e-13 * in) << i;
  }
}

}  // namespace
}  // namespace dpl
