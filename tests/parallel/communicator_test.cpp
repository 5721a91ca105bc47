// ranks: 1 2 3 4
// Reductions, broadcasts and the promise of agree: one rank's failure is everyone's, with the same words.
#include "dpl/parallel/communicator.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

TEST(Communicator, MaxAndSum) {
  const Communicator comm;
  EXPECT_EQ(comm.max(std::int64_t{comm.rank()}), comm.size() - 1);
  EXPECT_EQ(comm.max(-1.5 * comm.rank()), 0.0);
  EXPECT_EQ(comm.sum(std::int64_t{1}), comm.size());
  std::vector<std::int64_t> counts{comm.rank(), (std::int64_t{1} << 60) / comm.size()};
  comm.sum(counts);
  EXPECT_EQ(counts[0], comm.size() * (comm.size() - 1) / 2);
  EXPECT_EQ(counts[1], (std::int64_t{1} << 60) / comm.size() * comm.size());
  std::vector<double> values{static_cast<double>(comm.rank()), static_cast<double>(-comm.rank())}, none;
  comm.max(values);
  EXPECT_EQ(values, (std::vector<double>{comm.size() - 1.0, 0.0}));
  comm.max(none);
  comm.barrier();
}

TEST(Communicator, GatherOwnedKeepsEveryBit) {
  const Communicator comm;
  const double special[] = {-0.0, 5e-324, std::numeric_limits<double>::infinity(), 0.1};
  std::vector<double> values(4 * comm.size(), 0.0);
  for (int i = 0; i < 4; ++i) values[4 * comm.rank() + i] = special[i];
  comm.gather_owned(values);
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint64_t>(values[i]), std::bit_cast<std::uint64_t>(special[i % 4]));
}

TEST(Communicator, BroadcastFromAnyRank) {
  const Communicator comm;
  for (int root = 0; root < comm.size(); ++root) {
    const bool here = comm.rank() == root;
    std::vector<double> values(3, here ? 2.5 : 0.0);
    comm.broadcast(values, root);
    EXPECT_EQ(values, std::vector<double>(3, 2.5));
    std::vector<std::int64_t> counts(2, here ? 7 + root : 0);
    comm.broadcast(counts, root);
    EXPECT_EQ(counts, std::vector<std::int64_t>(2, 7 + root));
    EXPECT_EQ(comm.broadcast(here ? "the Juniata" : "something longer than that", root), "the Juniata");
    EXPECT_EQ(comm.broadcast(here ? "" : "x", root), "");
  }
}

TEST(Communicator, AnyAndAllEqual) {
  const Communicator comm;
  EXPECT_FALSE(comm.any(false));
  EXPECT_TRUE(comm.any(comm.rank() == comm.size() - 1));
  EXPECT_TRUE(comm.all_equal(0x8000000000000001u));
  EXPECT_TRUE(comm.all_equal(0));
  EXPECT_EQ(comm.all_equal(comm.rank() == 0 ? 6 : 7), comm.size() == 1);
  EXPECT_EQ(comm.all_equal(static_cast<std::uint64_t>(comm.rank())), comm.size() == 1);
}

std::string agreed(const Communicator& comm, const std::function<void()>& body, bool on_root = false) {
  try {
    on_root ? agree_on_root(comm, "reading", body) : agree(comm, "reading", body);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Agree, PassesWhenAllPass) {
  const Communicator comm;
  int calls = 0;
  EXPECT_EQ(agreed(comm, [&] { ++calls; }), "no error");
  EXPECT_EQ(calls, 1);
}

TEST(Agree, OneRanksFailureIsEveryones) {
  const Communicator comm;
  for (int failing = 0; failing < comm.size(); ++failing)
    EXPECT_EQ(agreed(comm,
                     [&] {
                       if (comm.rank() == failing) fail("file of rank {}", failing);
                     }),
              fmt::format("file of rank {}", failing));
}

TEST(Agree, TheLowestFailingRankSpeaks) {
  const Communicator comm;
  const int lowest = comm.size() > 1 ? 1 : 0;
  EXPECT_EQ(agreed(comm,
                   [&] {
                     if (comm.rank() >= lowest) fail("rank {}", comm.rank());
                   }),
            fmt::format("rank {}", lowest));
}

TEST(Agree, OtherExceptionsAreNamedByTheirPhase) {
  const Communicator comm;
  EXPECT_EQ(agreed(comm, [] { throw std::runtime_error("out of paper"); }), "reading: out of paper");
  EXPECT_EQ(agreed(comm, [] { throw 3; }), "reading: unknown failure");
}

TEST(Agree, OnRootRunsOnRankZeroAlone) {
  const Communicator comm;
  int calls = 0;
  EXPECT_EQ(agreed(
                comm, [&] { ++calls; }, true),
            "no error");
  EXPECT_EQ(calls, comm.is_root() ? 1 : 0);
  EXPECT_EQ(agreed(
                comm, [] { fail("no such file"); }, true),
            "no such file");
}

TEST(Agree, TheRanksGoOnTogetherAfterAFailure) {
  const Communicator comm;
  for (int round = 0; round < 5; ++round) {
    agreed(comm, [&] {
      if (comm.rank() == round % comm.size()) fail("round {}", round);
    });
    EXPECT_EQ(comm.sum(std::int64_t{round}), round * comm.size());
  }
}

}  // namespace
}  // namespace dpl
