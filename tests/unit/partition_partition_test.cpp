// Cuts of adversarial and realistic networks: every reach once, no cycle of pieces, right levels, even loads.
#include "dpl/partition/partition.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "dpl/base/error.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

std::vector<double> ones(const Topology& topology) { return std::vector<double>(topology.size(), 1.0); }

// The slow obvious check of everything the header promises.
void check_cut(const Topology& topology, const std::vector<double>& weight, const Partition& cut, Index ranks) {
  const Index n = topology.size();
  const auto pieces = static_cast<Index>(cut.owner.size());
  ASSERT_EQ(cut.ranks, ranks);
  ASSERT_EQ(static_cast<Index>(cut.piece.size()), n);
  ASSERT_EQ(cut.level.size(), cut.owner.size());
  std::vector<Index> count(pieces, 0), level(pieces, 0), cut_reach;
  std::vector<double> load(ranks, 0);
  double total = 0;
  for (Index reach = 0; reach < n; ++reach) {
    ASSERT_GE(cut.piece[reach], 0);
    ASSERT_LT(cut.piece[reach], pieces);
    ++count[cut.piece[reach]];
    load[cut.owner[cut.piece[reach]]] += weight[reach];
    total += weight[reach];
    const Index below = topology.downstream[reach];
    if (below < 0 || cut.piece[below] == cut.piece[reach]) continue;
    cut_reach.push_back(reach);
    ASSERT_LT(cut.piece[reach], cut.piece[below]) << "pieces are numbered upstream first, so they form no cycle";
  }
  EXPECT_EQ(cut.cut_reach, cut_reach);
  EXPECT_TRUE(std::all_of(count.begin(), count.end(), [](Index c) { return c > 0; })) << "an empty piece";
  // Piece numbers ascend downstream: relaxing the edges sorted by upstream piece gives the longest chains.
  std::sort(cut_reach.begin(), cut_reach.end(), [&](Index a, Index b) { return cut.piece[a] < cut.piece[b]; });
  for (const Index reach : cut_reach) {
    Index& below = level[cut.piece[topology.downstream[reach]]];
    below = std::max(below, level[cut.piece[reach]] + 1);
  }
  EXPECT_EQ(cut.level, level);
  EXPECT_EQ(cut.depth(), level.empty() ? 1 : *std::max_element(level.begin(), level.end()) + 1);
  EXPECT_NEAR(cut.imbalance, *std::max_element(load.begin(), load.end()) * ranks / total - 1, 1e-9);
}

Partition checked(const Topology& topology, Index ranks, Index pieces_per_rank = 0) {
  const auto weight = ones(topology);
  auto cut = make_partition(topology, weight, ranks, pieces_per_rank);
  check_cut(topology, weight, cut, ranks);
  return cut;
}

TEST(Partition, OneRankHoldsEverythingInOnePiece) {
  for (const auto& topology : {test::chain(50), test::singletons(50), test::random_forest(500, 3)}) {
    const auto cut = checked(topology, 1);
    EXPECT_EQ(cut.owner.size(), 1u);
    EXPECT_TRUE(cut.cut_reach.empty());
    EXPECT_EQ(cut.depth(), 1);
    EXPECT_EQ(cut.imbalance, 0);
  }
}

TEST(Partition, ChainIsCutOnceBetweenRanks) {
  for (const Index ranks : {2, 7, 64, 1000}) {
    const auto cut = checked(test::chain(100000), ranks);
    EXPECT_LE(cut.imbalance, 0.05);
    EXPECT_LE(cut.depth(), ranks);
    EXPECT_LT(static_cast<Index>(cut.cut_reach.size()), ranks);
  }
}

TEST(Partition, StarIsTwoLevelsDeep) {
  for (const Index ranks : {2, 7, 64, 1000}) {
    const auto cut = checked(test::star(100000), ranks);
    EXPECT_LE(cut.imbalance, 0.05);
    EXPECT_EQ(cut.depth(), 2);
    EXPECT_LE(static_cast<Index>(cut.owner.size()), ranks + 1) << "headwaters of one reach are gathered";
  }
}

TEST(Partition, Comb) {
  for (const Index ranks : {2, 7, 64, 1000}) {
    const auto cut = checked(test::comb(100000), ranks);
    EXPECT_LE(cut.imbalance, 0.05);
    EXPECT_LE(cut.depth(), ranks);
    // Either runs of whole teeth or, where that would be deep, the spine apart from the teeth.
    if (static_cast<Index>(cut.cut_reach.size()) > 2 * ranks) EXPECT_LE(cut.depth(), ranks / 2 + 1);
  }
}

TEST(Partition, SingletonsAreDealtWithoutCuts) {
  for (const Index ranks : {2, 7, 64, 1000}) {
    const auto cut = checked(test::singletons(100000), ranks);
    EXPECT_LE(cut.imbalance, 0.05);
    EXPECT_EQ(cut.depth(), 1);
    EXPECT_TRUE(cut.cut_reach.empty());
    EXPECT_LE(static_cast<Index>(cut.owner.size()), ranks) << "many small trees are one piece";
  }
}

