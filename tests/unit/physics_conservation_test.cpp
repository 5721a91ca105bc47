// Test of what the schemes keep: water, signs, and the travel time and spread of a wave.
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

struct Balance {
  double in = 0, start = 0, error = 0;  // m3; start: stored at the start
  double smallest = 0;                  // of all flows and storages
};

template <class Real>
Balance balance_of(const ReferenceProblem<double>& p) {
  RouterRun<Real> run(p, 32);
  run.router().keep_water_balance(true);
  const auto discharge = run.forward();
  const auto& b = run.router().water_balance();
  Balance result;
  double change = 0, out = 0;
  for (std::size_t r = 0; r < b.outflow.size(); ++r) {
    result.in += b.lateral_inflow[r];
    result.start += b.storage_start[r];
    change += b.storage_end[r] - b.storage_start[r];
  }
  const bool instants = p.options.scheme != Scheme::conservative;
  for (Index r = 0; r < p.topology.size(); ++r)
    for (std::size_t t = 0; t < discharge.size(); ++t) {
      result.smallest = std::min<double>(result.smallest, discharge[t][r]);
      const double share = instants && (t == 0 || t + 1 == discharge.size()) ? 0.5 : 1.0;
      if (p.topology.downstream[r] < 0) out += share * p.options.dt_s * discharge[t][r];
    }
  for (double s : run.final_state()) result.smallest = std::min(result.smallest, s);
  result.error = std::abs(result.in - out - change);
  return result;
}

ReferenceProblem<double> extreme_problem(std::uint64_t seed) {
  Draws draws(seed, 60);
  CaseShape shape;
  shape.reaches = 20 + static_cast<Index>(draws.uniform(0, 40));
  shape.steps = 200;
  shape.dt_s = draws.log_uniform(60, 86400);
  shape.largest_sub_reaches = draws.chance(0.3) ? 3 : 1;
  auto p = random_problem(shape, seed);
  for (Index r = 0; r < shape.reaches; ++r) {
    p.properties.length_m[r] = draws.log_uniform(50, 5e4);
    p.properties.slope[r] = draws.log_uniform(1e-5, 0.5);
  }
  return p;
}

template <class Real>
class Conservation : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Conservation, Precisions);

TYPED_TEST(Conservation, StorageFormIsNeverNegativeAndLosesNoWater) {
  const bool single = sizeof(TypeParam) == 4;
  double worst = 0;
  int within_storage = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto p = extreme_problem(seed);
    const Balance b = balance_of<TypeParam>(p);
    EXPECT_EQ(b.smallest, 0) << "seed " << seed;
    if (single && b.start > b.in) {
      // The window brings less than was stored: what counts is the rounding of the storage, half a unit in each step.
      ++within_storage;
      EXPECT_LT(b.error, 2e-6 * b.in + std::ldexp(static_cast<double>(p.steps), -24) * b.start) << "seed " << seed;
      continue;
    }
    worst = std::max(worst, b.error / b.in);
  }
  this->RecordProperty("worst", std::to_string(worst * 1e15) + "e-15");
  EXPECT_LT(worst, single ? 2e-6 : 1e-12);
  EXPECT_LT(within_storage, 100);  // the bound of the method is tried on most networks
}

// The trapezoidal rule over instants counts lateral inflow at the end of each step.
TEST(Conservation, FixedMuskingumLosesNoWater) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CaseShape shape;
    shape.scheme = Scheme::muskingum;
    shape.largest_sub_reaches = 3;
    shape.steps = 200;
    const Balance b = balance_of<double>(random_problem(shape, seed));
    EXPECT_LT(b.error, 1e-12 * b.in) << seed;
  }
}

ReferenceProblem<double> fixed_muskingum(Topology topology, double K, double X, double dt, Count steps) {
  ReferenceProblem<double> p;
  const auto n = static_cast<std::size_t>(topology.size());
  p.topology = std::move(topology);
  p.properties = {std::vector<double>(n, 1000), std::vector<double>(n, 1e-3), std::vector<Index>(n, 1)};
  p.options.scheme = Scheme::muskingum;
  p.options.dt_s = dt;
  p.a.assign(n, K);
  p.b.assign(n, X);
  p.c.assign(n, 0);
  p.steps = steps;
  p.lateral.assign(steps, std::vector<double>(n, 0));
  p.initial_state.assign(n, 0);
  return p;
}

// Method 5.4: tree 0, 1 -> 2; 2, 3 -> 4.
TEST(Muskingum, TableOfValues) {
  auto p = fixed_muskingum(topology_of({2, 2, 4, 4, -1}), 9000, 0.25, 900, 3000);
  p.lateral[0].assign(5, 10);
  const auto q = RouterRun<double>(p).forward();
  EXPECT_NEAR(q[1][4], 0.78125, 1e-12);
  EXPECT_NEAR(q[2][4], 0.87890625, 1e-12);
  EXPECT_NEAR(q[10][4], 1.70174617, 5e-9);
  double volume = 0;
  for (const auto& row : q) volume += row[4];
  EXPECT_NEAR(volume, 50, 1e-10);
  for (auto& row : p.lateral) row.assign(5, 1);
  const auto steady = RouterRun<double>(p).forward().back();
  const double expected[] = {1, 1, 3, 1, 5};
  for (int r = 0; r < 5; ++r) EXPECT_NEAR(steady[r], expected[r], 1e-12);
}

