// Folds and nested subsets are pure functions of seed and ids.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dpl/experiments/folds.hpp"
#include "dpl/experiments/scaling_places.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

std::vector<std::string> some_ids(int n) {
  std::vector<std::string> ids;
  for (int k = 0; k < n; ++k) ids.push_back("0" + std::to_string(1000 + 7 * k));
  return ids;
}

std::vector<std::string> turned(std::vector<std::string> ids) {
  std::reverse(ids.begin(), ids.end());
  return ids;
}

bool contains_all(const std::vector<std::string>& larger, const std::vector<std::string>& smaller) {
  return std::includes(larger.begin(), larger.end(), smaller.begin(), smaller.end());
}

TEST(Folds, EveryBasinIsHeldOutOnceAndSizesDifferByAtMostOne) {
  const auto ids = some_ids(23);
  const auto folds = random_folds(ids, 5, 1);
  std::vector<std::string> all;
  for (const auto& fold : folds) {
    EXPECT_TRUE(fold.size() == 4 || fold.size() == 5) << fold.size();
    EXPECT_TRUE(std::is_sorted(fold.begin(), fold.end()));
    all.insert(all.end(), fold.begin(), fold.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, ids);
}

TEST(Folds, DependOnTheSeedAndNotOnTheOrder) {
  const auto ids = some_ids(30);
  EXPECT_EQ(random_folds(ids, 3, 1), random_folds(turned(ids), 3, 1));
  EXPECT_NE(random_folds(ids, 3, 1), random_folds(ids, 3, 2));
}

TEST(Folds, RefuseOneFoldAndMoreFoldsThanBasins) {
  for (const Index k : {0, 1, 6})
    EXPECT_NE(message_of([&] { random_folds(some_ids(5), k, 1); }).find("basins.pub is " + std::to_string(k)),
              std::string::npos);
}

TEST(Subsets, AreNestedAndApartFromWhatIsOutOfTheSample) {
  const auto ids = some_ids(101);
  const auto split = split_sample(ids, 0.2, 9);
  EXPECT_EQ(split.out.size(), 20u);
  EXPECT_EQ(split.pool.size(), 81u);
  EXPECT_EQ(others(ids, split.out), split.pool);
  for (const std::uint64_t seed : {9, 10}) {
    std::vector<std::string> smaller;
    for (const double fraction : {0.001, 0.125, 0.25, 0.5, 1.0}) {
      const auto subset = nested_subset(split.pool, fraction, seed);
      EXPECT_EQ(subset.size(), std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(81 * fraction))));
      EXPECT_TRUE(contains_all(subset, smaller)) << fraction;
      EXPECT_TRUE(contains_all(split.pool, subset));
      smaller = subset;
    }
    EXPECT_EQ(smaller, split.pool);
  }
  EXPECT_NE(nested_subset(split.pool, 0.25, 9), nested_subset(split.pool, 0.25, 10));
  EXPECT_EQ(nested_subset(turned(split.pool), 0.25, 9), nested_subset(split.pool, 0.25, 9));
  EXPECT_EQ(split_sample(turned(ids), 0.2, 9).out, split.out);
}

TEST(Subsets, MayUseAllBasinsButNotNone) {
  EXPECT_TRUE(split_sample(some_ids(9), 0, 1).out.empty());
  EXPECT_NE(message_of([] { split_sample(some_ids(1), 0.2, 1); }).find("scaling.out_of_sample"), std::string::npos);
}

RunConfig config_with(const std::string& budget) {
  RunConfig config;
  config.scaling.fractions = {1, 0.25};
  config.scaling.seeds = 2;
  config.scaling.out_of_sample = 0;
  config.scaling.budget = budget;
  config.experiment.batch_size = 50;
  config.experiment.updates = 1000;
  return config;
}

// 80 basins, batches of 50; 20 of them, batches of 20: 1000 updates of 50 are 2500 of 20 by place-days, and 625 where
// each of the 20 is to be run as often as each of the 80.
TEST(ScalingSeries, BudgetsSetTheUpdatesOfSmallSubsets) {
  const std::vector<std::pair<std::string, Index>> expected{
      {"updates", 1000}, {"place_days", 2500}, {"runs_per_place", 625}};
  for (const auto& [budget, updates] : expected) {
    const auto series = scaling_series(config_with(budget), some_ids(80));
    ASSERT_EQ(series.members.size(), 4u);
    EXPECT_EQ(series.members[0].train.size(), 20u);
    EXPECT_EQ(series.members[0].config.experiment.updates, updates) << budget;
    EXPECT_EQ(series.members[3].train.size(), 80u);
    EXPECT_EQ(series.members[3].config.experiment.updates, 1000) << budget;
  }
}

TEST(ScalingSeries, SeedsShareWhatIsOutOfTheSampleAndHaveTheirOwnCore) {
  RunConfig config = config_with("updates");
  config.scaling.out_of_sample = 0.2;
  const auto series = scaling_series(config, some_ids(80));
  for (std::size_t k = 0; k < series.members.size(); ++k) {
    EXPECT_EQ(series.members[k].held_out, series.members[0].held_out);
    EXPECT_TRUE(contains_all(series.members[k].train, series.points[k].core));
    EXPECT_EQ(series.members[k].config.seed, config.seed + k % 2);
  }
  EXPECT_EQ(series.points[0].core, series.points[2].core);
  EXPECT_NE(series.points[0].core, series.points[1].core);
}

// By hand: 30 days of 12 in 2 places over 300 days, runs per place = place-days / (days x places).
TEST(ScalingSeries, CountsForwardRunsPerPlace) {
  ScalingSeries series;
  series.members.push_back({"one", {}, {"a", "b"}, {"c"}, true});
  series.points.push_back({0.5, 1, {"a", "b"}});
  BasinReportScores scores;
  const std::vector<std::pair<const char*, double>> rows{{"a", 0.25}, {"b", 0.75}, {"c", 0.375}};
  for (const auto& [id, nse] : rows) {
    BasinScore score{id, std::string(id) == "c" ? "holdout" : "train", {{}, 10}};
    for (const auto& name : metric_names()) score.metrics.values.push_back(name == "nse" ? nse : 0.125);
    scores.push_back(score);
  }
  const auto csv = scaling_csv(series, {{12, 2 * 30 * 12, 8, scores}}, 300);
  EXPECT_NE(csv.find("\n0.5,1,2,12,1.2,4,0.5,0.125,0.375,0.125,0.5,0.125,2,"), std::string::npos) << csv;
}

}  // namespace
}  // namespace dpl
