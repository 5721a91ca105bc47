// The played pipeline against what can be worked out by hand: balanced chains, one rank, independent ranks, messages.
#include <gtest/gtest.h>

#include "../support/forest_cases.hpp"
#include "dpl/experiments/pipeline_model.hpp"

namespace dpl {
namespace {

// A chain of `pieces` pieces of `reaches` reaches each, piece k on rank k.
PipelineShape chain(Index pieces, Index reaches) {
  const Index all = pieces * reaches;
  std::vector<Index> downstream(all);
  for (Index r = 0; r < all; ++r) downstream[r] = r + 1 < all ? r + 1 : -1;
  const Topology topology = test::topology_of(downstream);
  Partition partition;
  partition.ranks = pieces;
  for (Index r = 0; r < all; ++r) partition.piece.push_back(r / reaches);
  for (Index k = 0; k < pieces; ++k) partition.owner.push_back(k), partition.level.push_back(k);
  for (Index k = 1; k < pieces; ++k) partition.cut_reach.push_back(k * reaches - 1);
  const std::vector<double> weight(all, 1.0);
  set_roles(topology, weight, partition);
  return pipeline_shape(topology, partition, weight);
}

PipelineCosts costs(const PipelineShape& shape, Count chunk = 100) {
  PipelineCosts c;
  c.step_s = 1e-3;
  c.supersteps = choose_supersteps(shape.load, 1000, chunk);
  return c;
}

TEST(PipelineModel, OneRankComputesOnly) {
  const auto seconds = play_pipeline(chain(1, 50), costs(chain(1, 50)));
  EXPECT_NEAR(seconds.total(), 50.0, 1e-9);
  EXPECT_NEAR(seconds.compute, 50.0, 1e-9);
  EXPECT_EQ(seconds.latency + seconds.bytes + seconds.imbalance, 0.0);
}

TEST(PipelineModel, ABalancedChainFillsOncePerLevel) {
  // 10 chunks of 5 s a piece; 4 levels: 13 supersteps.
  const auto seconds = play_pipeline(chain(4, 50), costs(chain(4, 50)));
  EXPECT_NEAR(seconds.compute, 50.0, 1e-9);
  EXPECT_NEAR(seconds.imbalance, 0.0, 1e-9);
  EXPECT_NEAR(seconds.fill, 15.0, 1e-9);
}

TEST(PipelineModel, MessagesAddLatencyAndBytesToTheSupersteps) {
  auto c = costs(chain(4, 50));
  c.latency_s = 0.5;
  c.byte_s = 1e-3;
  const auto seconds = play_pipeline(chain(4, 50), c);
  // 12 exchanges, of which one falls into the time by which a rank trails the one above it; and 3 of the start states.
  EXPECT_NEAR(seconds.latency, 11 * 0.5 + 3 * 0.5, 1e-9);
  // An inner rank has two edges of 100 steps x 4 bytes; the last exchange brings one edge to the outlet's rank.
  EXPECT_NEAR(seconds.bytes, (11 * 2 + 1) * 100 * 4 * 1e-3, 1e-9);
}

TEST(PipelineModel, FurtherMessagesCostExtra) {
  const auto latency = [](const PipelineShape& shape) {
    auto c = costs(shape);
    c.further_message_s = 0.25;  // the middle rank has two neighbours, the last one, which ends the window, a single one
    return play_pipeline(shape, c).latency;
  };
  EXPECT_NEAR(latency(chain(3, 50)), 10 * 0.25, 1e-9);
  EXPECT_NEAR(latency(chain(2, 50)), 0.0, 1e-9);
}

TEST(PipelineModel, RanksWithoutCutEdgesDoNotWait) {
  const Topology topology = test::topology_of({-1, 0, 1, -1});
  Partition partition;
  partition.ranks = 2;
  partition.piece = {0, 0, 0, 1};
  partition.owner = {0, 1};
  partition.level = {0, 0};
  const std::vector<double> weight{1, 1, 1, 1};
  set_roles(topology, weight, partition);
  const auto shape = pipeline_shape(topology, partition, weight);
  EXPECT_TRUE(shape.neighbours.empty());
  auto c = costs(shape);
  c.latency_s = 1;
  const auto seconds = play_pipeline(shape, c);
  EXPECT_NEAR(seconds.compute, 2.0, 1e-9);
  EXPECT_NEAR(seconds.imbalance, 1.0, 1e-9);
  EXPECT_NEAR(seconds.fill + seconds.latency, 0.0, 1e-9);
}

TEST(PipelineModel, FewerChunksThanLevelsTakeALevelEach) {
  const auto shape = chain(4, 50);  // one chunk: nothing overlaps
  EXPECT_NEAR(play_pipeline(shape, costs(shape, 1000)).total(), 200.0, 1e-9);
}

TEST(PipelineModel, ARealPartitionKeepsItsWork) {
  std::vector<Index> downstream(200);
  for (Index r = 0; r < 200; ++r) downstream[r] = r == 0 ? -1 : (r - 1) / 2;
  const Topology topology = test::topology_of(downstream);
  const std::vector<double> weight(200, 2.0);
  const auto partition = make_partition(topology, weight, 7);
  const auto shape = pipeline_shape(topology, partition, weight);
  EXPECT_NEAR(shape.mean_work, 400.0 / 7, 1e-9);
  EXPECT_NEAR(shape.largest_work / shape.mean_work - 1, partition.imbalance, 1e-9);
  Count edges = 0, other_rank = 0;
  for (const auto& n : shape.neighbours) edges += n.edges_in;
  for (Index r : partition.cut_reach)
    other_rank += partition.owner[partition.piece[r]] != partition.owner[partition.piece[topology.downstream[r]]];
  EXPECT_EQ(edges, other_rank);
  EXPECT_GE(play_pipeline(shape, costs(shape)).total(), shape.largest_work - 1e-9);
}

}  // namespace
}  // namespace dpl
