// Invariants of the losses: stated values, gradients against finite differences, masks.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/learning/target_loss.hpp"
#include "tests/support/message_of.hpp"

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// Gauges with gaps, one of them with a single observation, and warm-up times that are not scored.
struct Series {
  dpl::Index gauges = 4;
  dpl::Count times = 30;
  std::vector<double> simulated, observed, sigma{3.0, 40.0, 0.5, 2.0};
  std::vector<std::uint8_t> scored;

  Series() {
    scored.assign(30, 1);
    for (std::size_t t = 0; t < 4; ++t) scored[t] = 0;
    for (int g = 0; g < 4; ++g) {
      for (int t = 0; t < 30; ++t) {
        const dpl::RandomKey key{7, dpl::Purpose::test, 0, static_cast<std::uint64_t>(100 * g + t)};
        const double size = g == 1 ? 200.0 : 5.0;
        simulated.push_back(size * (0.1 + dpl::random_uniform(key, 0)));
        const bool missing = (g == 3 && t != 17) || dpl::random_uniform(key, 2) < 0.2;
        observed.push_back(missing && !(g == 3 && t == 17) ? kMissing : size * (0.1 + dpl::random_uniform(key, 1)));
      }
    }
  }
  dpl::LossInput input() const { return {gauges, times, simulated, observed, scored, sigma}; }
};

class EveryLoss : public testing::TestWithParam<std::string> {};

TEST_P(EveryLoss, GradientEqualsCentralDifferences) {
  Series series;
  const auto result = dpl::evaluate_loss(GetParam(), series.input());
  double largest = 0;
  for (const double slope : result.gradient) largest = std::max(largest, std::abs(slope));
  for (std::size_t i = 0; i < series.simulated.size(); ++i) {
    const double value = series.simulated[i], h = 1e-5 * value;
    series.simulated[i] = value + h;
    const double above = dpl::evaluate_loss(GetParam(), series.input()).value;
    series.simulated[i] = value - h;
    const double below = dpl::evaluate_loss(GetParam(), series.input()).value;
    series.simulated[i] = value;
    EXPECT_NEAR(result.gradient[i], (above - below) / (2 * h), 1e-7 * largest) << "element " << i;
  }
}

TEST_P(EveryLoss, UnscoredAndMissingValuesHaveNoInfluence) {
  Series series;
  const auto before = dpl::evaluate_loss(GetParam(), series.input());
  for (std::size_t i = 0; i < series.simulated.size(); ++i) {
    if (series.scored[i % 30] != 0 && !std::isnan(series.observed[i])) continue;
    EXPECT_EQ(before.gradient[i], 0.0);
    series.simulated[i] = kMissing;
  }
  EXPECT_EQ(dpl::evaluate_loss(GetParam(), series.input()).value, before.value);
}

TEST_P(EveryLoss, SimulatedNaNMakesTheValueNaNWithoutThrowing) {
  Series series;
  series.simulated[30 + 20] = kMissing;
  series.observed[30 + 20] = 5;
  EXPECT_TRUE(std::isnan(dpl::evaluate_loss(GetParam(), series.input()).value));
}

TEST_P(EveryLoss, NoObservationIsAnError) {
  Series series;
  series.observed.assign(series.observed.size(), kMissing);
  EXPECT_THROW(dpl::evaluate_loss(GetParam(), series.input()), dpl::Error);
}

TEST_P(EveryLoss, PerfectFitIsFinite) {
  Series series;
  for (std::size_t i = 0; i < series.simulated.size(); ++i) {
    if (!std::isnan(series.observed[i])) series.simulated[i] = series.observed[i];
  }
  const auto result = dpl::evaluate_loss(GetParam(), series.input());
  EXPECT_TRUE(std::isfinite(result.value));
  for (const double slope : result.gradient) EXPECT_TRUE(std::isfinite(slope));
  if (GetParam() != "kge") {
    EXPECT_EQ(result.value, 0.0);
  }
}

TEST_P(EveryLoss, ConstantSeriesAreFinite) {
  Series series;
  std::fill(series.simulated.begin(), series.simulated.end(), 0.0);
  const auto result = dpl::evaluate_loss(GetParam(), series.input());
  EXPECT_TRUE(std::isfinite(result.value));
  for (const double slope : result.gradient) EXPECT_TRUE(std::isfinite(slope));
}

INSTANTIATE_TEST_SUITE_P(Learning, EveryLoss, testing::ValuesIn(dpl::loss_names()),
                         [](const auto& which) { return which.param; });

const std::vector<double> kSimulated{1, 2, 3, 4, 2.5}, kObserved{1.2, 1.8, 3.5, 3, 2};
const std::vector<std::uint8_t> kAll(5, 1);

