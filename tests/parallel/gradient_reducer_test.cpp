// ranks: 1 2 4 8
// The gradient reducer: exact_sum's bits whatever the order, the buckets and the way between the ranks; no rank left
// waiting.
#include "dpl/parallel/gradient_reducer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "dpl/base/random.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "dpl/parallel/exchange.hpp"
#include "dpl/parallel/mpi_call.hpp"
#include "src/parallel/staged_exchange.hpp"

namespace dpl {
namespace {

constexpr std::size_t kBlocks = 21;
const std::vector<std::size_t> kSizes{5, 130, 1, 0, 64, 17, 300};

// Of a block: other magnitudes for each tensor; some blocks do not reach some tensors.
std::vector<float> gradient(std::size_t block, std::size_t tensor) {
  std::vector<float> values(kSizes[tensor]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const RandomKey key{7, Purpose::test, tensor * kBlocks + block, i};
    values[i] = static_cast<float>(std::exp2(9.0 * static_cast<double>(tensor) - 30) * random_normal(key) *
                                   std::exp2(6 * random_normal(key, 1)));
  }
  return values;
}
bool reaches(std::size_t block, std::size_t tensor) { return (block + tensor) % 5 != 0; }

// Blocks lie on the first `ranks` ranks in runs.
std::vector<std::size_t> own_blocks(const Communicator& comm, int ranks) {
  std::vector<std::size_t> own;
  for (std::size_t b = 0; b < kBlocks; ++b)
    if (static_cast<int>(b * static_cast<std::size_t>(ranks) / kBlocks) == comm.rank()) own.push_back(b);
  return own;
}

using Sums = std::vector<std::vector<double>>;

Sums reduced(const Communicator& comm, int ranks, std::size_t bucket, std::uint64_t seed = 0) {
  GradientReducer reducer(comm, kSizes, bucket);
  auto blocks = own_blocks(comm, ranks);
  std::vector<std::size_t> tensors(kSizes.size());
  std::iota(tensors.begin(), tensors.end(), 0);
  const auto place = [&](std::size_t item) {
    return random_uniform(RandomKey{seed, Purpose::test, item, static_cast<std::uint64_t>(comm.rank())});
  };
  if (seed > 0) {  // another order on every rank
    std::ranges::sort(blocks, {}, place);
    std::ranges::sort(tensors, {}, place);
  }
  for (const std::size_t t : tensors) {
    for (const std::size_t b : blocks)
      if (reaches(b, t)) reducer.give<float>(t, gradient(b, t));
    reducer.close(t);
  }
  return reducer.finish();
}

Sums by_exact_sum(const Communicator& comm) {
  Sums sums;
  for (std::size_t t = 0; t < kSizes.size(); ++t) {
    std::vector<std::vector<float>> held;
    std::vector<const float*> items;
    for (const std::size_t b : own_blocks(comm, comm.size()))
      if (reaches(b, t)) held.push_back(gradient(b, t));
    for (const auto& h : held) items.push_back(h.data());
    sums.push_back(exact_sum<float>(comm, items, kSizes[t]));
  }
  return sums;
}

bool same_bits(const Sums& a, const Sums& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), 8 * x.size()) == 0;
  });
}

// What NCCL's queue does, with a second array in host memory for the GPU's: the reduction runs late, when it is asked
// for.
struct LoopBack {
  struct Buffer {
    std::vector<std::int64_t> host, device;
    std::size_t number = 0;
  };
  MPI_Comm comm;
  std::size_t made = 0, begun = 0, done = 0;
  std::vector<std::function<void()>> queue;

  std::string name() const { return "loop-back"; }
  Buffer make(std::size_t bytes) {
    ++made;
    return {std::vector<std::int64_t>(bytes / 8 + 1), std::vector<std::int64_t>(bytes / 8 + 1), 0};
  }
  std::size_t capacity(const Buffer& b) const { return 8 * b.host.size(); }
  void* host(Buffer& b) const { return b.host.data(); }
  void max(Buffer& b, std::size_t count) { reduce(b, count, MPI_DOUBLE, MPI_MAX); }
  void sum(Buffer& b, std::size_t count) { reduce(b, count, MPI_INT64_T, MPI_SUM); }
  void finish(Buffer& b) {
    for (; done < b.number; ++done) queue[done]();
  }
  std::shared_ptr<Exchange> of_part(const Communicator&) const { return nullptr; }

 private:
  void reduce(Buffer& b, std::size_t count, MPI_Datatype type, MPI_Op op) {
    std::int64_t *there = b.device.data(), *here = b.host.data();
    queue.push_back([=, this] {
      std::copy_n(here, count, there);
      mpi_check(MPI_Allreduce(MPI_IN_PLACE, there, static_cast<int>(count), type, op, comm), "MPI_Allreduce");
      std::copy_n(there, count, here);
    });
    b.number = ++begun;
  }
};

