// Counters that every rank changes at its own time.
// ranks: 1 3
#include "dpl/parallel/shared_counters.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace dpl {
namespace {

TEST(SharedCounters, EveryNumberIsDealtOnce) {
  const Communicator comm;
  constexpr std::int64_t kItems = 2000;
  const SharedCounters counters(comm, 2);
  std::vector<std::int64_t> taken(kItems, 0);
  for (std::int64_t mine = counters.add(0, 1); mine < kItems; mine = counters.add(0, 1)) {
    ++taken[static_cast<std::size_t>(mine)];
    counters.add(1, mine);
  }
  comm.sum(taken);
  EXPECT_TRUE(std::ranges::all_of(taken, [](std::int64_t times) { return times == 1; }));
  comm.barrier();
  EXPECT_EQ(counters.read(0), kItems + comm.size());
  EXPECT_EQ(counters.read(1), kItems * (kItems - 1) / 2);
}

TEST(SharedCounters, OneRankAloneIsSeenByAll) {
  const Communicator comm;
  const SharedCounters counters(comm, 1);
  if (comm.rank() == comm.size() - 1) EXPECT_EQ(counters.add(0, 7), 0);
  comm.barrier();
  EXPECT_EQ(counters.read(0), 7);
}

}  // namespace
}  // namespace dpl
