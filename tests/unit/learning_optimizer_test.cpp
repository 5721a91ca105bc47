// Optimizers against their definitions, clipping, and states that restore bit for bit.
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/optimizer.hpp"
#include "tests/support/message_of.hpp"

namespace {

std::vector<dpl::NamedTensor> ones(at::ScalarType type) {
  at::Tensor a = at::ones({2, 3}, at::TensorOptions().dtype(type)), b = at::ones({2}, at::TensorOptions().dtype(type));
  a.requires_grad_(true);
  b.requires_grad_(true);
  return {{"a", a}, {"b", b}};
}

std::vector<std::vector<double>> gradients(std::uint64_t update) {
  std::vector<std::vector<double>> result{std::vector<double>(6), std::vector<double>(2)};
  std::uint64_t item = 0;
  for (auto& tensor : result) {
    for (double& value : tensor) value = dpl::random_normal({3, dpl::Purpose::test, update, item++});
  }
  return result;
}

std::vector<double> values(const std::vector<dpl::NamedTensor>& tensors) {
  std::vector<double> all;
  for (const auto& entry : tensors) {
    const at::Tensor copy = entry.tensor.detach().to(at::kDouble).contiguous();
    all.insert(all.end(), copy.const_data_ptr<double>(), copy.const_data_ptr<double>() + copy.numel());
  }
  return all;
}

TEST(Adam, FollowsKingmaAndBa) {
  const auto weights = ones(at::kDouble);
  dpl::Adam adam(weights);
  std::vector<double> w(8, 1.0), m(8, 0.0), v(8, 0.0);
  for (std::uint64_t t = 1; t <= 20; ++t) {
    const auto g = gradients(t);
    adam.step(g, 0.01);
    for (std::size_t i = 0; i < 8; ++i) {
      const double gi = i < 6 ? g[0][i] : g[1][i - 6];
      m[i] = 0.9 * m[i] + 0.1 * gi;
      v[i] = 0.999 * v[i] + 0.001 * gi * gi;
      const double steps = static_cast<double>(t);
      w[i] -= 0.01 * (m[i] / (1 - std::pow(0.9, steps))) / (std::sqrt(v[i] / (1 - std::pow(0.999, steps))) + 1e-8);
    }
  }
  const auto found = values(weights);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(found[i], w[i], 1e-13);
  EXPECT_EQ(adam.steps(), 20);
}

TEST(Adam, FirstStepMovesEveryWeightByTheLearningRate) {
  const auto weights = ones(at::kFloat);
  dpl::Adam adam(weights);
  const auto g = gradients(1);
  adam.step(g, 0.01);
  const auto found = values(weights);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(found[i], 1 - std::copysign(0.01, g[0][i]), 1e-6);
}

class EveryOptimizer : public testing::TestWithParam<std::string> {};

TEST_P(EveryOptimizer, RestoredStateContinuesWithTheSameBits) {
  dpl::TrainConfig config;
  config.optimizer = GetParam();
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto weights = ones(type), resumed = ones(type);
    const auto first = dpl::make_optimizer(config, weights), second = dpl::make_optimizer(config, resumed);
    for (std::uint64_t t = 1; t <= 5; ++t) first->step(gradients(t), 0.01);
    second->restore(first->state());
    for (std::size_t k = 0; k < 2; ++k) resumed[k].tensor.detach().copy_(weights[k].tensor);
    for (std::uint64_t t = 6; t <= 10; ++t) {
      first->step(gradients(t), 0.003);
      second->step(gradients(t), 0.003);
    }
    EXPECT_EQ(values(weights), values(resumed));
    EXPECT_EQ(values(first->state()), values(second->state()));
    EXPECT_EQ(second->steps(), 10);
    EXPECT_EQ(first->state()[0].name, GetParam() + ".step");
  }
}

TEST_P(EveryOptimizer, DynamicWeightsHaveTheirOwnRate) {
  dpl::TrainConfig config;
  config.optimizer = GetParam();
  config.dynamic_rate = 10;
  config.weight_decay = 0;
  auto weights = ones(at::kDouble);
  weights[0].name = "static.a";
  weights[1].name = "dynamic.b";
  const auto plain = ones(at::kDouble);
  const auto grouped = dpl::make_optimizer(config, weights), reference = dpl::make_optimizer(config, plain);
  grouped->step(gradients(1), 0.001);
  reference->step(gradients(1), 0.001);
  const auto found = values(weights), expected = values(plain);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(found[i], expected[i]);
  for (std::size_t i = 6; i < 8; ++i) EXPECT_NEAR(found[i] - 1, 10 * (expected[i] - 1), 1e-14);
}

INSTANTIATE_TEST_SUITE_P(Learning, EveryOptimizer, testing::ValuesIn(dpl::optimizer_names()),
                         [](const auto& which) { return which.param; });