double example(const std::string& name, const std::vector<double>& sigma = {}) {
  return dpl::evaluate_loss(name, {1, 5, kSimulated, kObserved, kAll, sigma}).value;
}

TEST(Loss, WorkedExampleOfTheMethodPage) {
  EXPECT_NEAR(example("rmse"), 0.5621387729, 1e-10);
  EXPECT_NEAR(example("l1"), 2.4 / 5, 1e-15);
  EXPECT_NEAR(example("nse_batch", {0.9}), 0.5621387729 * 0.5621387729, 1e-10);
}

TEST(Loss, HuberIsTheSquareOfSmallErrorsAndLinearInLargeOnes) {
  const auto one = [](double error, double threshold = 1) {
    const std::vector<double> simulated{5 + error}, observed{5}, sigma{1.9};
    return dpl::evaluate_loss("nse_huber", {1, 1, simulated, observed, {kAll.data(), 1}, sigma, threshold});
  };
  EXPECT_NEAR(one(2e-4).value, 1e-8, 1e-15);
  EXPECT_NEAR(one(-2).value, 2 * (std::sqrt(2.0) - 1), 1e-14);   // error of one (sigma + 0.1)
  EXPECT_NEAR(one(2e6).value, 2e6 - 2, 2e-6);
  EXPECT_NEAR(one(2e6).gradient[0], 1, 1e-11);
  EXPECT_NEAR(one(2e6, 3).value, 6e6 - 18, 1e-4);
  EXPECT_NEAR(one(-2, 2).value, 8 * (std::sqrt(1.25) - 1), 1e-14);
  EXPECT_NEAR(one(-2, 1e5).value, 1, 1e-9);                      // a threshold never reached: nse_batch
  EXPECT_THROW(one(1, 0), dpl::Error);
}

TEST(Loss, RmseLogIsTheWeightedSumOfBothParts) {
  double squares = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto f = [](double q) { return std::log10(std::sqrt(q + 1e-6) + 0.1); };
    squares += std::pow(f(kSimulated[i]) - f(kObserved[i]), 2);
  }
  EXPECT_NEAR(example("rmse_log"), 0.75 * example("rmse") + 0.25 * std::sqrt(squares / 5), 1e-15);
}

TEST(Loss, KgeAddsATenthToTheObservedMeanAndDeviation) {
  const double r = 0.8510473601, sd_s = 1, mean_s = 2.5, mean_o = 2.3;
  const double sd_o = std::sqrt((1.2 * 1.2 + 1.8 * 1.8 + 3.5 * 3.5 + 9 + 4) / 5 - 2.3 * 2.3);
  const double expected = std::hypot(r - 1, sd_s / (sd_o + 0.1) - 1, mean_s / (mean_o + 0.1) - 1);
  EXPECT_NEAR(example("kge"), expected, 1e-9);
}

TEST(Loss, KgeAtItsMinimumHasGradientZero) {
  const std::vector<double> simulated{0, 2}, observed{0, 1.8};  // mean and deviation 1 against 0.9 + 0.1
  const std::vector<std::uint8_t> scored(2, 1);
  const auto result = dpl::evaluate_loss("kge", {1, 2, simulated, observed, scored, {}});
  EXPECT_EQ(result.value, 0.0);
  EXPECT_EQ(result.gradient, std::vector<double>(2, 0.0));
}

TEST(Loss, KgeIsTheMeanOverGaugesAndLeavesOutThoseWithOneObservation) {
  const Series series;
  double sum = 0;
  dpl::Count count = 0;
  for (std::size_t g = 0; g < 3; ++g) {
    const auto part = [&](const std::vector<double>& v) { return std::span(v).subspan(30 * g, 30); };
    const auto one =
        dpl::evaluate_loss("kge", {1, 30, part(series.simulated), part(series.observed), series.scored, {}});
    sum += one.value;
    count += one.count;
  }
  const auto all = dpl::evaluate_loss("kge", series.input());
  EXPECT_NEAR(all.value, sum / 3, 1e-14);
  EXPECT_EQ(all.count, count);
  EXPECT_EQ(dpl::evaluate_loss("rmse", series.input()).count, count + 1);
}

TEST(Loss, NegativeFlowsHaveAFiniteLogarithm) {
  const std::vector<double> simulated{-2.0}, observed{1.0};
  const std::vector<std::uint8_t> scored{1};
  const auto result = dpl::evaluate_loss("rmse_log", {1, 1, simulated, observed, scored, {}});
  EXPECT_TRUE(std::isfinite(result.value));
  EXPECT_NEAR(result.gradient[0], -0.75, 1e-15);
}

