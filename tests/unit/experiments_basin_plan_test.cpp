// Test of what a plan over basins says of a GPU: bytes of windows, the windows that fit, the share of each rank. (That
// a run takes what is planned: experiments_basin_gradient_test.cpp.)
#include "dpl/experiments/basin_plan.hpp"

#include <gtest/gtest.h>

#include "dpl/experiments/scaling_plan.hpp"

namespace dpl {
namespace {

RunConfig config_of(std::vector<std::string> dynamic) {
  RunConfig config;
  config.runoff.dynamic = std::move(dynamic);
  config.runoff.gradient_through_warmup = false;
  config.experiment.rho_days = 730;
  config.experiment.warmup_days = 365;
  config.experiment.batch_size = 100;
  config.plan.gpu_memory_gib = 2;
  return config;
}

TEST(BasinPlan, TheMostWindowsThatFitBesideTheSeries) {
  const BlockDistribution blocks{1000, 128, 0, 1};
  const std::vector<Index> ranks{1, 2, 16};
  const auto memory = (Count{2} << 30) - kGpuContextBytes;
  for (RunConfig config : {config_of({}), config_of({"BETA", "K0"})})
    for (const Count days : {10000, 100000}) {  // 1000 places: 0.12 and 1.2 GB
      const BasinPlan plan = plan_basins(config, blocks, days, ranks);
      ASSERT_EQ(plan.rows.size(), 3u);
      EXPECT_EQ(plan.taped, 365);
      for (const BasinPlanRow& row : plan.rows) {
        EXPECT_EQ(row.series_bytes, 12 * days * row.places);
        const Count left = memory - (row.series_bytes <= memory / 2 ? row.series_bytes : 0);
        EXPECT_LE(planned_bytes(config, row.windows_fit).all(), left);
        EXPECT_GT(planned_bytes(config, row.windows_fit + 1).all(), left);
      }
      EXPECT_EQ(plan.rows[0].places, 1000);
      EXPECT_EQ(plan.rows[0].windows, 100);
      EXPECT_EQ(plan.rows[1].places, 512);  // four of eight blocks
      EXPECT_EQ(plan.rows[1].windows, 52);
      EXPECT_EQ(plan.rows[2].places, 128);
    }
}

TEST(BasinPlan, BytesOfAComponentDay) {
  const BlockDistribution blocks{1000, 128, 0, 1};
  const std::vector<Index> one{1};
  RunConfig config = config_of({"BETA", "K0"});
  const BasinPlan plan = plan_basins(config, blocks, 10000, one);
  // 104 columns for 100 windows: values and derivatives of two parameters; five states every 16 days of the half on tape.
  EXPECT_NEAR(plan.per_component_day(&BasinBytes::daily), 2 * 2 * 4 * 1.04, 1e-9);
  EXPECT_NEAR(plan.per_component_day(&BasinBytes::tape), 5 * 4 * 1.04 * 23 / 730, 1e-9);
  config.precision = "double";
  const BasinPlan wide = plan_basins(config, blocks, 10000, one);
  EXPECT_NEAR(wide.per_component_day(&BasinBytes::daily), 2 * plan.per_component_day(&BasinBytes::daily), 1e-9);
  EXPECT_LT(wide.rows[0].windows_fit, plan.rows[0].windows_fit);
  config.runoff.dynamic.clear();
  EXPECT_EQ(plan_basins(config, blocks, 10000, one).per_component_day(&BasinBytes::daily), 0);
}

}  // namespace
}  // namespace dpl
