// ranks: 1 2 4
// Every rank computes the same cut by itself; no rank asks another.
#include "dpl/partition/partition.hpp"

#include <gtest/gtest.h>

#include "dpl/parallel/communicator.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

std::uint64_t hash_of(const std::vector<Index>& values) {
  std::uint64_t hash = 14695981039346656037u;
  for (const Index value : values) hash = (hash ^ static_cast<std::uint32_t>(value)) * 1099511628211u;
  return hash;
}

TEST(PartitionOnRanks, AllRanksAgreeAndHoldEveryReachOnce) {
  const Communicator comm;
  for (const Index pieces_per_rank : {0, 3}) {
    const auto topology = test::random_forest(2000, 12);
    const auto cut = make_partition(topology, std::vector<double>(topology.size(), 1.0), comm.size(), pieces_per_rank);
    EXPECT_TRUE(comm.all_equal(hash_of(cut.piece)));
    EXPECT_TRUE(comm.all_equal(hash_of(cut.owner)));
    EXPECT_TRUE(comm.all_equal(hash_of(cut.level)));
    std::vector<std::int64_t> held(topology.size(), 0);
    for (const Index reach : make_rank_network(topology, cut, comm.rank()).reach) ++held[reach];
    comm.sum(held);
    EXPECT_EQ(held, std::vector<std::int64_t>(topology.size(), 1));
  }
}

}  // namespace
}  // namespace dpl
