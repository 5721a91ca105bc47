// The objectives of a calibration: their definitions, and their derivatives against differences.
#include "dpl/experiments/calibration_objective.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dpl/learning/metrics.hpp"

namespace dpl {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
const std::vector<double> kSimulated{1, 2, 3, 4, 2.5, 7}, kObserved{1.2, 1.8, 3.5, 3, 2, kMissing};

double value_of(const std::string& objective, const std::vector<double>& simulated,
                const std::vector<double>& observed = kObserved) {
  return calibration_value(objective, std::span<const double>(simulated), std::span<const double>(observed));
}

// Values of method section 4.
TEST(CalibrationObjective, IsTheMetricOfItsName) {
  EXPECT_NEAR(value_of("rmse", kSimulated), 0.5621387729, 1e-10);
  EXPECT_NEAR(1 - value_of("nse", kSimulated), 0.5459770115, 1e-10);
  EXPECT_NEAR(1 - value_of("kge", kSimulated), 0.7369155509, 1e-10);
}

TEST(CalibrationObjective, GradientIsThatOfDifferences) {
  for (const std::string objective : {"nse", "kge", "rmse"}) {
    std::vector<double> gradient(kSimulated.size());
    const double value = calibration_gradient(objective, std::span<const double>(kSimulated),
                                              std::span<const double>(kObserved), std::span<double>(gradient));
    EXPECT_EQ(value, value_of(objective, kSimulated));
    for (std::size_t d = 0; d < kSimulated.size(); ++d) {
      constexpr double kStep = 1e-6;
      auto above = kSimulated, below = kSimulated;
      above[d] += kStep, below[d] -= kStep;
      EXPECT_NEAR(gradient[d], (value_of(objective, above) - value_of(objective, below)) / (2 * kStep), 1e-8)
          << objective << " " << d;
    }
    EXPECT_EQ(gradient.back(), 0) << objective;
  }
}

TEST(CalibrationObjective, WithoutADefinitionIsTheWorstAndFlat) {
  const std::vector<double> flat(6, 2.0), none(6, kMissing);
  EXPECT_TRUE(std::isinf(value_of("nse", kSimulated, flat)));
  EXPECT_TRUE(std::isinf(value_of("kge", flat)));
  EXPECT_TRUE(std::isinf(value_of("rmse", kSimulated, none)));
  std::vector<double> gradient(6, 5.0);
  calibration_gradient("kge", std::span<const double>(flat), std::span<const double>(kObserved),
                       std::span<double>(gradient));
  EXPECT_EQ(gradient, std::vector<double>(6, 0.0));
  calibration_gradient("rmse", std::span<const double>(kObserved), std::span<const double>(kObserved),
                       std::span<double>(gradient));
  EXPECT_EQ(gradient, std::vector<double>(6, 0.0));
}

}  // namespace
}  // namespace dpl