TEST(Loss, UnknownNameListsTheKnownOnes) {
  const Series series;
  try {
    dpl::evaluate_loss("mse", series.input());
    FAIL() << "nothing was thrown";
  } catch (const dpl::Error& error) {
    EXPECT_NE(std::string(error.what()).find("rmse, rmse_log, nse_batch, nse_huber, kge, l1"), std::string::npos) << error.what();
  }
}

TEST(Loss, NseBatchNeedsAFiniteSigmaWhereThereAreObservations) {
  Series series;
  series.sigma[2] = kMissing;
  EXPECT_THROW(dpl::evaluate_loss("nse_batch", series.input()), dpl::Error);
  EXPECT_THROW(dpl::evaluate_loss("nse_huber", series.input()), dpl::Error);
  series.sigma = {1.0};
  EXPECT_THROW(dpl::evaluate_loss("nse_batch", series.input()), dpl::Error);
  EXPECT_THROW(dpl::evaluate_loss("nse_huber", series.input()), dpl::Error);
}

/// Streamflow at four places and soil moisture at two, on other times.
struct TwoTargets {
  Series flow;
  std::vector<double> moisture, observed_moisture;
  std::vector<std::uint8_t> scored = std::vector<std::uint8_t>(10, 1);

  TwoTargets() {
    scored[0] = 0;
    for (std::uint64_t k = 0; k < 20; ++k) {
      const dpl::RandomKey key{9, dpl::Purpose::test, 0, k};
      moisture.push_back(0.1 + 0.3 * dpl::random_uniform(key, 0));
      observed_moisture.push_back(k % 3 == 1 ? kMissing : 0.1 + 0.3 * dpl::random_uniform(key, 1));
    }
  }
  std::vector<dpl::LossTarget> targets(const std::string& loss) const {
    return {{"streamflow", loss, 1.5, flow.input()},
            {"soil_moisture", "rmse", 0.25, {2, 10, moisture, observed_moisture, scored, {}}}};
  }
};

TEST_P(EveryLoss, OfSeveralTargetsIsTheWeightedSum) {
  TwoTargets both;
  const auto result = dpl::evaluate_targets(both.targets(GetParam()));
  const auto flow = dpl::evaluate_loss(GetParam(), both.flow.input());
  const auto moisture = dpl::evaluate_loss("rmse", both.targets("l1")[1].input);
  EXPECT_DOUBLE_EQ(result.value, 1.5 * flow.value + 0.25 * moisture.value);
  EXPECT_EQ(result.targets[0].value, flow.value);
  EXPECT_EQ(result.targets[1].count, moisture.count);
  for (std::vector<double>* series : {&both.flow.simulated, &both.moisture}) {
    const auto& gradient = result.targets[series == &both.moisture].gradient;
    double largest = 0;
    for (const double slope : gradient) largest = std::max(largest, std::abs(slope));
    EXPECT_GT(largest, 0);
    for (std::size_t i = 0; i < series->size(); ++i) {
      const double value = (*series)[i], h = 1e-5 * value;
      (*series)[i] = value + h;
      const double above = dpl::evaluate_targets(both.targets(GetParam())).value;
      (*series)[i] = value - h;
      const double below = dpl::evaluate_targets(both.targets(GetParam())).value;
      (*series)[i] = value;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * h), 1e-6 * largest) << "element " << i;
    }
  }
}

TEST(TargetLoss, ATargetWithoutObservationsAddsNothing) {
  TwoTargets both;
  std::fill(both.observed_moisture.begin(), both.observed_moisture.end(), kMissing);
  both.observed_moisture[0] = 0.2;  // not scored
  const auto result = dpl::evaluate_targets(both.targets("l1"));
  EXPECT_DOUBLE_EQ(result.value, 1.5 * dpl::evaluate_loss("l1", both.flow.input()).value);
  EXPECT_EQ(result.targets[1].count, 0);
  EXPECT_EQ(result.targets[1].gradient, std::vector<double>(20, 0.0));
  std::fill(both.flow.observed.begin(), both.flow.observed.end(), kMissing);
  EXPECT_NE(dpl::message_of([&] { dpl::evaluate_targets(both.targets("l1")); }).find("no target"), std::string::npos);
}

TEST(TargetLoss, MessagesNameTheTarget) {
  TwoTargets both;
  auto targets = both.targets("l1");
  targets[1].weight = 0;
  EXPECT_NE(dpl::message_of([&] { dpl::evaluate_targets(targets); }).find("soil_moisture: weight 0"),
            std::string::npos);
  targets = both.targets("mse");
  EXPECT_NE(dpl::message_of([&] { dpl::evaluate_targets(targets); }).find("target streamflow: experiment.loss"),
            std::string::npos);
}

}  // namespace
