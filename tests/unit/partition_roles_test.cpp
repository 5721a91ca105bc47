// How reaches are tied to cut edges, and the order of a window's work that follows: nothing is routed before its water has
// come, and everything is routed once.
#include <gtest/gtest.h>

#include <numeric>

#include "../support/forest_cases.hpp"
#include "dpl/base/pipeline_load.hpp"
#include "dpl/partition/partition.hpp"

namespace dpl {
namespace {

using namespace test;

struct Case {
  Topology topology;
  Partition partition;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Topology& t : {chain(500), comb(151), binary(1023), random_forest(2000, 3, 40, 60), random_forest(900, 4, 3, 100)})
    for (const Index ranks : {2, 7, 64})
      for (const Index pieces : {0, 3})
        all.push_back({t, make_partition(t, std::vector<double>(t.size(), 1.0), ranks, pieces)});
  return all;
}

// Followed reach by reach, without the order of the network.
bool is_fed(const Case& c, Index reach) {
  for (const Index above : c.topology.upstream_of(reach))
    if (c.partition.piece[above] != c.partition.piece[reach] || is_fed(c, above)) return true;
  return false;
}

TEST(CutRoles, FollowFromTheCutEdges) {
  for (const Case& c : cases()) {
    if (c.topology.size() > 1500) continue;
    const auto& p = c.partition;
    for (Index r = 0; r < c.topology.size(); ++r) {
      EXPECT_EQ(p.role[r] == CutRole::fed, is_fed(c, r)) << r;
      bool needed = false;
      for (Index at = r; !needed; at = c.topology.downstream[at]) {
        const Index below = c.topology.downstream[at];
        if (below < 0) break;
        needed = p.piece[below] != p.piece[at] || is_fed(c, below);
      }
      if (p.role[r] != CutRole::fed) {
        EXPECT_EQ(p.role[r] == CutRole::before_cut, needed) << r;
      }
    }
  }
}

TEST(Supersteps, EveryRankRoutesItsReachesOnceAndInTime) {
  for (const Case& c : cases())
    for (const Count chunk : {1, 7, 100, 1000}) {
      const auto& load = c.partition.load;
      const auto supersteps = choose_supersteps(load, 333, chunk);
      double all = 0, chunked = 0;
      for (Index rank = 0; rank < load.ranks; ++rank) {
        const auto steps = rank_steps(load, supersteps, rank);
        double whole = 0, needed = 0;
        for (Count s = 0; s < supersteps.count(); ++s) {
          whole += steps.needed[s];
          for (const auto& piece : load.pieces)
            if (piece.rank == rank && piece.level == s && !supersteps.in_chunks(CutRole::before_cut, s))
              needed += 333 * piece.of(CutRole::before_cut);
          EXPECT_GE(whole, needed - 1e-6) << "superstep " << s;
          whole += steps.further[s];
          // What can wait never makes a superstep longer than the fullest rank's.
          if (s + 1 < supersteps.count() && steps.further[s] > 0)
            EXPECT_LE(steps.needed[s] + steps.chunked[s] + steps.further[s], supersteps.work[s] * (1 + 1e-12) + 1e-6);
        }
        all += whole + std::accumulate(steps.chunked.begin(), steps.chunked.end(), 0.0);
        chunked += std::accumulate(steps.chunked.begin(), steps.chunked.end(), 0.0);
      }
      EXPECT_NEAR(all, 333.0 * c.topology.size(), 1e-6 * all);
      if (load.levels > 1) {
        EXPECT_GT(chunked, 0.0);
      }
    }
}

TEST(Supersteps, AnUncutNetworkIsOneSuperstep) {
  const Topology t = binary(255);
  const auto partition = make_partition(t, std::vector<double>(255, 2.0), 1);
  const auto supersteps = choose_supersteps(partition.load, 2160, 0);
  EXPECT_EQ(supersteps.count(), 1);
  EXPECT_EQ(supersteps.chunk, 2160);
  EXPECT_EQ(rank_steps(partition.load, supersteps, 0).further, std::vector<double>{255 * 2 * 2160.0});
  EXPECT_EQ(choose_supersteps(partition.load, 0, 0).count(), 1) << "a window of no steps";
}

// On a chain all but the first piece waits for water: the first must not be routed whole. Where a thin stem alone waits, it
// should be: one chunk, no rank idle.
TEST(Supersteps, SourcesGoInChunksWhereTheOthersWouldWaitForThem) {
  const Topology river = chain(64000);
  const auto cut = make_partition(river, std::vector<double>(river.size(), 1.0), 8);
  const auto pipeline = choose_supersteps(cut.load, 2160, 0);
  EXPECT_TRUE(pipeline.sources_in_chunks);
  EXPECT_LT(std::accumulate(pipeline.work.begin(), pipeline.work.end(), 0.0), 1.6 * 2160 * 8000);

  const Topology tree = binary((1 << 16) - 1);
  const auto halves = make_partition(tree, std::vector<double>(tree.size(), 1.0), 2);
  const auto stem = choose_supersteps(halves.load, 2160, 0);
  EXPECT_FALSE(stem.sources_in_chunks);
  EXPECT_LT(std::accumulate(stem.work.begin(), stem.work.end(), 0.0), 1.01 * 2160 * tree.size() / 2);
}

}  // namespace
}  // namespace dpl
