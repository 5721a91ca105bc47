// ranks: 1 2 3 4 6
// Groups of ranks: their shape, sums that do not know how many groups there are, and failures of one group.
#include "dpl/parallel/replicas.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>

#include "dpl/base/random.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

std::vector<Index> divisors(int ranks) {
  std::vector<Index> all;
  for (Index r = 1; r <= ranks; ++r)
    if (ranks % r == 0) all.push_back(r);
  return all;
}

TEST(Replicas, GroupsOfNeighboursThatTogetherAreAllRanks) {
  const Communicator comm;
  for (const Index count : divisors(comm.size())) {
    const Replicas replicas(comm, count);
    const int size = comm.size() / count;
    EXPECT_EQ(replicas.count(), count);
    EXPECT_EQ(replicas.group().size(), size);
    EXPECT_EQ(replicas.index(), comm.rank() / size);
    EXPECT_EQ(replicas.group().rank(), comm.rank() % size);
    EXPECT_EQ(replicas.group().sum(std::int64_t{comm.rank()}),
              size * (size * replicas.index()) + size * (size - 1) / 2);
    EXPECT_EQ(replicas.all().size(), comm.size());
    const Replicas copy = replicas;  // NOLINT: copies share the communicators, which are freed once
    EXPECT_EQ(copy.group().sum(std::int64_t{1}), size);
  }
}

TEST(Replicas, ACountThatDoesNotDivideTheRanksIsRefusedWithBothNumbers) {
  const Communicator comm;
  for (const Index count : {comm.size() + 1, comm.size() > 2 ? comm.size() - 1 : 5, 0}) {
    const auto message = message_of([&] { Replicas(comm, count); });
    EXPECT_NE(
        message.find(fmt::format("parallel.replicas is {}, which does not divide the {} rank", count, comm.size())),
        std::string::npos)
        << message;
  }
}

double number(std::size_t item, std::size_t i) {
  const RandomKey key{17, Purpose::test, i, item};
  return random_normal(key) * std::exp2(20 * random_normal(key, 1));
}

TEST(Replicas, SumsAreTheSameBitsForAnyNumberOfGroups) {
  const Communicator comm;
  constexpr std::size_t kWidth = 41;
  for (const std::size_t items : {1u, 2u, 7u, 12u}) {
    std::vector<double> expected(kWidth);
    for (std::size_t i = 0; i < kWidth; ++i) {
      expected[i] = number(0, i);
      for (std::size_t item = 1; item < items; ++item) expected[i] += number(item, i);
    }
    for (const Index count : divisors(comm.size())) {
      if (count > static_cast<Index>(items)) continue;
      const Replicas replicas(comm, count);
      std::vector<double> rows(items * kWidth, 1e300);  // what stands in rows of other groups plays no part
      for (std::size_t item = replicas.index(); item < items; item += count)
        for (std::size_t i = 0; i < kWidth; ++i) rows[item * kWidth + i] = number(item, i);
      const auto sum = replicas.sum_in_order(rows, kWidth);
      EXPECT_EQ(std::memcmp(sum.data(), expected.data(), kWidth * sizeof(double)), 0)
          << items << " items, " << count << " groups";
    }
  }
}

TEST(Replicas, TheSumOfOneItemIsTheItem) {
  const Replicas replicas(Communicator(), 1);
  std::vector<double> row{-0.0, 5e-324, 0.1, 1e308};
  const auto kept = row;
  const auto sum = replicas.sum_in_order(row, row.size());
  EXPECT_EQ(std::memcmp(sum.data(), kept.data(), kept.size() * sizeof(double)), 0);
}

TEST(Replicas, OneGroupsFailureIsEveryones) {
  const Communicator comm;
  for (const Index count : divisors(comm.size())) {
    const Replicas replicas(comm, count);
    for (Index failing = 0; failing < count; ++failing)
      for (const bool further : {false, true}) {  // a higher group fails too: the lowest speaks
        const auto message = message_of([&] {
          replicas.together([&] {
            const bool here = replicas.index() == failing || (further && replicas.index() > failing);
            agree(replicas.group(), "a window", [&] {
              if (here && replicas.group().rank() == replicas.group().size() - 1) fail("group {}", replicas.index());
            });
          });
        });
        EXPECT_EQ(message, fmt::format("group {}", failing));
        EXPECT_EQ(comm.sum(std::int64_t{1}), comm.size()) << "all ranks go on together";
      }
    replicas.together([&] { EXPECT_EQ(replicas.group().max(std::int64_t{replicas.index()}), replicas.index()); });
  }
}

TEST(Replicas, WhatLeavesARankAlonePassesUnchanged) {
  // Nobody waits for the other groups: main ends the run. Here every rank throws, so that the test can go on.
  const Replicas replicas(Communicator(), Communicator().size());
  EXPECT_THROW(replicas.together([] { throw std::bad_alloc(); }), std::bad_alloc);
}

}  // namespace
}  // namespace dpl