TEST(Partition, BinaryTreeIsShallow) {
  const auto cut = checked(test::binary(65535), 64);
  EXPECT_LE(cut.imbalance, 0.05);
  EXPECT_LE(cut.depth(), 16);
}

TEST(Partition, RealisticForestsAreEvenAndShallow) {
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    for (const Index ranks : {2, 3, 4, 16, 128}) {
      const auto topology = test::random_forest(50000, seed, 300, 5000);
      const auto cut = checked(topology, ranks);
      EXPECT_LE(cut.imbalance, 0.05) << ranks << " ranks";
      EXPECT_LE(cut.depth(), ranks);
      EXPECT_LE(static_cast<double>(cut.cut_reach.size()), 0.06 * topology.size());
    }
}

TEST(Partition, ThousandsOfRanksInReasonableTime) {
  const auto topology = test::random_forest(200000, 5, 2000, 20000);
  const auto start = std::chrono::steady_clock::now();
  const auto cut = checked(topology, 4096);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  EXPECT_LE(cut.imbalance, 0.10) << "48.8 reaches a rank: 51 is 5 %";
  EXPECT_LT(spent.count(), 30.0);
}

TEST(Partition, UnevenWeights) {
  const auto topology = test::random_forest(20000, 8, 100, 2000);
  std::vector<double> weight(topology.size());
  for (Index i = 0; i < topology.size(); ++i)
    weight[i] = 1 + static_cast<double>(random_index({9, Purpose::test, 0, static_cast<std::uint64_t>(i)}, 20));
  const auto cut = make_partition(topology, weight, 16);
  check_cut(topology, weight, cut, 16);
  EXPECT_LE(cut.imbalance, 0.05);
}

TEST(Partition, OneGiantReachBoundsWhatBalanceCanReach) {
  const auto topology = test::chain(100);
  std::vector<double> weight(100, 1.0);
  weight[40] = 100;
  const auto cut = make_partition(topology, weight, 4);
  check_cut(topology, weight, cut, 4);
  EXPECT_LE(cut.imbalance, 105.0 * 4 / 199 - 1) << "the giant's rank holds little else";
}

TEST(Partition, FewerReachesThanRanks) {
  EXPECT_EQ(checked(test::chain(1), 1).owner.size(), 1u);
  EXPECT_EQ(checked(test::chain(1), 5).owner.size(), 1u);
  const auto cut = checked(test::chain(3), 8);
  EXPECT_EQ(cut.owner.size(), 3u) << "one reach a rank";
}

TEST(Partition, NoReaches) {
  const auto cut = make_partition(test::singletons(0), {}, 3);
  EXPECT_TRUE(cut.owner.empty());
  EXPECT_EQ(cut.depth(), 1);
  EXPECT_EQ(make_rank_network(test::singletons(0), cut, 2).size(), 0);
}

TEST(Partition, ZeroWeightsCountAsEqual) {
  const auto topology = test::chain(100);
  const auto cut = make_partition(topology, std::vector<double>(100, 0.0), 4);
  check_cut(topology, ones(topology), cut, 4);
  EXPECT_LE(cut.imbalance, 0.05);
}

TEST(Partition, PiecesPerRankIsFollowed) {
  for (const Index ranks : {1, 2, 4})
    for (const Index wanted : {1, 3, 8}) {
      const auto cut = checked(test::random_forest(3000, 4, 60, 600), ranks, wanted);
      const auto pieces = static_cast<double>(cut.owner.size()) / ranks;
      EXPECT_GE(pieces, wanted);
      EXPECT_LE(pieces, 2.5 * wanted + 1);
    }
}

TEST(Partition, SameInputSameCut) {
  const auto topology = test::random_forest(5000, 6);
  const auto a = make_partition(topology, ones(topology), 6), b = make_partition(topology, ones(topology), 6);
  EXPECT_EQ(a.piece, b.piece);
  EXPECT_EQ(a.owner, b.owner);
}

std::string error_of(const Topology& topology, const std::vector<double>& weight, Index ranks, Index pieces) {
  try {
    make_partition(topology, weight, ranks, pieces);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Partition, RefusesWhatMakesNoSense) {
  const auto topology = test::chain(3);
  EXPECT_NE(error_of(topology, {1, 1, 1}, 0, 0).find("0 ranks"), std::string::npos);
  EXPECT_NE(error_of(topology, {1, 1, 1}, 2, -1).find("-1 pieces"), std::string::npos);
  EXPECT_NE(error_of(topology, {1, 1}, 2, 0).find("2 weights"), std::string::npos);
  EXPECT_NE(error_of(topology, {1, -1, 1}, 2, 0).find("reach 1"), std::string::npos);
  EXPECT_NE(error_of(topology, {1, 1, std::numeric_limits<double>::quiet_NaN()}, 2, 0).find("reach 2"),
            std::string::npos);
}

}  // namespace
}  // namespace dpl
