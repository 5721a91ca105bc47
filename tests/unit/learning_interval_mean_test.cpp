// The operator from discharge rows to means, and its adjoint.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/interval_mean.hpp"

namespace {

std::vector<double> ramp(std::size_t size) {
  std::vector<double> values(size);
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}

TEST(IntervalMean, DayIsRows24iPlusTau) {
  const dpl::IntervalMean daily{24, 5};
  const auto rows = ramp(24 * 3);
  std::vector<double> means(3);
  daily.apply<double>(rows, means);
  EXPECT_DOUBLE_EQ(means[0], 5 + 11.5);
  EXPECT_DOUBLE_EQ(means[1], 29 + 11.5);
  EXPECT_TRUE(std::isnan(means[2]));  // would need rows 53..76 of 72
}

TEST(IntervalMean, NegativeOffsetMakesTheFirstDayIncomplete) {
  const dpl::IntervalMean daily{24, -24};
  const auto rows = ramp(48);
  std::vector<double> means(2);
  daily.apply<double>(rows, means);
  EXPECT_TRUE(std::isnan(means[0]));
  EXPECT_DOUBLE_EQ(means[1], 11.5);
  EXPECT_FALSE(daily.complete(0, 48));
  EXPECT_TRUE(daily.complete(1, 48));
}

TEST(IntervalMean, StepsAndInstantsHaveEquallyManyDays) {
  const dpl::IntervalMean daily{24, 0};
  EXPECT_EQ(daily.intervals(24 * 10), 10);
  EXPECT_EQ(daily.intervals(24 * 10 + 1), 10);
  EXPECT_EQ((dpl::IntervalMean{8, 3}.intervals(8 * 10 + 1)), 10);
  EXPECT_EQ((dpl::IntervalMean{1, 0}.intervals(10)), 10);
  EXPECT_THROW((dpl::IntervalMean{0, 0}.intervals(10)), dpl::Error);
}

TEST(IntervalMean, LengthOneReadsTheRows) {
  const std::vector<float> rows{3, 1, 4, 1, 5};
  std::vector<double> means(5);
  dpl::IntervalMean{1, 1}.apply<float>(rows, means);
  EXPECT_EQ(means[0], 1);
  EXPECT_EQ(means[3], 5);
  EXPECT_TRUE(std::isnan(means[4]));
}

TEST(IntervalMean, AdjointPassesTheDotProductTest) {
  for (const dpl::Count offset : {-7, 0, 5, 24}) {
    const dpl::IntervalMean daily{24, offset};
    std::vector<double> series(24 * 6 + 1), means(6), seed(6), adjoint(series.size(), 99.0);
    for (std::size_t i = 0; i < series.size(); ++i) series[i] = dpl::random_normal({1, dpl::Purpose::test, 0, i});
    for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = dpl::random_normal({2, dpl::Purpose::test, 0, i});
    daily.apply<double>(series, means);
    daily.apply_adjoint<double>(seed, adjoint);
    double left = 0, right = 0;
    for (std::size_t i = 0; i < means.size(); ++i) left += std::isnan(means[i]) ? 0 : means[i] * seed[i];
    for (std::size_t i = 0; i < series.size(); ++i) right += series[i] * adjoint[i];
    EXPECT_NEAR(left, right, 1e-13 * std::abs(left)) << "offset " << offset;
  }
}

TEST(IntervalMean, SeedsOfIncompleteIntervalsAreNotRead) {
  std::vector<float> adjoint(48);
  const std::vector<double> seed{1, std::nan("")};
  dpl::IntervalMean{24, 1}.apply_adjoint<float>(seed, adjoint);
  EXPECT_EQ(adjoint[0], 0);
  EXPECT_EQ(adjoint[1], static_cast<float>(1.0 / 24));
  EXPECT_EQ(adjoint[25], 0);
}

}  // namespace
