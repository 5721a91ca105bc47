// The networks of all ranks together are the whole network.
#include <gtest/gtest.h>

#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/partition/partition.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

std::vector<RankNetwork> all_networks(const Topology& topology, const Partition& cut) {
  std::vector<RankNetwork> networks;
  for (Index rank = 0; rank < cut.ranks; ++rank) networks.push_back(make_rank_network(topology, cut, rank));
  return networks;
}

void check_pieces(const RankNetwork& network, const Partition& cut) {
  Index next = 0, last = -1;
  for (const Piece& piece : network.pieces) {
    ASSERT_EQ(piece.first, next);
    ASSERT_GT(piece.count, 0);
    const Index number = cut.piece[network.reach[piece.first]];
    ASSERT_GT(number, last) << "upstream pieces first";
    ASSERT_EQ(piece.level, cut.level[number]);
    for (Index own = piece.first; own < piece.first + piece.count; ++own)
      ASSERT_EQ(cut.piece[network.reach[own]], number);
    last = number;
    next += piece.count;
  }
  ASSERT_EQ(next, network.size());
}

void check_edges(const Topology& topology, const Partition& cut, const std::vector<RankNetwork>& networks, Index rank) {
  const RankNetwork& network = networks[rank];
  Index next_ghost = 0;
  for (Index own = 0; own < network.size(); ++own) {
    const Index reach = network.reach[own];
    const Index below = topology.downstream[reach];
    if (below >= 0 && cut.piece[below] == cut.piece[reach]) {
      ASSERT_GT(network.downstream[own], own) << "upstream first within a piece";
      ASSERT_EQ(network.reach[network.downstream[own]], below);
    } else {
      ASSERT_EQ(network.downstream[own], -1);
    }
    const auto upstream = topology.upstream_of(reach);
    ASSERT_EQ(network.upstream_start[own + 1] - network.upstream_start[own], static_cast<Index>(upstream.size()));
    for (std::size_t i = 0; i < upstream.size(); ++i) {
      const Index entry = network.upstream[network.upstream_start[own] + static_cast<Index>(i)];
      if (entry >= 0) {
        ASSERT_EQ(network.reach[entry], upstream[i]) << "the order of the whole network";
        ASSERT_EQ(network.downstream[entry], own);
        continue;
      }
      ASSERT_EQ(-1 - entry, next_ghost++);
      const GhostEdge& ghost = network.ghosts[-1 - entry];
      ASSERT_EQ(ghost.upstream_reach, upstream[i]);
      ASSERT_EQ(ghost.into, own);
      ASSERT_EQ(ghost.upstream_level, cut.level[cut.piece[upstream[i]]]);
      const RankNetwork& above = networks.at(ghost.upstream_rank);
      ASSERT_EQ(above.reach[above.cut_out.at(ghost.upstream_slot)], upstream[i]);
      ASSERT_EQ(above.cut_out_level.at(ghost.upstream_slot), cut.level[cut.piece[reach]]);
    }
  }
  ASSERT_EQ(next_ghost, static_cast<Index>(network.ghosts.size()));
}

TEST(RankNetwork, TogetherTheyAreTheNetwork) {
  for (const Index ranks : {1, 2, 3, 7})
    for (const Index pieces : {0, 1, 4}) {
      const auto topology = test::random_forest(700, 40 + ranks);
      const auto cut = make_partition(topology, std::vector<double>(700, 1.0), ranks, pieces);
      const auto networks = all_networks(topology, cut);
      std::vector<int> seen(700, 0);
      std::size_t ghosts = 0, cut_out = 0;
      for (Index rank = 0; rank < ranks; ++rank) {
        const RankNetwork& network = networks[rank];
        for (const Index reach : network.reach) ++seen[reach];
        ASSERT_EQ(network.levels, cut.depth());
        ASSERT_EQ(network.upstream_start.size(), network.reach.size() + 1);
        check_pieces(network, cut);
        check_edges(topology, cut, networks, rank);
        for (std::size_t i = 1; i < network.cut_out.size(); ++i) ASSERT_LT(network.cut_out[i - 1], network.cut_out[i]);
        ghosts += network.ghosts.size();
        cut_out += network.cut_out.size();
      }
      EXPECT_EQ(seen, std::vector<int>(700, 1));
      EXPECT_EQ(ghosts, cut.cut_reach.size());
      EXPECT_EQ(cut_out, cut.cut_reach.size());
    }
}

TEST(RankNetwork, RanksWithoutReachesAreEmpty) {
  const auto topology = test::chain(2);
  const auto cut = make_partition(topology, std::vector<double>(2, 1.0), 5);
  Index reaches = 0;
  for (const RankNetwork& network : all_networks(topology, cut)) {
    reaches += network.size();
    EXPECT_EQ(network.levels, 2);
    EXPECT_EQ(network.upstream_start.size(), network.reach.size() + 1);
  }
  EXPECT_EQ(reaches, 2);
  EXPECT_THROW(make_rank_network(topology, cut, 5), Error);
}

}  // namespace
}  // namespace dpl
