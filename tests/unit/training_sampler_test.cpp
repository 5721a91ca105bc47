// Draws of windows and gauges: a function of seed, update and window alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "dpl/base/random.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {
namespace {

constexpr Index kGauges = 12, kBatch = 5;
constexpr Count kFirst = 11000, kStarts = 700;

RunConfig config_of(std::uint64_t seed = 4) {
  RunConfig config;
  config.seed = seed;
  config.experiment.rho_days = 30;
  config.experiment.period = {{kFirst}, {kFirst + kStarts + 30 - 2}};
  config.experiment.batch_size = kBatch;
  return config;
}

Observations gauges() {
  Observations observations;
  for (Index g = 0; g < kGauges; ++g) {
    observations.gauge_id.push_back("0" + std::to_string(100 + g));
    observations.reach.push_back(g);
  }
  return observations;
}

bool same(const Sample& a, const Sample& b) { return a.first_day == b.first_day && a.gauges == b.gauges; }

TEST(Sampler, WindowZeroIsTheDrawOfAnUpdateOfOneWindow) {
  // The keys are a contract: runs of one window keep their bits.
  const auto config = config_of();
  for (const Count update : {1, 2, 77})
    for (const Index attempt : {0, 3}) {
      const Sample sample = draw_sample(config, gauges(), update, 0, attempt);
      const auto u = static_cast<std::uint64_t>(update);
      EXPECT_EQ(sample.first_day,
                kFirst + static_cast<Count>(random_index({4, Purpose::window_start, u, 0}, kStarts, attempt)));
      std::vector<std::pair<std::uint64_t, Index>> keys;
      for (Index g = 0; g < kGauges; ++g)
        keys.emplace_back(random_bits({4, Purpose::gauge_choice, u, station_key(gauges().gauge_id[g])}, attempt), g);
      std::sort(keys.begin(), keys.end());
      std::vector<Index> chosen;
      for (Index k = 0; k < kBatch; ++k) chosen.push_back(keys[k].second);
      std::sort(chosen.begin(), chosen.end());
      EXPECT_EQ(sample.gauges, chosen);
    }
}

TEST(Sampler, EveryPartOfTheKeyChangesTheDraw) {
  const Sample sample = draw_sample(config_of(), gauges(), 9, 1, 0);
  EXPECT_TRUE(same(sample, draw_sample(config_of(), gauges(), 9, 1, 0)));
  EXPECT_FALSE(same(sample, draw_sample(config_of(5), gauges(), 9, 1, 0)));
  EXPECT_FALSE(same(sample, draw_sample(config_of(), gauges(), 10, 1, 0)));
  EXPECT_FALSE(same(sample, draw_sample(config_of(), gauges(), 9, 2, 0)));
  EXPECT_FALSE(same(sample, draw_sample(config_of(), gauges(), 9, 1, 1)));
  // A further draw of one window is not the next window: 100 of them stay apart.
  for (Index attempt = 1; attempt < 100; ++attempt)
    EXPECT_FALSE(same(sample, draw_sample(config_of(), gauges(), 9, 0, attempt)));
}

TEST(Sampler, WindowsOfAnUpdateHaveTheirOwnStartsAndGauges) {
  constexpr Index kWindows = 200;
  std::set<Count> starts;
  std::set<std::vector<Index>> sets;
  std::vector<Index> seen(kGauges, 0);
  double mean = 0;
  for (Index w = 0; w < kWindows; ++w) {
    const Sample sample = draw_sample(config_of(), gauges(), 3, w);
    EXPECT_GE(sample.first_day, kFirst);
    EXPECT_LT(sample.first_day, kFirst + kStarts);
    EXPECT_TRUE(std::is_sorted(sample.gauges.begin(), sample.gauges.end()));
    ASSERT_EQ(sample.gauges.size(), kBatch);
    starts.insert(sample.first_day);
    sets.insert(sample.gauges);
    for (Index g : sample.gauges) ++seen[g];
    mean += static_cast<double>(sample.first_day - kFirst) / kWindows;
  }
  EXPECT_GT(starts.size(), 150u);  // 200 of 700 days with repetition: 174 different ones are expected
  EXPECT_GT(sets.size(), 150u);    // of 792 sets
  EXPECT_NEAR(mean, (kStarts - 1) / 2.0, 4 * kStarts / std::sqrt(12.0 * kWindows));
  for (const Index count : seen)
    EXPECT_NEAR(count, kWindows * kBatch / kGauges, 4 * std::sqrt(200 * 5 / 12.0 * 7 / 12.0));
}

}  // namespace
}  // namespace dpl
