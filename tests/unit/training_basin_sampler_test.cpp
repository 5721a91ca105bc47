// Draws of basins and windows: a function of seed, update and the places' keys alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "dpl/training/basin_sampler.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {
namespace {

constexpr Count kFirst = 4000, kDays = 1000;

RunConfig config_of(Index batch) {
  RunConfig config;
  config.seed = 3;
  config.experiment.period = {{kFirst}, {kFirst + kDays - 1}};
  config.experiment.rho_days = 500;
  config.experiment.warmup_days = 300;
  config.experiment.batch_size = batch;
  return config;
}

std::vector<std::uint64_t> keys_of(Index places) {
  std::vector<std::uint64_t> keys;
  for (Index k = 0; k < places; ++k) keys.push_back(station_key("0" + std::to_string(1000 + k)));
  return keys;
}

std::map<std::uint64_t, Count> by_key(const BasinSample& sample, const std::vector<std::uint64_t>& keys) {
  std::map<std::uint64_t, Count> found;
  for (std::size_t k = 0; k < sample.place.size(); ++k) found[keys[sample.place[k]]] = sample.first_day[k];
  return found;
}

TEST(BasinSampler, ScoredDaysLieInThePeriodAndReachBothOfItsEnds) {
  const auto keys = keys_of(40);
  Count first = kFirst + kDays, last = 0;
  for (Count update = 1; update <= 200; ++update) {
    const auto sample = draw_basins(config_of(10), keys, update);
    ASSERT_EQ(sample.place.size(), 10u);
    EXPECT_TRUE(std::is_sorted(sample.place.begin(), sample.place.end()));
    EXPECT_EQ(std::set(sample.place.begin(), sample.place.end()).size(), 10u);
    for (const Count day : sample.first_day) {
      first = std::min(first, day + 300);
      last = std::max(last, day + 500 - 1);
    }
  }
  EXPECT_EQ(first, kFirst);
  EXPECT_EQ(last, kFirst + kDays - 1);
}

TEST(BasinSampler, DoesNotDependOnTheOrderOfThePlaces) {
  auto keys = keys_of(25);
  auto turned = keys;
  std::reverse(turned.begin(), turned.end());
  for (const Index batch : {0, 7})
    for (Count update : {1, 5})
      EXPECT_EQ(by_key(draw_basins(config_of(batch), keys, update), keys),
                by_key(draw_basins(config_of(batch), turned, update), turned));
}

TEST(BasinSampler, UpdatesSeedsAndPlacesDraw) {
  const auto keys = keys_of(25);
  const auto one = draw_basins(config_of(7), keys, 1), two = draw_basins(config_of(7), keys, 2);
  EXPECT_TRUE(one.place != two.place);
  RunConfig other = config_of(7);
  other.seed = 4;
  EXPECT_TRUE(one.place != draw_basins(other, keys, 1).place);
  const auto all = draw_basins(config_of(0), keys, 1);
  EXPECT_EQ(all.place.size(), 25u);
  EXPECT_GT(std::set(all.first_day.begin(), all.first_day.end()).size(), 15u);
  EXPECT_EQ(draw_basins(config_of(100), keys, 1).place.size(), 25u);
}

TEST(BasinSampler, EveryPlaceComesEquallyOften) {
  const auto keys = keys_of(20);
  std::vector<int> times(20, 0);
  for (Count update = 1; update <= 1000; ++update)
    for (const Index k : draw_basins(config_of(5), keys, update).place) ++times[k];
  for (const int n : times) EXPECT_NEAR(n, 250, 60);  // standard deviation 14
}

TrainConfig experiment_of(Index batch, Index rho, Index warmup, Count days) {
  TrainConfig experiment;
  experiment.batch_size = batch;
  experiment.rho_days = rho;
  experiment.warmup_days = warmup;
  experiment.period = {{kFirst}, {kFirst + days - 1}};
  experiment.updates = 77;
  experiment.epoch_coverage = 0.99;
  return experiment;
}

TEST(UpdatesOfEpoch, FollowThe99PercentRule) {
  // ln 0.01 = -4.605170. CAMELS: 100 x 365 of 382 x 5113 days, ln(1 - 0.018688) = -0.018864: 244.1.
  EXPECT_EQ(updates_of_epoch(experiment_of(100, 730, 365, 5113), 382), 245);
  // 5 x 100 of 10 x 100 days, ln(1 / 2) = -0.693147: 6.6.
  EXPECT_EQ(updates_of_epoch(experiment_of(5, 150, 50, 100), 10), 7);
  // 10 x 90 of 400 x 1095 days, ln(1 - 0.00205479) = -0.00205691: 2238.9.
  EXPECT_EQ(updates_of_epoch(experiment_of(10, 90, 0, 1095), 400), 2239);
}

TEST(UpdatesOfEpoch, TakeTheBatchThatThereIsAndTheStatedNumberWithoutTheRule) {
  EXPECT_EQ(updates_of_epoch(experiment_of(100, 30, 20, 100), 4), updates_of_epoch(experiment_of(0, 30, 20, 100), 4));
  EXPECT_EQ(updates_of_epoch(experiment_of(0, 150, 50, 100), 10), 1);  // all days in every update
  TrainConfig stated = experiment_of(5, 150, 50, 100);
  stated.epoch_coverage = 0;
  EXPECT_EQ(updates_of_epoch(stated, 10), 77);
}

}  // namespace
}  // namespace dpl
