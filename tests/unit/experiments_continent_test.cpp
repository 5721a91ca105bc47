// The synthetic continent: the statistics of real networks, rows and inflow that do not depend on who makes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dpl/experiments/synth_continent.hpp"
#include "dpl/experiments/synth_continental.hpp"

namespace dpl {
namespace {

constexpr Index kReaches = 20000;

Index levels(const Topology& topology) { return 1 + *std::max_element(topology.depth.begin(), topology.depth.end()); }

TEST(SynthContinent, TreeSizesAreThoseOfContinents) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    auto sizes = continent_tree_sizes(seed, kReaches);
    std::sort(sizes.rbegin(), sizes.rend());
    Index sum = 0, ten = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      ASSERT_GT(sizes[k], 0);
      sum += sizes[k];
      if (k > 0 && k <= 10) ten += sizes[k];
    }
    EXPECT_EQ(sum, kReaches);
    EXPECT_EQ(sizes[0], kReaches / 2);
    EXPECT_GT(ten, kReaches / 4) << "a heavy tail";
    EXPECT_GT(std::count_if(sizes.begin(), sizes.end(), [](Index s) { return s <= 3; }), 50) << "coastal trees";
  }
}

TEST(SynthContinent, FullSizeIsDeepAndBranchesAsRealNetworks) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto continent = make_continent(seed, 346321);
    EXPECT_GT(levels(continent.topology), 2200);
    EXPECT_LT(levels(continent.topology), 6000);
    const auto orders = stream_orders(continent.topology);
    EXPECT_GE(orders.highest, 7);
    EXPECT_GT(orders.bifurcation_ratio, 3);
    EXPECT_LT(orders.bifurcation_ratio, 5);
    double share = 0;
    EXPECT_EQ(choose_continent_gauges(continent, 64, share).size(), 64U);
    EXPECT_GE(share, 0.9);
  }
}

TEST(SynthContinent, StreamOrdersOfAKnownTree) {
  // Reaches 0-3 are headwaters, 0 and 1 join in 4, 2 and 3 in 5, 4 and 5 in 6: orders 1 1 1 1 2 2 3.
  const std::vector<ReachId> id{1, 2, 3, 4, 5, 6, 7};
  const auto orders = stream_orders(make_topology({4, 4, 5, 5, 6, 6, -1}, id));
  EXPECT_EQ(orders.highest, 3);
  EXPECT_DOUBLE_EQ(orders.bifurcation_ratio, 2);  // 4, 2 and, left out, 1
}

TEST(SynthContinent, RowsAndNumbersAreInverseAndRowsTellNothingOfTheRiver) {
  const auto continent = make_continent(5, kReaches);
  std::set<Index> rows;
  Index next = 0, below = 0;
  for (Index number = 0; number < kReaches; ++number) {
    const Index row = continent.order.row_of(number);
    ASSERT_EQ(continent.order.number_of(row), number);
    rows.insert(row);
    const Index down = continent.topology.downstream[row];
    if (down < 0) continue;
    ASSERT_LT(continent.order.number_of(down), number) << "downstream first on the walk";
    next += std::abs(down - row) == 1;
    below += down < row;
  }
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(kReaches));
  EXPECT_LT(next, kReaches / 100);
  EXPECT_NEAR(below, kReaches / 2, kReaches / 10);
}

TEST(SynthContinent, RowsDoNotDependOnTheirSplit) {
  const auto continent = make_continent(5, kReaches);
  const auto all = make_continent_rows(5, continent, 0, kReaches);
  for (const auto& [first, end] : {std::pair<Index, Index>{0, 7000}, {7000, 7000}, {7000, kReaches}}) {
    const auto part = make_continent_rows(5, continent, first, end);
    ASSERT_EQ(part.size(), end - first);
    for (const auto member : {&ContinentRows::length_m, &ContinentRows::slope, &ContinentRows::local_area_km2,
                              &ContinentRows::upstream_area_km2, &ContinentRows::x_km, &ContinentRows::y_km})
      ASSERT_TRUE(std::equal((part.*member).begin(), (part.*member).end(), (all.*member).begin() + first));
  }
}

TEST(SynthContinent, AreasAddUpAndSlopesFall) {
  const auto continent = make_continent(6, kReaches);
  const auto rows = make_continent_rows(6, continent, 0, kReaches);
  std::vector<double> slope(7, 0.0), count(7, 0.0);
  for (Index row = 0; row < kReaches; ++row) {
    double area = rows.local_area_km2[row];
    for (const Index above : continent.topology.upstream_of(row)) area += rows.upstream_area_km2[above];
    ASSERT_NEAR(rows.upstream_area_km2[row], area, 1e-9 * area);
    const auto decade = static_cast<std::size_t>(std::log10(rows.upstream_area_km2[row]));
    slope.at(decade) += rows.slope[row];
    ++count.at(decade);
  }
  for (std::size_t decade = 2; decade <= 5; ++decade) {
    if (count[decade] < 10) continue;
    EXPECT_LT(slope[decade] / count[decade], 0.6 * slope[decade - 1] / count[decade - 1]) << "decade " << decade;
  }
}

TEST(SynthContinent, GaugesShareIsWhatLiesUpstream) {
  const auto continent = make_continent(7, kReaches);
  double share = 0;
  const auto gauges = choose_continent_gauges(continent, 40, share);
  EXPECT_EQ(std::set<Index>(gauges.begin(), gauges.end()).size(), gauges.size());
  std::vector<std::uint8_t> seen(kReaches, 0);
  for (const Index gauge : gauges) seen[gauge] = 1;
  auto order = upstream_first_order(continent.topology);
  for (auto row = order.rbegin(); row != order.rend(); ++row)
    if (const Index below = continent.topology.downstream[*row]; below >= 0 && seen[below]) seen[*row] = 1;
  EXPECT_DOUBLE_EQ(share, std::count(seen.begin(), seen.end(), 1) / static_cast<double>(kReaches));
}

TEST(SynthContinentInflow, DependsNeitherOnChunksNorOnTheSplit) {
  RunConfig config;
  config.seed = 8;
  config.synth.inflow_step_h = 24;
  constexpr Index kFew = 3000;
  constexpr Count kDays = 12;
  const auto continent = make_continent(config.seed, kFew);
  const auto whole_rows = make_continent_rows(config.seed, continent, 0, kFew);
  const auto whole = ContinentInflow(config, whole_rows, continent_side_km(kFew)).next(kDays);
  const auto rows = make_continent_rows(config.seed, continent, 1000, 2500);
  ContinentInflow part(config, rows, continent_side_km(kFew));
  Count day = 0;
  for (const Count days : {1, 4, 7}) {
    const auto values = part.next(days);
    for (Count d = 0; d < days; ++d, ++day)
      for (Index r = 0; r < rows.size(); ++r) ASSERT_EQ(values[d * rows.size() + r], whole[day * kFew + 1000 + r]) << day;
  }
  ASSERT_EQ(day, kDays);
  EXPECT_GT(*std::min_element(whole.begin(), whole.end()), 0.0F);
}

}  // namespace
}  // namespace dpl
