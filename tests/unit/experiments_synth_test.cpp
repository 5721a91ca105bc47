// The twin's lateral inflow: depends on the seed alone, any step holds the same water, rises take hours.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dpl/experiments/synth_domain.hpp"

namespace dpl {
namespace {

RunConfig small_config(std::uint64_t seed, double step_h) {
  RunConfig config;
  config.seed = seed;
  config.synth.reaches = 40;
  config.synth.days = 200;
  config.synth.inflow_step_h = step_h;
  return config;
}

std::vector<float> inflow_of(const RunConfig& config) { return make_synth_inflow(config, make_synth_network(config)); }

TEST(SynthInflow, DependsOnTheSeedAlone) {
  EXPECT_EQ(inflow_of(small_config(3, 1)), inflow_of(small_config(3, 1)));
  EXPECT_NE(inflow_of(small_config(3, 1)), inflow_of(small_config(4, 1)));
}

TEST(SynthInflow, DailyRowsAreMeansOfHourlyRows) {
  const auto hourly = inflow_of(small_config(3, 1)), daily = inflow_of(small_config(3, 24));
  ASSERT_EQ(hourly.size(), 24 * daily.size());
  for (std::size_t k = 0; k < daily.size(); ++k) {
    double mean = 0;
    for (std::size_t h = 0; h < 24; ++h) mean += hourly[24 * k + h] / 24.0;
    ASSERT_NEAR(daily[k], mean, 1e-5 * mean) << "row " << k;
  }
}

TEST(SynthInflow, IsPositiveAndRisesOverHours) {
  const auto config = small_config(3, 1);
  const auto inflow = inflow_of(config);
  const Count steps = synth_steps(config);
  for (Index r = 0; r < config.synth.reaches; ++r) {
    const auto row = inflow.begin() + r * steps;
    EXPECT_GT(*std::min_element(row, row + steps), 0.0F);
    const float peak = *std::max_element(row, row + steps), low = *std::min_element(row, row + steps);
    float jump = 0;
    for (Count t = 1; t < steps; ++t) jump = std::max(jump, row[t] - row[t - 1]);
    EXPECT_LT(jump, 0.35F * (peak - low)) << "reach " << r;
    EXPECT_GT(jump, 0.03F * (peak - low)) << "reach " << r;
  }
}

}  // namespace
}  // namespace dpl
