// Incremental areas and levels of gauges on small forests.
#include "dpl/experiments/gauge_areas.hpp"

#include <gtest/gtest.h>

namespace dpl {
namespace {

using Indices = std::vector<Index>;

//   0 -> 1 -> 4 -> 5 -> outlet    2 -> 3 -> 4    6 -> outlet
Topology forest() {
  const std::vector<ReachId> id{10, 11, 12, 13, 14, 15, 16};
  return make_topology({1, 4, 3, 4, 5, -1, -1}, id);
}

TEST(GaugeAreas, ReachesGoToTheFirstGaugeBelow) {
  const Indices reach{4, 1, 3};
  const GaugeAreas a = gauge_areas(forest(), reach, std::vector<std::uint8_t>{1, 1, 1});
  EXPECT_EQ(a.gauge_of_reach, (Indices{1, 1, 2, 2, 0, -1, -1}));
  EXPECT_EQ(a.reaches, (Indices{1, 2, 2}));
  EXPECT_EQ(a.level, (Indices{1, 0, 0}));
  EXPECT_EQ(a.levels(), 2);
  EXPECT_EQ(a.above, (std::vector<Indices>{{1, 2}, {}, {}}));
}

TEST(GaugeAreas, LevelIsTheLongestChainAbove) {
  const Indices reach{5, 4, 1, 0, 3};
  const GaugeAreas a = gauge_areas(forest(), reach, std::vector<std::uint8_t>(5, 1));
  EXPECT_EQ(a.level, (Indices{3, 2, 1, 0, 0}));
  EXPECT_EQ(a.above, (std::vector<Indices>{{1}, {2, 4}, {3}, {}, {}}));
}

TEST(GaugeAreas, AreaOfAGaugeThatIsNotUsedGoesToTheNextBelow) {
  const Indices reach{4, 1, 4, 6};  // two on one reach: the first is used
  const GaugeAreas a = gauge_areas(forest(), reach, std::vector<std::uint8_t>{1, 0, 1, 0});
  EXPECT_EQ(a.gauge_of_reach, (Indices{0, 0, 0, 0, 0, -1, -1}));
  EXPECT_EQ(a.level, (Indices{0, -1, -1, -1}));
  EXPECT_EQ(a.reaches, (Indices{5, 0, 0, 0}));
  EXPECT_EQ(gauge_areas(forest(), reach, std::vector<std::uint8_t>(4, 0)).levels(), 0);
}

}  // namespace
}  // namespace dpl