TEST(AdamW, IsAdamWithWeightsThatShrinkByTheRateTimesTheDecay) {
  const auto weights = ones(at::kDouble);
  dpl::TrainConfig config;
  config.optimizer = "adamw";
  config.weight_decay = 0.1;
  const auto adamw = dpl::make_optimizer(config, weights);
  std::vector<double> w(8, 1.0), m(8, 0.0), v(8, 0.0);
  for (std::uint64_t t = 1; t <= 20; ++t) {
    const auto g = gradients(t);
    adamw->step(g, 0.01);
    for (std::size_t i = 0; i < 8; ++i) {
      const double gi = i < 6 ? g[0][i] : g[1][i - 6], steps = static_cast<double>(t);
      m[i] = 0.9 * m[i] + 0.1 * gi;
      v[i] = 0.999 * v[i] + 0.001 * gi * gi;
      const double m_hat = m[i] / (1 - std::pow(0.9, steps)), v_hat = v[i] / (1 - std::pow(0.999, steps));
      w[i] -= 0.01 * m_hat / (std::sqrt(v_hat) + 1e-8) + 0.01 * 0.1 * w[i];
    }
  }
  const auto found = values(weights);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(found[i], w[i], 1e-13);
}

TEST(Adadelta, FollowsZeiler) {
  const auto weights = ones(at::kDouble);
  dpl::Adadelta adadelta(weights);
  std::vector<double> w(8, 1.0), squared_gradient(8, 0.0), squared_change(8, 0.0);
  for (std::uint64_t t = 1; t <= 20; ++t) {
    const auto g = gradients(t);
    adadelta.step(g, 1.0);
    for (std::size_t i = 0; i < 8; ++i) {
      const double gi = i < 6 ? g[0][i] : g[1][i - 6];
      squared_gradient[i] = 0.95 * squared_gradient[i] + 0.05 * gi * gi;
      const double change = -std::sqrt(squared_change[i] + 1e-6) / std::sqrt(squared_gradient[i] + 1e-6) * gi;
      squared_change[i] = 0.95 * squared_change[i] + 0.05 * change * change;
      w[i] += change;
    }
  }
  const auto found = values(weights);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(found[i], w[i], 1e-13);
}

TEST(Adadelta, FirstStepByHand) {
  at::Tensor weight = at::ones({1}, at::TensorOptions().dtype(at::kDouble));
  dpl::Adadelta adadelta({{"w", weight}});
  adadelta.step({{2.0}}, 0.5);
  // 0.05 x 4 = 0.2 squared gradient; change -2 sqrt(1e-6 / 0.200001); half of it
  EXPECT_NEAR(weight.item<double>(), 1 - std::sqrt(1e-6 / 0.200001), 1e-15);
}

TEST(Optimizer, UnknownNameListsTheKnownOnes) {
  dpl::TrainConfig config;
  config.optimizer = "sgd";
  EXPECT_NE(dpl::message_of([&] { dpl::make_optimizer(config, ones(at::kFloat)); }).find("adam, adamw, adadelta"),
            std::string::npos);
}

TEST(Optimizer, StateOfAnotherOptimizerIsRefused) {
  dpl::Adam adam(ones(at::kFloat));
  dpl::Adadelta adadelta(ones(at::kFloat));
  EXPECT_THROW(adadelta.restore(adam.state()), dpl::Error);
}

TEST(Adam, RefusesWhatDoesNotFit) {
  dpl::Adam adam(ones(at::kFloat));
  EXPECT_THROW(adam.step({std::vector<double>(6)}, 0.01), dpl::Error);
  EXPECT_THROW(adam.step({std::vector<double>(5), std::vector<double>(2)}, 0.01), dpl::Error);
  auto state = adam.state();
  state.pop_back();
  EXPECT_THROW(adam.restore(state), dpl::Error);
  state = adam.state();
  state[1].name = "adam.m.c";
  EXPECT_THROW(adam.restore(state), dpl::Error);
  state = adam.state();
  std::swap(state[1].tensor, state[3].tensor);
  EXPECT_THROW(adam.restore(state), dpl::Error);
}

TEST(ClipGradients, LimitsTheGlobalNorm) {
  std::vector<std::vector<double>> g{{3, 0}, {4}};
  EXPECT_DOUBLE_EQ(dpl::clip_gradients(g, 10), 5);
  EXPECT_EQ(g[1][0], 4);
  EXPECT_DOUBLE_EQ(dpl::clip_gradients(g, 0), 5);
  EXPECT_EQ(g[1][0], 4);
  EXPECT_DOUBLE_EQ(dpl::clip_gradients(g, 1), 5);
  EXPECT_DOUBLE_EQ(g[0][0], 0.6);
  EXPECT_DOUBLE_EQ(g[1][0], 0.8);
}

TEST(ClipGradients, ReportsNaN) {
  std::vector<std::vector<double>> g{{3, std::nan("")}};
  EXPECT_TRUE(std::isnan(dpl::clip_gradients(g, 1)));
}

}  // namespace
