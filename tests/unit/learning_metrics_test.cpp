// Metrics against the worked example and hand-made series.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/learning/metrics.hpp"

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

TEST(Metrics, WorkedExampleOfTheMethodPage) {
  const std::vector<double> s{1, 2, 3, 4, 2.5}, o{1.2, 1.8, 3.5, 3, 2};
  const auto m = dpl::score(s, o);
  EXPECT_EQ(m.count, 5);
  EXPECT_NEAR(m.get("rmse"), 0.5621387729, 1e-10);
  EXPECT_NEAR(m.get("bias"), 0.2, 1e-14);
  EXPECT_NEAR(m.get("ubrmse"), std::sqrt(0.316 - 0.04), 1e-14);
  EXPECT_NEAR(m.get("pearson_r"), 0.8510473601, 1e-10);
  EXPECT_NEAR(m.get("nse"), 0.5459770115, 1e-10);
  EXPECT_NEAR(m.get("kge"), 0.7369155509, 1e-10);
  EXPECT_NEAR(m.get("kge_2012"), 0.7992287551, 1e-10);
  EXPECT_NEAR(m.get("pbias"), 100 * 1.0 / 11.5, 1e-12);
  EXPECT_NEAR(m.get("fhv"), 100 * (4 - 3.5) / 3.5, 1e-12);  // one day stands for the top 2 % of five
}

TEST(Metrics, DaysMissingInEitherSeriesAreLeftOut) {
  const std::vector<double> s{1, kMissing, 2, 3, 9, 4, 2.5}, o{1.2, 7, 1.8, 3.5, kMissing, 3, 2};
  const auto m = dpl::score(s, o);
  EXPECT_EQ(m.count, 5);
  EXPECT_NEAR(m.get("kge"), 0.7369155509, 1e-10);
}

TEST(Metrics, NamesAndValuesAreInTheSameOrder) {
  const std::vector<double> s{1, 2, 3, 4, 2.5}, o{1.2, 1.8, 3.5, 3, 2};
  const auto m = dpl::score(s, o);
  ASSERT_EQ(m.values.size(), dpl::metric_names().size());
  ASSERT_EQ(m.values.size(), 13u);
  for (std::size_t k = 0; k < m.values.size(); ++k) {
    const double found = m.get(dpl::metric_names()[k]);
    EXPECT_TRUE(found == m.values[k] || (std::isnan(found) && std::isnan(m.values[k])));
  }
  EXPECT_THROW(m.get("nash"), dpl::Error);
}

TEST(Metrics, PerfectSeries) {
  std::vector<double> o;
  for (int i = 0; i < 200; ++i) o.push_back(1 + (37 * i) % 200);
  const auto m = dpl::score(o, o);
  for (const char* name : {"bias", "rmse", "ubrmse", "pbias", "fhv", "flv", "rmse_low", "rmse_mid", "rmse_high"}) {
    EXPECT_EQ(m.get(name), 0.0) << name;
  }
  for (const char* name : {"pearson_r", "nse", "kge", "kge_2012"}) EXPECT_NEAR(m.get(name), 1, 1e-14) << name;
}

TEST(Metrics, HighFlowBiasUsesTheTopTwoPercentOfEachCurve) {
  std::vector<double> s, o;
  for (int i = 0; i < 100; ++i) {
    o.push_back(i + 1);
    s.push_back(100 - i == 100 ? 150 : 100 - i);  // reversed in time; highest 150, then 99
  }
  EXPECT_NEAR(dpl::score(s, o).get("fhv"), 100 * (150.0 + 99 - 100 - 99) / (100 + 99), 1e-12);
}

TEST(Metrics, LowFlowBiasFollowsYilmaz) {
  // bottom 30 % of ten days: three values; V = sum of log(Q / lowest Q)
  const std::vector<double> o{1, 2, 4, 10, 20, 30, 40, 50, 60, 70}, s{1, 1, 2, 10, 20, 30, 40, 50, 60, 70};
  const double volume_o = std::log(2.0) + std::log(4.0), volume_s = std::log(2.0);
  EXPECT_NEAR(dpl::score(s, o).get("flv"), -100 * (volume_s - volume_o) / volume_o, 1e-12);
}

TEST(Metrics, LowFlowBiasSurvivesDryDays) {
  const std::vector<double> o{0, 0, 4, 10, 20, 30, 40, 50, 60, 70}, s{0, -1, 2, 10, 20, 30, 40, 50, 60, 70};
  EXPECT_TRUE(std::isfinite(dpl::score(s, o).get("flv")));
  const std::vector<double> dry{0, 0, 0, 10, 20, 30, 40, 50, 60, 70};
  EXPECT_TRUE(std::isnan(dpl::score(s, dry).get("flv")));
}

TEST(Metrics, FlowRangesSplitAtTheObservedQuantiles) {
  std::vector<double> s, o;
  for (int i = 0; i <= 100; ++i) {
    o.push_back(i);  // quantiles 0.30 and 0.98: 30 and 98, both belong to the middle
    s.push_back(i + (i < 30 ? 1.0 : i == 30 || i == 98 ? 5.0 : i < 98 ? 2.0 : 3.0));
  }
  const auto m = dpl::score(s, o);
  EXPECT_NEAR(m.get("rmse_low"), 1, 1e-12);
  EXPECT_NEAR(m.get("rmse_mid"), std::sqrt((2 * 25 + 67 * 4.0) / 69), 1e-12);
  EXPECT_NEAR(m.get("rmse_high"), 3, 1e-12);
}

TEST(Metrics, UndefinedScoresAreNaN) {
  const std::vector<double> one{1.0};
  const auto single = dpl::score(one, one);
  EXPECT_EQ(single.count, 1);
  for (const double value : single.values) EXPECT_TRUE(std::isnan(value));
  const std::vector<double> varies{1, 2, 3}, constant{0.1, 0.1, 0.1};  // 0.1 + 0.1 + 0.1 is not 0.3
  const auto flat = dpl::score(varies, constant);
  for (const char* name : {"pearson_r", "nse", "kge", "kge_2012"}) EXPECT_TRUE(std::isnan(flat.get(name))) << name;
  EXPECT_NEAR(flat.get("bias"), 1.9, 1e-14);
}

TEST(Metrics, QuantileInterpolatesLinearly) {
  EXPECT_DOUBLE_EQ(dpl::quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(dpl::quantile({4, 1, 3, 2}, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(dpl::quantile({4, 1, kMissing, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(dpl::quantile({7}, 0.3), 7);
  EXPECT_TRUE(std::isnan(dpl::quantile({kMissing}, 0.3)));
}

}  // namespace
