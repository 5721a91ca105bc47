// Random draws: the published generator, independence of keys, the distributions.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "dpl/base/random.hpp"

namespace dpl {
namespace {

using Words = std::array<std::uint32_t, 4>;

// The known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
TEST(Random, PhiloxKnownAnswers) {
  constexpr std::uint32_t ones = 0xffffffffu;
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(philox4x32_10({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  EXPECT_EQ(philox4x32_10({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
            (Words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

TEST(Random, EveryPartOfTheKeyChangesTheDraw) {
  const RandomKey key{42, Purpose::window_start, 7, 11};
  std::set<std::uint64_t> seen{random_bits(key),
                               random_bits(key, 1),
                               random_bits({43, key.purpose, 7, 11}),
                               random_bits({42, Purpose::gauge_choice, 7, 11}),
                               random_bits({42, key.purpose, 8, 11}),
                               random_bits({42, key.purpose, 7, 12})};
  constexpr std::uint64_t high = std::uint64_t{1} << 32;  // the upper halves count too
  seen.insert({random_bits({42 + high, key.purpose, 7, 11}), random_bits({42, key.purpose, 7 + high, 11}),
               random_bits({42, key.purpose, 7, 11 + high}), random_bits({42, key.purpose, 11, 7})});
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(random_bits(key), random_bits(key));
}

// Pins the contract: a changed draw would make old runs unrepeatable.
TEST(Random, DrawsStayWhatTheyAre) {
  const RandomKey key{42, Purpose::test, 3, 5};
  const auto stream = philox4x32_10({3, 0, 5, 0}, {42, 0});
  const auto bits = philox4x32_10({9, 8, stream[2], stream[3]}, {stream[0], stream[1]});
  EXPECT_EQ(random_bits(key, 9), std::uint64_t{bits[1]} << 32 | bits[0]);
}

TEST(Random, UniformHasTheRightMomentsAndStaysBelowOne) {
  const int count = 20000;
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double u = random_uniform({1, Purpose::test, 0, static_cast<std::uint64_t>(i)});
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / count, 0.5, 0.01);
  EXPECT_NEAR(squares / count, 1.0 / 3, 0.01);
}

TEST(Random, NormalHasTheRightMoments) {
  const int count = 20000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < count; ++i) {
    const double z = random_normal({1, Purpose::test}, static_cast<std::uint32_t>(i));
    ASSERT_TRUE(std::isfinite(z));
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  EXPECT_NEAR(sum / count, 0, 0.03);
  EXPECT_NEAR(squares / count, 1, 0.04);
  EXPECT_NEAR(fourth / count, 3, 0.3);
}

TEST(Random, IndexIsTheUpperPartOfTheProduct) {
  for (std::uint64_t count : {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{1} << 40, ~std::uint64_t{0}})
    for (std::uint32_t draw = 0; draw < 100; ++draw) {
      const RandomKey key{5};
      __extension__ typedef unsigned __int128 Wide;
      const auto expected = static_cast<std::uint64_t>(static_cast<Wide>(random_bits(key, draw)) * count >> 64);
      ASSERT_EQ(random_index(key, count, draw), expected);
      ASSERT_LT(random_index(key, count, draw), count);
    }
}

TEST(Random, IndexReachesEveryValue) {
  std::vector<int> hits(6);
  for (std::uint32_t draw = 0; draw < 6000; ++draw) ++hits[random_index({9}, 6, draw)];
  for (int h : hits) EXPECT_NEAR(h, 1000, 150);
}

}  // namespace
}  // namespace dpl
