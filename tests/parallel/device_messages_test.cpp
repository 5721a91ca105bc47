// ranks: 1 2 4
// Messages between devices: out of their memory or through the host's, what is refused, and rows that arrive where they belong.
// (The bits of a routed network: router_bits_test.)
#include "dpl/parallel/device_messages.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <vector>

#include "dpl/coupling/device_forest.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

// The environment variable of this rank while it lives.
class Asking {
 public:
  explicit Asking(const char* word) { ::setenv("DPL_DEVICE_MESSAGES", word, 1); }
  ~Asking() { ::unsetenv("DPL_DEVICE_MESSAGES"); }
};

TEST(DeviceMessages, AreDirectWhereMpiCanOrAsAsked) {
  for (const bool emulated : {false, true})
    for (const bool can : {false, true}) {
      EXPECT_EQ(device_messages(nullptr, can, emulated).direct, can);
      EXPECT_EQ(device_messages("", can, emulated).direct, can);
      EXPECT_FALSE(device_messages("staged", can, emulated).direct);
      if (can || emulated) {
        EXPECT_TRUE(device_messages("direct", can, emulated).direct);
      }
      const auto wrong = message_of([&] { device_messages("fast", can, emulated); });
      EXPECT_NE(wrong.find("DPL_DEVICE_MESSAGES is fast; allowed: direct, staged"), std::string::npos) << wrong;
    }
  const auto refused = message_of([] { device_messages("direct", false, false); });
  EXPECT_NE(refused.find("MPI does not say"), std::string::npos) << refused;
}

// One rank that cannot, or is asked for something else, is everybody's refusal: none is left waiting.
TEST(DeviceMessages, AreRefusedOnAllRanksAlike) {
  const Communicator comm;
  const bool last = comm.rank() == comm.size() - 1;
  {
    const Asking word(last ? "fast" : "staged");
    const auto message = message_of([&] { choose_device_messages(comm, false); });
    EXPECT_NE(message.find("DPL_DEVICE_MESSAGES is fast"), std::string::npos) << message;
  }
  {
    const Asking word("direct");
    const bool all_can = !comm.any(!mpi_takes_device_memory());
    const auto message = message_of([&] { choose_device_messages(comm, false); });
    EXPECT_EQ(message.empty(), all_can) << message;
    EXPECT_TRUE(choose_device_messages(comm, true).direct);
  }
  const Asking word(last ? "direct" : "staged");
  const auto message = message_of([&] { choose_device_messages(comm, true); });
  EXPECT_EQ(message.find("some ranks would send") != std::string::npos, comm.size() > 1) << message;
}

// Rank r offers kRows rows to each rank (itself too), mixed up, and one that nobody takes.
constexpr Index kRows = 3;

Index row_of(int taker, Index k, int ranks) { return k * ranks + (ranks - 1 - taker); }

template <class Real>
Real number_of(int rank, Index row, Index t) {
  return static_cast<Real>(10000 * rank + 100 * row + t);
}

template <class Real>
class Between : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Between, Reals);

TYPED_TEST(Between, RowsOfEveryRankArriveAtEveryRank) {
  using Real = TypeParam;
  const Communicator comm;
  const int ranks = comm.size(), me = comm.rank();
  const Index roots = kRows * ranks + 1;
  std::vector<RootPlace> places;
  for (Index k = kRows - 1; k >= 0; --k)
    for (int rank = 0; rank < ranks; ++rank) places.push_back({rank, row_of(me, k, ranks)});
  const StarForest forest(comm, roots, places);
  EXPECT_EQ(forest.linked_roots().size(), static_cast<std::size_t>(ranks)) << "as many neighbours as ranks";
  EXPECT_EQ(forest.linked_leaves().size(), static_cast<std::size_t>(ranks));
  DeviceForest<Real> moved(comm, forest, Device::emulated), other(comm, forest, Device::emulated);
  for (const Index width : {1, 7, 64, 2}) {
    std::vector<Real> offered, came(places.size() * width, Real(-1)), back(roots * width, Real(-1)), again(came.size());
    for (Index row = 0; row < roots; ++row)
      for (Index t = 0; t < width; ++t) offered.push_back(number_of<Real>(me, row, t));
    moved.begin_to_leaves(offered.data(), width);
    other.begin_to_leaves(offered.data(), width);   // on its way beside it: messages of the two do not mix
    comm.move_messages();
    other.end_to_leaves(again.data(), width);
    moved.end_to_leaves(came.data(), width);
    EXPECT_EQ(came, again);
    for (std::size_t leaf = 0; leaf < places.size(); ++leaf)
      for (Index t = 0; t < width; ++t)
        ASSERT_EQ(came[leaf * width + t], number_of<Real>(static_cast<int>(places[leaf].rank), places[leaf].row, t));
    for (Real& value : came) value *= Real(-2);
    moved.begin_to_roots(came.data(), width);
    moved.end_to_roots(back.data(), width);
    for (Index row = 0; row < roots; ++row)
      for (Index t = 0; t < width; ++t)
        ASSERT_EQ(back[row * width + t], row + 1 < roots ? Real(-2) * offered[row * width + t] : Real(-1)) << "row " << row;
  }
}

TYPED_TEST(Between, MoreNumbersThanMpiCountsAreRefusedOnAllRanks) {
  const Communicator comm;
  std::vector<RootPlace> places;
  if (comm.rank() == 0) places = {{comm.size() - 1, 0}, {comm.size() - 1, 1}};
  const StarForest forest(comm, 2, places);
  DeviceForest<TypeParam> moved(comm, forest, Device::emulated);
  constexpr Index kWidth = std::numeric_limits<Index>::max() / 2 + 1;   // twice that is one too many
  const TypeParam nothing = 0;
  for (const auto& message : {message_of([&] { moved.begin_to_leaves(&nothing, kWidth); }),
                              message_of([&] { moved.begin_to_roots(&nothing, kWidth); })})
    EXPECT_NE(message.find("routing.chunk_steps"), std::string::npos) << message;
}

}  // namespace
}  // namespace dpl