TEST(GradientReducer, AgreesWithLongDouble) {
  const Communicator comm;
  const Sums sums = reduced(comm, comm.size(), 100);
  for (std::size_t t = 0; t < kSizes.size(); ++t) {
    ASSERT_EQ(sums[t].size(), kSizes[t]);
    double largest = 0;
    std::vector<long double> expected(kSizes[t], 0);
    for (std::size_t b = 0; b < kBlocks; ++b) {
      if (!reaches(b, t)) continue;
      const auto values = gradient(b, t);
      for (std::size_t i = 0; i < values.size(); ++i) {
        expected[i] += values[i];
        largest = std::max(largest, std::abs(static_cast<double>(values[i])));
      }
    }
    for (std::size_t i = 0; i < kSizes[t]; ++i)
      EXPECT_NEAR(sums[t][i], static_cast<double>(expected[i]), largest * kBlocks * std::exp2(-50)) << t << " " << i;
  }
}

TEST(GradientReducer, BitsOfExactSumForEveryOrderBucketAndDistribution) {
  const Communicator comm;
  const Sums expected = by_exact_sum(comm);
  for (const std::size_t bucket : {std::size_t{1}, std::size_t{100}, GradientReducer::kBucket})
    for (const int ranks : {1, comm.size()})  // with 1 all other ranks have nothing
      for (const std::uint64_t seed : {0, 1, 2})
        EXPECT_TRUE(same_bits(reduced(comm, ranks, bucket, seed), expected)) << bucket << " " << ranks << " " << seed;
}

TEST(GradientReducer, StagedMemoryGivesTheSameBits) {
  Communicator comm;
  const Sums expected = by_exact_sum(comm);
  auto queue = std::make_unique<LoopBack>();
  queue->comm = comm.mpi();
  const LoopBack& seen = *queue;
  comm.use_exchange(std::make_shared<StagedExchange<LoopBack>>(std::move(queue)));
  EXPECT_TRUE(same_bits(reduced(comm, comm.size(), 100, 3), expected));
  const std::size_t made = seen.made;
  EXPECT_TRUE(same_bits(reduced(comm, comm.size(), 100, 4), expected));
  EXPECT_EQ(seen.made, made) << "staging memory was not used again";
  EXPECT_EQ(seen.done, seen.begun);
}

TEST(GradientReducer, ClosedTensorsSetOutBeforeTheEnd) {
  Communicator comm;
  auto queue = std::make_unique<LoopBack>();
  queue->comm = comm.mpi();
  const LoopBack& seen = *queue;
  comm.use_exchange(std::make_shared<StagedExchange<LoopBack>>(std::move(queue)));
  GradientReducer reducer(comm, {3, 3, 3}, 1);
  const std::vector<double> ones(3, 1.0);
  for (std::size_t t : {2, 1, 0}) {
    reducer.give<double>(t, ones);
    reducer.close(t);
    EXPECT_EQ(seen.begun, 3 * (3 - t) - 1) << "two for extremes, and the integers of the bucket before";
  }
  for (const auto& sums : reducer.finish()) EXPECT_EQ(sums, std::vector<double>(3, comm.size()));
}

TEST(GradientReducer, OneBadNumberMakesItsTensorNaNEverywhere) {
  const Communicator comm;
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    GradientReducer reducer(comm, {2, 2}, 1);
    reducer.give<double>(0, std::vector<double>{1, comm.rank() == comm.size() - 1 ? bad : 1});
    reducer.give<double>(1, std::vector<double>{1, 2});
    const Sums sums = reducer.finish();
    EXPECT_TRUE(std::isnan(sums[0][0]) && std::isnan(sums[0][1]));
    EXPECT_EQ(sums[1], (std::vector<double>{1.0 * comm.size(), 2.0 * comm.size()}));
  }
}

TEST(GradientReducer, ARankThatFailsLeavesNobodyWaiting) {
  const Communicator comm;
  GradientReducer reducer(comm, {4, 4, 4}, 1);
  const std::vector<double> ones(4, 1.0);
  const bool fails = comm.rank() == comm.size() / 2;
  for (std::size_t t : {2, 1, 0}) {
    reducer.give<double>(t, ones);
    reducer.close(t);
    if (fails) break;  // after the first
  }
  if (fails) reducer.give_up();
  const Sums sums = reducer.finish();
  EXPECT_EQ(sums[2], std::vector<double>(4, comm.size()));
  EXPECT_TRUE(std::isnan(sums[1][0]) && std::isnan(sums[0][3]));
  EXPECT_THROW(agree_on_failure(comm, fails, "a block's gradient failed"), AgreedError);
}

TEST(GradientReducer, RefusesWhatDoesNotFit) {
  const Communicator comm;
  GradientReducer reducer(comm, {4});
  EXPECT_THROW(reducer.give<double>(0, std::vector<double>(3)), Error);
  reducer.close(0);
  EXPECT_THROW(reducer.give<double>(0, std::vector<double>(4)), Error);
  EXPECT_EQ(reducer.finish(), Sums{std::vector<double>(4, 0.0)});
}

TEST(Exchange, PartsReduceAmongThemselves) {
  const Communicator comm;
  const auto exchange = make_mpi_exchange(comm.split(comm.rank() % 2));
  std::vector<std::int64_t> one{1};
  exchange->begin_sum(one)->wait();
  EXPECT_EQ(one[0], (comm.size() + 1 - comm.rank() % 2) / 2);
}

}  // namespace
}  // namespace dpl
