// ranks: 1 2 4
// Blocks' backward passes through the reducer: the same bits on any number of ranks, and gradients that set out early.
#include "dpl/learning/weight_gradients.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tanh.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "dpl/base/random.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

constexpr int kBlocks = 9;
constexpr std::int64_t kRows = 6, kInputs = 3, kHidden = 4;

at::Tensor normal(const std::vector<std::int64_t>& shape, std::uint64_t item) {
  at::Tensor t = torch::empty(shape, torch::kFloat32);
  for (std::int64_t i = 0; i < t.numel(); ++i)
    t.mutable_data_ptr<float>()[i] =
        static_cast<float>(random_normal(RandomKey{3, Purpose::test, item, static_cast<std::uint64_t>(i)}));
  return t;
}

struct Network {
  std::vector<at::Tensor> weights{normal({kHidden, kInputs}, 100), normal({kHidden}, 101), normal({1, kHidden}, 102),
                                  normal({5}, 103)};  // the last one takes no part
  Network() {
    for (auto& w : weights) w.requires_grad_(true);
  }
  at::Tensor operator()(int block) const {
    const at::Tensor x = normal({kRows, kInputs}, static_cast<std::uint64_t>(block));
    return at::linear(at::tanh(at::linear(x, weights[0], weights[1])), weights[2]);
  }
};

at::Tensor seed_of(int block) { return normal({kRows, 1}, static_cast<std::uint64_t>(50 + block)); }

std::vector<int> own_blocks(const Communicator& comm, int ranks) {
  std::vector<int> own;
  for (int b = 0; b < kBlocks; ++b)
    if (b * ranks / kBlocks == comm.rank()) own.push_back(b);
  return own;
}

std::vector<std::vector<double>> summed(const Communicator& comm, const Network& network, int ranks, int failing = -1) {
  WeightGradients sum(comm, network.weights);
  return sum.sum("gradient", [&] {
    const auto own = own_blocks(comm, ranks);
    for (const int b : own) {
      if (b == failing) fail("block {} failed", b);
      sum.add({{network(b)}, {seed_of(b)}, b == own.back(), false});
    }
  });
}

TEST(WeightGradients, AreExactSumsOfTheBlocks) {
  const Communicator comm;
  const Network network;
  std::vector<std::vector<at::Tensor>> held(network.weights.size());
  for (const int b : own_blocks(comm, comm.size())) {
    const auto g = torch::autograd::grad({network(b)}, network.weights, {seed_of(b)}, false, false, true);
    for (std::size_t w = 0; w < g.size(); ++w)
      if (g[w].defined()) held[w].push_back(g[w].contiguous());
  }
  const auto everywhere = summed(comm, network, comm.size()), on_one = summed(comm, network, 1);
  for (std::size_t w = 0; w < held.size(); ++w) {
    std::vector<const float*> items;
    for (const auto& g : held[w]) items.push_back(g.const_data_ptr<float>());
    const auto expected = exact_sum<float>(comm, items, static_cast<std::size_t>(network.weights[w].numel()));
    EXPECT_EQ(everywhere[w], expected) << w;
    EXPECT_EQ(on_one[w], expected) << w << ": the other ranks have no block";
  }
  EXPECT_EQ(everywhere[3], std::vector<double>(5, 0.0));
}

TEST(WeightGradients, AFailingBlockIsEverybodysError) {
  const Communicator comm;
  const Network network;
  for (const int block : {0, kBlocks - 1}) {
    const auto message = message_of([&] { summed(comm, network, comm.size(), block); });
    EXPECT_NE(message.find("failed"), std::string::npos);
  }
  EXPECT_EQ(summed(comm, network, comm.size()), summed(comm, network, 1)) << "and the next sum is right again";
}

}  // namespace
}  // namespace dpl
