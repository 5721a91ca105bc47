// Learning rates by hand: epochs, warm-up, cosine.
#include <gtest/gtest.h>

#include <cmath>

#include "dpl/learning/rate_schedule.hpp"
#include "tests/support/message_of.hpp"

namespace {

dpl::TrainConfig config_of(dpl::Index epochs, dpl::Index updates) {
  dpl::TrainConfig config;
  config.epochs = epochs;
  config.updates = updates;
  config.learning_rate = {{1, 0.01}, {3, 0.002}};
  return config;
}

TEST(RateSchedule, WithoutOneTheRateIsThatOfTheEpoch) {
  const auto config = config_of(4, 10);
  for (dpl::Count update = 0; update < 40; ++update) {
    EXPECT_EQ(dpl::scheduled_rate(config, update), update < 20 ? 0.01 : 0.002) << update;
  }
}

TEST(RateSchedule, RisesOverTheWarmUpAndFallsAlongACosine) {
  auto config = config_of(1, 105);
  config.schedule = {5, 0.03};
  for (dpl::Count update = 0; update < 5; ++update) {
    EXPECT_NEAR(dpl::scheduled_rate(config, update), 0.01 * (static_cast<double>(update) + 1) / 5, 1e-17);
  }
  EXPECT_DOUBLE_EQ(dpl::scheduled_rate(config, 5), 0.01);
  EXPECT_NEAR(dpl::scheduled_rate(config, 5 + 33), 0.01 * (0.03 + 0.97 * 0.75), 1e-17);  // a third: cosine 1/2
  EXPECT_NEAR(dpl::scheduled_rate(config, 5 + 66), 0.01 * (0.03 + 0.97 * 0.25), 1e-17);
  EXPECT_NEAR(dpl::scheduled_rate(config, 104), 0.01 * 0.03, 1e-17);
  for (dpl::Count update = 6; update < 105; ++update) {
    EXPECT_LT(dpl::scheduled_rate(config, update), dpl::scheduled_rate(config, update - 1)) << update;
  }
}

TEST(RateSchedule, WarmUpAsLongAsTheRun) {
  auto config = config_of(1, 4);
  config.schedule = {4, 0.5};
  EXPECT_DOUBLE_EQ(dpl::scheduled_rate(config, 3), 0.01);
  config.schedule = {3, 0.5};
  EXPECT_DOUBLE_EQ(dpl::scheduled_rate(config, 3), 0.005);
}

TEST(RateSchedule, RefusesUpdatesOutsideTheRun) {
  const auto config = config_of(1, 4);
  EXPECT_NE(dpl::message_of([&] { dpl::scheduled_rate(config, 4); }).find("update number 4"), std::string::npos);
  EXPECT_THROW(dpl::scheduled_rate(config, -1), dpl::Error);
}

}  // namespace
