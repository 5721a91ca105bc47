// Test of splitting reaches: how many sub-reaches, and what splitting leaves unchanged.
#include "dpl/base/error.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

TEST(SubReaches, ByLengthIsTheFewestThatAreShortEnough) {
  EXPECT_EQ(sub_reaches_by_length(1000, 5000), 1);
  EXPECT_EQ(sub_reaches_by_length(5000, 5000), 1);
  EXPECT_EQ(sub_reaches_by_length(5001, 5000), 2);
  EXPECT_EQ(sub_reaches_by_length(15000, 5000), 3);
  EXPECT_EQ(sub_reaches_by_length(0.3, 0.1), 3);
  EXPECT_THROW(sub_reaches_by_length(0, 100), Error);
  EXPECT_THROW(sub_reaches_by_length(100, 0), Error);
}

// Celerity and lambda of a flow from the section's own equations (method 2.1).
struct Wave {
  double celerity, lambda;
};
Wave wave_of(double slope, double n, double p, double q, double discharge) {
  const double depth = std::pow(discharge * n * std::pow(q + 1, 5.0 / 3) / (p * std::sqrt(slope)), 3 / (5 + 3 * q));
  const double velocity = std::pow(depth / (q + 1), 2.0 / 3) * std::sqrt(slope) / n;
  return {velocity * (5 + 3 * q) / (3 * (1 + q)), 3 * depth / ((5 + 3 * q) * slope)};
}

TEST(SubReaches, ByCourantKeepsTheDiffusionWherePossible) {
  int kept = 0, impossible = 0;
  for (int i = 0; i < 5000; ++i) {
    Draws draws(41, i);
    const double length = draws.log_uniform(100, 1e5), slope = draws.log_uniform(1e-5, 1e-1),
                 n = draws.uniform(0.015, 0.25);
    const double p = draws.log_uniform(1, 200), q = draws.uniform(0, 1), flow = draws.log_uniform(0.1, 1000);
    const double dt = draws.log_uniform(300, 86400);
    const Index count = sub_reaches_by_courant(length, slope, n, p, q, flow, dt);
    ASSERT_GE(count, 1);
    const Wave w = wave_of(slope, n, p, q, flow);
    const auto misses = [&](Index k) { return std::abs(length / k - w.celerity * dt); };
    const bool possible = std::floor(length / std::max(w.celerity * dt - w.lambda, 1e-9)) >=
                          std::ceil(length / (w.celerity * dt + w.lambda));
    if (possible && misses(count) <= w.lambda * (1 + 1e-9)) {
      ++kept;
      if (count > 1) {
        EXPECT_GT(length / (count - 1), (w.celerity * dt + w.lambda) * (1 - 1e-9)) << i;
      }  // the fewest
    } else {
      EXPECT_FALSE(possible) << i;
      ++impossible;
      EXPECT_LE(std::abs(count - length / (w.celerity * dt)), count == 1 ? 1.0 : 0.5 + 1e-9) << i;
    }
  }
  EXPECT_GT(kept, 500);
  EXPECT_GT(impossible, 500);
}

TEST(SubReaches, SplittingConservesWater) {
  for (Index parts : {1, 2, 5}) {
    CaseShape shape;
    shape.steps = 400;
    auto p = random_problem(shape, 3);
    for (Index& k : p.properties.sub_reaches) k = parts;
    RouterRun<double> run(p);
    run.router().keep_water_balance(true);
    run.forward();
    const auto& b = run.router().water_balance();
    double in = 0, change = 0;
    for (double v : b.lateral_inflow) in += v;
    for (std::size_t r = 0; r < b.outflow.size(); ++r) change += b.storage_end[r] - b.storage_start[r];
    double out = 0;
    const auto discharge = run.forward();
    for (Index r = 0; r < p.topology.size(); ++r)
      for (const auto& row : discharge) out += p.topology.downstream[r] < 0 ? row[r] * p.options.dt_s : 0;
    EXPECT_NEAR(out + change, in, 1e-12 * in) << parts;
  }
}

// A split reach is a chain of reaches with its share of length and lateral inflow; of K in the scheme muskingum.
TEST(SubReaches, ASplitReachIsAChainOfShorterOnes) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected, Scheme::muskingum}) {
    CaseShape shape;
    shape.reaches = 1;
    shape.scheme = scheme;
    auto whole = random_problem(shape, 4);
    whole.properties.sub_reaches = {3};
    auto split = whole;
    split.topology = chain(3);
    split.properties.length_m.assign(3, whole.properties.length_m[0] / 3);
    split.properties.slope.assign(3, whole.properties.slope[0]);
    split.properties.sub_reaches.assign(3, 1);
    split.a.assign(3, scheme == Scheme::muskingum ? whole.a[0] / 3 : whole.a[0]);
    split.b.assign(3, whole.b[0]);
    split.c.assign(3, whole.c[0]);
    for (auto& row : split.lateral) row.assign(3, row[0] / 3);
    const auto one = RouterRun<double>(whole).forward(), three = RouterRun<double>(split).forward();
    for (std::size_t t = 0; t < one.size(); ++t)
      EXPECT_NEAR(one[t][0], three[t][0], 1e-13 * std::abs(three[t][0])) << scheme_name(scheme);
  }
}

}  // namespace
}  // namespace dpl
