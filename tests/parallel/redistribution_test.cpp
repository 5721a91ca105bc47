// ranks: 1 2 3 4
// Rows go from blocks to pieces and back unchanged; reaches in no piece come back as 0.
#include "dpl/coupling/redistribution.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"

namespace dpl {
namespace {

BlockDistribution blocks_of(const Communicator& comm, Index reaches, Index block_size) {
  return {reaches, block_size, comm.rank(), comm.size()};
}

// Every third reach is absent; the others lie on any rank, in any order.
bool absent(Index reach) { return reach % 3 == 1; }

std::vector<Index> own_reaches(const Communicator& comm, Index reaches, int ranks_used) {
  std::vector<Index> own;
  for (Index reach = reaches - 1; reach >= 0; --reach) {
    const RandomKey key{21, Purpose::test, 0, static_cast<std::uint64_t>(reach)};
    if (!absent(reach) && static_cast<int>(random_index(key, ranks_used)) == comm.rank()) own.push_back(reach);
  }
  return own;
}

template <class Real>
Real value_of(Index reach, Index column) {
  return static_cast<Real>(1 + reach * 1000 + column);
}

template <class Real>
void check_round(const Communicator& comm, Index reaches, Index block_size, int ranks_used) {
  const auto blocks = blocks_of(comm, reaches, block_size);
  const auto own = own_reaches(comm, reaches, ranks_used);
  const Redistribution redistribution(comm, blocks, own);
  const Index first = blocks.first_reach(), count = blocks.end_reach() - first;
  for (const Index width : {1, 3, 0, 365, 2, 4, 5, 6, 7, 8, 9, 1}) {
    std::vector<Real> in_blocks(static_cast<std::size_t>(count) * width), in_pieces(own.size() * width, Real(-1));
    for (Index row = 0; row < count; ++row)
      for (Index k = 0; k < width; ++k) in_blocks[row * width + k] = value_of<Real>(first + row, k);
    redistribution.to_pieces<Real>(in_blocks, in_pieces, width);
    for (std::size_t row = 0; row < own.size(); ++row)
      for (Index k = 0; k < width; ++k) ASSERT_EQ(in_pieces[row * width + k], value_of<Real>(own[row], k));
    std::vector<Real> back(in_blocks.size(), Real(-7));
    redistribution.to_blocks<Real>(in_pieces, back, width);
    for (Index row = 0; row < count; ++row)
      for (Index k = 0; k < width; ++k)
        ASSERT_EQ(back[row * width + k], absent(first + row) ? Real(0) : in_blocks[row * width + k]);
  }
}

template <class Real>
class RedistributionRounds : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(RedistributionRounds, Reals);

TYPED_TEST(RedistributionRounds, ThereAndBack) {
  const Communicator comm;
  for (const Index reaches : {1000, 100, 64, 5})
    for (const Index block_size : {64, 8, 1}) check_round<TypeParam>(comm, reaches, block_size, comm.size());
}

TYPED_TEST(RedistributionRounds, AllReachesOnOneRank) { check_round<TypeParam>(Communicator(), 300, 64, 1); }

TYPED_TEST(RedistributionRounds, NoReachInAnyPiece) {
  const Communicator comm;
  const auto blocks = blocks_of(comm, 100, 16);
  const Redistribution redistribution(comm, blocks, {});
  std::vector<TypeParam> values(2 * (blocks.end_reach() - blocks.first_reach()), TypeParam(3));
  redistribution.to_pieces<TypeParam>(values, {}, 2);
  redistribution.to_blocks<TypeParam>({}, values, 2);
  EXPECT_EQ(values, std::vector<TypeParam>(values.size(), TypeParam(0)));
}

// Rows so wide that they go in parts of columns.
TEST(RedistributionWide, PartsOfColumns) {
  const Communicator comm;
  const Index reaches = 3 * comm.size(), width = (Index{1} << 26) / 3 + 5;
  if (comm.size() > 2) GTEST_SKIP() << "checked on one and two ranks, to spare memory";
  const auto blocks = blocks_of(comm, reaches, 3);
  std::vector<Index> own;
  for (Index i = 0; i < 3; ++i) own.push_back(reaches - 1 - 3 * comm.rank() - i);
  const Redistribution redistribution(comm, blocks, own);
  const auto value = [](Index reach, std::size_t k) { return static_cast<float>(reach * 1000 + k % 997); };
  std::vector<float> in_blocks(std::size_t{3} * width), in_pieces(in_blocks.size(), -1.0f);
  for (std::size_t i = 0; i < in_blocks.size(); ++i)
    in_blocks[i] = value(blocks.first_reach() + static_cast<Index>(i / width), i % width);
  redistribution.to_pieces<float>(in_blocks, in_pieces, width);
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < in_pieces.size(); ++i) wrong += in_pieces[i] != value(own[i / width], i % width);
  EXPECT_EQ(wrong, 0);
}

TEST(RedistributionErrors, ReachesOutsideOrInTwoPiecesAreRefusedOnAllRanks) {
  const Communicator comm;
  const auto blocks = blocks_of(comm, 20, 4);
  const auto error_of = [&](const std::vector<Index>& own) -> std::string {
    try {
      const Redistribution redistribution(comm, blocks, own);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const bool last = comm.rank() == comm.size() - 1;
  EXPECT_NE(error_of(last ? std::vector<Index>{20} : std::vector<Index>{}).find("reach 20"), std::string::npos);
  const std::vector<Index> twice{5, 5}, once{5};
  EXPECT_NE(error_of(comm.size() == 1 ? twice : once).find("linked to two leaves"), std::string::npos);
}

TEST(Blocks, CoverTheDomainOnceAndFollowTheRule) {
  for (const Index reaches : {0, 1, 63, 64, 65, 1000, 300000})
    for (const int ranks : {1, 2, 3, 7, 64, 5000}) {
      BlockDistribution blocks{reaches, block_size_of(reaches), 0, ranks};
      Index next_block = 0, next_reach = 0;
      for (blocks.rank = 0; blocks.rank < ranks; ++blocks.rank) {
        ASSERT_EQ(blocks.first_block(), next_block);
        ASSERT_EQ(blocks.first_reach(), next_reach);
        next_block = blocks.end_block();
        next_reach = blocks.end_reach();
        for (Index block = blocks.first_block(); block < blocks.end_block(); ++block) {
          ASSERT_EQ(blocks.owner_of_block(block), blocks.rank);
          ASSERT_EQ(blocks.owner_of_block(block), static_cast<int>(Count{block} * ranks / blocks.blocks()));
        }
      }
      ASSERT_EQ(next_block, blocks.blocks());
      ASSERT_EQ(next_reach, reaches);
    }
}

TEST(Blocks, SizeDependsOnTheDomainAlone) {
  EXPECT_EQ(block_size_of(1), 64);
  EXPECT_EQ(block_size_of(64 * 4096), 64);
  EXPECT_EQ(block_size_of(64 * 4096 + 1), 128);
  EXPECT_EQ(block_size_of(2939404), 1024);
  for (const Index reaches : {1, 5000, 3000000, 2000000000})
    EXPECT_LE((BlockDistribution{reaches, block_size_of(reaches), 0, 1}.blocks()), 4096);
}

}  // namespace
}  // namespace dpl
