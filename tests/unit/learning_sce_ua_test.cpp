// SCE-UA: quality on known functions, budget, reproducibility, stopping rules, errors.
#include "dpl/learning/sce_ua.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

using Function = std::function<double(std::span<const double>)>;
constexpr std::size_t kDimension = 10;

double rosenbrock(std::span<const double> x) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    sum += 100 * a * a + b * b;
  }
  return sum;
}

double griewank(std::span<const double> x) {
  double sum = 0, product = 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += x[i] * x[i] / 4000;
    product *= std::cos(x[i] / std::sqrt(static_cast<double>(i + 1)));
  }
  return sum - product + 1;
}

double rastrigin(std::span<const double> x) {
  double sum = 10 * static_cast<double>(x.size());
  for (const double v : x) sum += v * v - 10 * std::cos(2 * std::numbers::pi * v);
  return sum;
}

SceUa begin(double low, double high, const SceUaOptions& options, std::uint64_t seed) {
  return SceUa(std::vector<double>(kDimension, low), std::vector<double>(kDimension, high), options,
               {seed, Purpose::complex_evolution, 0, 17});
}

void run(SceUa& search, const Function& f) {
  while (!search.finished()) {
    std::vector<double> values;
    for (Index k = 0; k < search.asked_count(); ++k)
      values.push_back(f(search.asked().subspan(static_cast<std::size_t>(k) * kDimension, kDimension)));
    search.tell(values);
  }
}

double median_of_ten(const Function& f, double low, double high) {
  std::vector<double> best;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SceUa search = begin(low, high, {.complexes = 5, .stop_change = 0, .stop_range = 0}, seed);
    run(search, f);
    EXPECT_EQ(search.evaluations(), 10000);
    EXPECT_EQ(search.why(), "budget");
    EXPECT_DOUBLE_EQ(f(search.best()), search.best_value());
    best.push_back(search.best_value());
  }
  std::sort(best.begin(), best.end());
  return (best[4] + best[5]) / 2;
}

// Limits: what spotpy 1.6.7 reaches with its best number of complexes, ten dimensions, 10,000 evaluations.
TEST(SceUa, FindsMinimaAsWellAsAWellKnownProgram) {
  EXPECT_LE(median_of_ten(rosenbrock, -5, 10), 3.45);
  EXPECT_LE(median_of_ten(griewank, -600, 600), 1e-6);
  EXPECT_LE(median_of_ten(rastrigin, -5.12, 5.12), 26.4);
}

TEST(SceUa, StaysInItsRangesAndItsCurveFalls) {
  SceUa search = begin(0.5, 10, {.complexes = 3, .evaluations = 4000}, 4);  // the minimum of the sphere is at a corner
  run(search, [](std::span<const double> x) {
    double sum = 0;
    for (const double v : x) {
      EXPECT_TRUE(v >= 0.5 && v <= 10);
      sum += v * v;
    }
    return sum;
  });
  EXPECT_LT(search.best_value(), 1.05 * 2.5);
  for (std::size_t k = 1; k < search.curve().size(); ++k) {
    EXPECT_LT(search.curve()[k].value, search.curve()[k - 1].value);
    EXPECT_GT(search.curve()[k].evaluations, search.curve()[k - 1].evaluations);
  }
  EXPECT_EQ(search.curve().back().value, search.best_value());
}

TEST(SceUa, IsAFunctionOfItsKey) {
  const auto best = [](std::uint64_t seed) {
    SceUa search = begin(-5, 10, {.complexes = 4, .evaluations = 1500}, seed);
    run(search, rosenbrock);
    return std::vector<double>(search.best().begin(), search.best().end());
  };
  EXPECT_EQ(best(3), best(3));
  EXPECT_NE(best(3), best(4));
}

TEST(SceUa, StopsForItsRules) {
  SceUa flat = begin(0, 1, {.complexes = 2, .evaluations = 100000}, 1);
  run(flat, [](std::span<const double>) { return 2.0; });
  EXPECT_EQ(flat.why(), "no improvement");
  EXPECT_LT(flat.evaluations(), 3000);
  SceUa narrow = begin(-1, 1, {.complexes = 2, .evaluations = 100000, .stop_change = 0, .stop_range = 1e-3}, 1);
  run(narrow, rosenbrock);
  EXPECT_EQ(narrow.why(), "small range");
}

TEST(SceUa, ValuesThatAreNotFiniteAreTheWorst) {
  SceUa search = begin(-5, 5, {.complexes = 3, .evaluations = 3000}, 2);
  run(search, [](std::span<const double> x) {
    if (x[0] < 0) return std::numeric_limits<double>::quiet_NaN();
    return rastrigin(x);
  });
  EXPECT_TRUE(std::isfinite(search.best_value()));
  EXPECT_GE(search.best()[0], 0);
  SceUa hopeless = begin(-5, 5, {.complexes = 2, .evaluations = 500}, 2);
  run(hopeless, [](std::span<const double>) { return std::numeric_limits<double>::infinity(); });
  EXPECT_TRUE(std::isinf(hopeless.best_value()));
  EXPECT_TRUE(hopeless.curve().empty());
}

TEST(SceUa, RefusesWhatCannotBeSearched) {
  EXPECT_THROW(begin(1, 1, {}, 1), Error);
  EXPECT_THROW(begin(0, 1, {.complexes = 0}, 1), Error);
  EXPECT_THROW(begin(0, 1, {.complexes = 5, .evaluations = 104}, 1), Error);
  SceUa search = begin(0, 1, {.complexes = 5, .evaluations = 105}, 1);
  EXPECT_THROW(search.tell(std::vector<double>(3)), Error);
  run(search, rosenbrock);  // just the first points
  EXPECT_EQ(search.evaluations(), 105);
}

}  // namespace
}  // namespace dpl