// Weighted mean and variance of the times of a series.
struct Moments {
  double mean, variance;
};
Moments moments_of(const std::vector<double>& weight, double dt, double first) {
  double sum = 0, mean = 0, variance = 0;
  for (std::size_t t = 0; t < weight.size(); ++t) sum += weight[t], mean += weight[t] * (first + t * dt);
  mean /= sum;
  for (std::size_t t = 0; t < weight.size(); ++t)
    variance += weight[t] * (first + t * dt - mean) * (first + t * dt - mean);
  return {mean, variance / sum};
}

// Method 5.5.
TEST(Muskingum, ImpulseResponseOfAChain) {
  for (Index m : {1, 2, 5, 12})
    for (double X : {0.1, 0.25, 0.4}) {
      const double K = 9000, dt = 3600;
      auto p = fixed_muskingum(chain(m), K, X, dt, 600);
      p.lateral[0][m - 1] = 1;  // the uppermost; its inflow is spread over the first step
      const auto q = RouterRun<double>(p).forward();
      std::vector<double> outlet;
      for (const auto& row : q) outlet.push_back(row[0]);
      const Moments of = moments_of(outlet, dt, 0);
      EXPECT_NEAR(of.mean, (m - 1) * K + K * (1 - X) + dt / 2, 1e-8 * of.mean) << m << " " << X;
      EXPECT_NEAR(of.variance, (m - 1) * K * K * (1 - 2 * X) + K * K * (1 - X) * (1 - X) - dt * dt / 4,
                  1e-8 * of.variance)
          << m << " " << X;
    }
}

struct WaveError {
  double delay, variance;
};

// A small wave on a steady flow between two places of a uniform chain, against distance / c and lambda_eff distance /
// c^2.
WaveError small_wave(double length, double slope, double dt, double flow) {
  const Index reaches = 60, above = 39, below = 0;  // chain: reach i drains into i - 1
  const double n = 0.04, p = 20, q = 0.4;
  const double depth = std::pow(flow * n * std::pow(q + 1, 5.0 / 3) / (p * std::sqrt(slope)), 3 / (5 + 3 * q));
  const double celerity = std::pow(depth / (q + 1), 2.0 / 3) * std::sqrt(slope) / n * (5 + 3 * q) / (3 * (1 + q));
  const double lambda = std::max(3 * depth / ((5 + 3 * q) * slope), std::abs(length - celerity * dt));
  const double distance = length * (above - below), travel = length * reaches / celerity;
  ReferenceProblem<double> base;
  base.topology = chain(reaches);
  base.properties = {std::vector<double>(reaches, length), std::vector<double>(reaches, slope),
                     std::vector<Index>(reaches, 1)};
  base.options.dt_s = dt;
  base.a.assign(reaches, n), base.b.assign(reaches, p), base.c.assign(reaches, q);
  const double spread = std::sqrt(lambda * length * reaches / (celerity * celerity));
  base.steps = static_cast<Count>((2 * travel + 12 * spread) / dt) + 100;
  base.lateral.assign(base.steps, std::vector<double>(reaches, 0));
  const double area = p * std::pow(depth, q + 1) / (q + 1);
  base.initial_state.assign(reaches, area * length);
  for (auto& row : base.lateral) row[reaches - 1] = flow;
  RouterRun<double> spin_up(base);  // the uppermost reach, which has lateral inflow, first finds its storage
  spin_up.forward();
  base.initial_state = spin_up.final_state();
  auto waved = base;
  waved.lateral[3][reaches - 1] *= 1 + 1e-5;
  const auto still = RouterRun<double>(base).forward(), moved = RouterRun<double>(waved).forward();
  std::vector<double> up, down;
  for (std::size_t t = 0; t < still.size(); ++t) {
    up.push_back(moved[t][above] - still[t][above]);
    down.push_back(moved[t][below] - still[t][below]);
  }
  const Moments a = moments_of(up, dt, 0), b = moments_of(down, dt, 0);
  return {(b.mean - a.mean) / (distance / celerity) - 1,
          (b.variance - a.variance) / (lambda * distance / (celerity * celerity)) - 1};
}

TEST(Conservative, SmallWaveTravelsAndSpreadsAsStated) {
  double delay = 0, variance = 0;
  for (double length : {500.0, 2000.0, 5000.0, 20000.0})
    for (double slope : {1e-4, 1e-3, 1e-2})
      for (double dt : {300.0, 900.0, 3600.0}) {
        const WaveError e = small_wave(length, slope, dt, 50);
        EXPECT_LT(std::abs(e.delay), 0.003) << length << " m, slope " << slope << ", dt " << dt;
        EXPECT_LT(std::abs(e.variance), 0.02) << length << " m, slope " << slope << ", dt " << dt;
        delay = std::max(delay, std::abs(e.delay));
        variance = std::max(variance, std::abs(e.variance));
      }
  RecordProperty("delay_error", std::to_string(delay));
  RecordProperty("variance_error", std::to_string(variance));
}

}  // namespace
}  // namespace dpl
