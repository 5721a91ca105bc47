// The surrogate: its slopes by the constants are those of finite differences, and a row is not changed by the others.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <cmath>

#include "dpl/base/random.hpp"
#include "dpl/learning/surrogate_network.hpp"

namespace dpl {
namespace {

at::Tensor draws(std::vector<std::int64_t> shape, std::uint64_t item, bool normal) {
  at::Tensor t = at::empty(shape, torch::kFloat32);
  for (std::int64_t k = 0; k < t.numel(); ++k) {
    const RandomKey key{7, Purpose::test, 0, item};
    const auto draw = static_cast<std::uint32_t>(k);
    t.mutable_data_ptr<float>()[k] = static_cast<float>(normal ? random_normal(key, draw) : random_uniform(key, draw));
  }
  return t;
}

TEST(SurrogateNetwork, SlopesAreThoseOfFiniteDifferences) {
  SurrogateNetwork network({3, 2, 16, 11});
  const at::Tensor history = draws({2, 40, 3}, 1, true), seed = draws({2, 40}, 2, true);
  const at::Tensor constants = draws({2, 2}, 3, false);
  const at::Tensor leaf = constants.clone().requires_grad_(true);
  const at::Tensor slope = torch::autograd::grad({network.forward(history, leaf, 0)}, {leaf}, {seed})[0];
  const auto value = [&](const at::Tensor& at) {
    return (network.forward(history, at, 0).to(torch::kFloat64) * seed.to(torch::kFloat64)).sum().item<double>();
  };
  for (std::int64_t k = 0; k < 4; ++k) {
    const float step = 1e-2f;
    at::Tensor up = constants.clone(), down = constants.clone();
    up.mutable_data_ptr<float>()[k] += step;
    down.mutable_data_ptr<float>()[k] -= step;
    const double difference = (value(up) - value(down)) / (2 * static_cast<double>(step));
    EXPECT_NEAR(static_cast<double>(slope.const_data_ptr<float>()[k]), difference, 2e-3 + 0.01 * std::abs(difference));
    EXPECT_GT(std::abs(difference), 1e-3);
  }
}

TEST(SurrogateNetwork, RunoffIsPositiveAndARowIsItsOwn) {
  SurrogateNetwork network({3, 2, 16, 11});
  at::Tensor history = draws({2, 40, 3}, 1, true);
  const at::Tensor constants = draws({2, 2}, 3, false);
  const at::Tensor before = network.forward(history, constants, 0).detach().clone();
  EXPECT_GT(before.min().item<float>(), 0);
  history[1].fill_(5);
  const at::Tensor after = network.forward(history, constants, 0).detach();
  EXPECT_TRUE(after[0].equal(before[0]));
  EXPECT_FALSE(after[1].equal(before[1]));
}

TEST(SurrogateNetwork, InputsThatDoNotFitAreRefused) {
  SurrogateNetwork network({3, 2, 16, 11});
  EXPECT_ANY_THROW(network.forward(draws({1, 5, 2}, 1, true), draws({1, 2}, 2, false), 0));
  EXPECT_ANY_THROW(network.forward(draws({1, 5, 3}, 1, true), draws({1, 3}, 2, false), 0));
}

}  // namespace
}  // namespace dpl
