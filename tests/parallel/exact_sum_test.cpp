// ranks: 1 2 3 4
// Exact sums: right to the promised precision, the same bits for every order and distribution.
#include "dpl/parallel/exact_sum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "dpl/base/random.hpp"

namespace dpl {
namespace {

constexpr std::size_t kSize = 37;

// The same items on all ranks; each test says which of them a rank adds.
template <class Real>
std::vector<std::vector<Real>> make_items(std::size_t count, std::uint64_t seed, double scale = 1) {
  std::vector<std::vector<Real>> items(count, std::vector<Real>(kSize));
  for (std::size_t item = 0; item < count; ++item)
    for (std::size_t i = 0; i < kSize; ++i) {
      const RandomKey key{seed, Purpose::test, i, item};
      items[item][i] = static_cast<Real>(scale * random_normal(key) * std::exp2(8 * random_normal(key, 1)));
    }
  return items;
}

template <class Real>
std::vector<double> sum_of(const Communicator& comm, const std::vector<std::vector<Real>>& items,
                           const std::vector<std::size_t>& order, int ranks_used) {
  std::vector<const Real*> mine;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (static_cast<int>(i * ranks_used / order.size()) == comm.rank()) mine.push_back(items[order[i]].data());
  return exact_sum<Real>(comm, mine, kSize);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

template <class Real>
class ExactSum : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(ExactSum, Reals);

TYPED_TEST(ExactSum, AgreesWithLongDouble) {
  const Communicator comm;
  for (const double scale : {1.0, 1e-25, 1e25}) {
    const std::size_t count = 513;
    const auto items = make_items<TypeParam>(count, 1, scale);
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    const auto sums = sum_of(comm, items, order, comm.size());
    double largest = 0;
    for (const auto& item : items)
      for (const TypeParam value : item) largest = std::max(largest, std::abs(static_cast<double>(value)));
    for (std::size_t i = 0; i < kSize; ++i) {
      long double expected = 0;
      for (const auto& item : items) expected += item[i];
      // 513 items: 10 bits of the 62 go to the count, so each item is off by at most half of 2^-51 of the largest; the
      // sum is rounded to a double at last.
      const double bound = count * std::ldexp(largest, -52) + std::abs(static_cast<double>(expected)) * 1.2e-16;
      EXPECT_LE(std::abs(static_cast<double>(sums[i] - expected)), bound);
    }
  }
}

TYPED_TEST(ExactSum, SameBitsForEveryOrderAndDistribution) {
  const Communicator comm;
  const std::size_t count = 101;
  const auto items = make_items<TypeParam>(count, 2);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  const auto reference = sum_of(comm, items, order, 1);  // all items on rank 0, the others empty
  for (int ranks_used = 1; ranks_used <= comm.size(); ++ranks_used)
    for (std::uint64_t shuffle = 0; shuffle < 5; ++shuffle) {
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return random_bits({shuffle, Purpose::test, 9, a}) < random_bits({shuffle, Purpose::test, 9, b});
      });
      EXPECT_TRUE(same_bits(sum_of(comm, items, order, ranks_used), reference));
    }
}

TYPED_TEST(ExactSum, CancellationIsExact) {
  const Communicator comm;
  // Integers far apart in size: the sum of the large ones vanishes, the small one stays.
  const std::vector<TypeParam> big(kSize, TypeParam(1 << 20)), back(kSize, TypeParam(-(1 << 20))), one(kSize, 1);
  std::vector<const TypeParam*> mine;
  if (comm.rank() == 0) mine = {big.data(), one.data()};
  if (comm.rank() == comm.size() - 1) mine.push_back(back.data());
  EXPECT_EQ(exact_sum<TypeParam>(comm, mine, kSize), std::vector<double>(kSize, 1.0));
}

TYPED_TEST(ExactSum, ZerosAndNothing) {
  const Communicator comm;
  const std::vector<TypeParam> zeros(kSize, TypeParam(-0.0));
  const std::vector<const TypeParam*> mine(3, zeros.data());
  for (const double sum : exact_sum<TypeParam>(comm, mine, kSize)) {
    EXPECT_EQ(sum, 0.0);
    EXPECT_FALSE(std::signbit(sum));
  }
  EXPECT_EQ(exact_sum<TypeParam>(comm, {}, 4), std::vector<double>(4, 0.0));
  EXPECT_TRUE(exact_sum<TypeParam>(comm, mine, 0).empty());
}

TYPED_TEST(ExactSum, DenormalsAddExactly) {
  const Communicator comm;
  const TypeParam smallest = std::numeric_limits<TypeParam>::denorm_min();
  const std::vector<TypeParam> item(kSize, smallest);
  const std::vector<const TypeParam*> mine(5, item.data());
  EXPECT_EQ(exact_sum<TypeParam>(comm, mine, kSize),
            std::vector<double>(kSize, 5.0 * comm.size() * static_cast<double>(smallest)));
}

TYPED_TEST(ExactSum, LargestNumbersDoNotOverflowOnTheWay) {
  const Communicator comm;
  const TypeParam largest = std::numeric_limits<TypeParam>::max();
  const std::vector<TypeParam> plus(kSize, largest), minus(kSize, -largest);
  const std::vector<const TypeParam*> mine{plus.data(), plus.data(), minus.data(), minus.data()};
  EXPECT_EQ(exact_sum<TypeParam>(comm, mine, kSize), std::vector<double>(kSize, 0.0));
}

TYPED_TEST(ExactSum, OneBadNumberIsEveryonesNaN) {
  const Communicator comm;
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
    for (int where = 0; where < comm.size(); ++where) {
      std::vector<TypeParam> item(kSize, TypeParam(1));
      if (comm.rank() == where) item[kSize / 2] = bad;
      const std::vector<const TypeParam*> mine{item.data()};
      for (const double sum : exact_sum<TypeParam>(comm, mine, kSize)) EXPECT_TRUE(std::isnan(sum));
    }
}

TEST(ExactSumOfScalars, AnyDistribution) {
  const Communicator comm;
  std::vector<double> values(1000);
  long double expected = 0;
  for (std::size_t i = 0; i < values.size(); ++i) expected += values[i] = random_normal({3, Purpose::test, 0, i});
  const double on_root = exact_sum(comm, comm.is_root() ? std::span<const double>(values) : std::span<const double>());
  EXPECT_NEAR(on_root, static_cast<double>(expected), 1e-12);
  const std::size_t begin = values.size() * comm.rank() / comm.size();
  const std::size_t end = values.size() * (comm.rank() + 1) / comm.size();
  EXPECT_EQ(exact_sum(comm, std::span<const double>(values).subspan(begin, end - begin)), on_root);
  EXPECT_EQ(exact_sum(comm, std::span<const double>()), 0.0);
}

}  // namespace
}  // namespace dpl
