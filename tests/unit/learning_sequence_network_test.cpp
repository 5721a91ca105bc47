// Networks of static and dynamic parameters: starts, finite differences, dropout and replacement by keys, errors.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstring>
#include <map>

#include "dpl/base/random.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/sequence_network.hpp"
#include "tests/support/message_of.hpp"

namespace {

constexpr std::int64_t kPlaces = 9, kDays = 12, kAttributes = 4, kChannels = 3;

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(at::kDouble));
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<double>()[i] =
        dpl::random_normal({seed, dpl::Purpose::test, 0, static_cast<std::uint64_t>(i)});
  }
  return tensor;
}

/// Two parameters of two components and one of one; the last of the first and both of the second are dynamic.
dpl::SequencePlan plan_of(const std::string& kind) {
  dpl::SequencePlan plan;
  plan.config.kind = kind;
  plan.config.hidden_size = 6;
  plan.config.lstm_size = 5;
  plan.config.output_gain = 0.3;
  plan.attributes = kAttributes;
  plan.channels = kChannels;
  plan.start_outputs = {0.5, -0.5, 1.0, -1.0, 0.1};
  if (kind == "lstm" || kind == "two_headed") plan.dynamic = {{1, 0}, {2, 1}, {3, 1}};
  plan.precision = "double";
  plan.seed = 42;
  return plan;
}

dpl::SequenceInputs inputs_of(std::int64_t first = 0, std::int64_t count = kPlaces) {
  dpl::SequenceInputs inputs{normal({kPlaces, kAttributes}, 1).narrow(0, first, count),
                             normal({kPlaces, kDays, kChannels}, 2).narrow(0, first, count),
                             {}};
  for (std::int64_t place = first; place < first + count; ++place) {
    inputs.place_keys.push_back(1000 + 17 * static_cast<std::uint64_t>(place));
  }
  return inputs;
}

/// Numbers in all weights, so that no part is silent.
void shake(dpl::SequenceNetwork& network) {
  std::uint64_t seed = 100;
  for (const auto& [name, tensor] : network.weights()) {
    tensor.detach().add_(normal(tensor.sizes(), seed++).to(tensor.scalar_type()) * 0.3);
  }
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  return x.sizes() == y.sizes() && std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

class EverySequenceNetwork : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { dpl::prepare_torch(1); }
  dpl::SequencePlan plan = plan_of(GetParam());
  bool dynamic() const { return !plan.dynamic.empty(); }
};

TEST_P(EverySequenceNetwork, GradientEqualsCentralDifferencesUnderDropoutAndReplacement) {
  plan.config.dropout = 0.3;
  plan.config.replace_dynamic = 0.4;
  const auto network = dpl::make_sequence_network(plan);
  shake(*network);
  const auto inputs = inputs_of();
  const at::Tensor fixed_seed = normal({kPlaces, 5}, 3), dynamic_seed = normal({kPlaces, kDays, 3}, 4);
  const auto value = [&] {
    const auto out = network->forward(inputs, {true, 7, 0});
    at::Tensor sum = (out.fixed * fixed_seed).sum();
    if (dynamic()) sum = sum + (out.dynamic * dynamic_seed).sum();
    return sum;
  };
  std::vector<at::Tensor> leaves;
  for (const auto& weight : network->weights()) leaves.push_back(weight.tensor);
  const auto gradients = torch::autograd::grad({value()}, leaves);
  for (std::size_t k = 0; k < leaves.size(); ++k) {
    double* numbers = leaves[k].detach().mutable_data_ptr<double>();
    const at::Tensor gradient = gradients[k].contiguous();
    const double scale = gradient.abs().max().item<double>();
    EXPECT_GT(scale, 0) << network->weights()[k].name;
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      const double kept = numbers[i], h = 1e-5;
      numbers[i] = kept + h;
      const double above = value().item<double>();
      numbers[i] = kept - h;
      const double below = value().item<double>();
      numbers[i] = kept;
      EXPECT_NEAR(gradient.const_data_ptr<double>()[i], (above - below) / (2 * h), 1e-6 * scale)
          << network->weights()[k].name << " " << i;
    }
  }
}

TEST_P(EverySequenceNetwork, StartsNearTheStatedOutputs) {
  plan.config.output_gain = 0;
  const auto out = dpl::make_sequence_network(plan)->forward(inputs_of(), {});
  ASSERT_EQ(out.fixed.sizes().vec(), (std::vector<std::int64_t>{kPlaces, 5}));
  for (std::int64_t k = 0; k < 5; ++k) {
    EXPECT_LT((out.fixed.select(1, k) - plan.start_outputs[static_cast<std::size_t>(k)]).abs().max().item<double>(),
              1e-12);
  }
  EXPECT_EQ(out.dynamic.defined(), dynamic());
  if (!dynamic()) return;
  ASSERT_EQ(out.dynamic.sizes().vec(), (std::vector<std::int64_t>{kPlaces, kDays, 3}));
  for (std::int64_t k = 0; k < 3; ++k) {
    const double start = plan.start_outputs[static_cast<std::size_t>(k + 1)];
    EXPECT_LT((out.dynamic.select(2, k) - start).abs().max().item<double>(), 1e-12);
  }
}

TEST_P(EverySequenceNetwork, ScoringDrawsNothing) {
  const auto plain = dpl::make_sequence_network(plan);
  plan.config.dropout = 0.5;
  plan.config.replace_dynamic = 1;
  const auto network = dpl::make_sequence_network(plan);
  shake(*plain);
  shake(*network);
  const auto scored = network->forward(inputs_of(), {false, 3, 0}),
             expected = plain->forward(inputs_of(), {true, 3, 0}),
             trained = network->forward(inputs_of(), {true, 3, 0});
  EXPECT_TRUE(same_bits(scored.fixed, expected.fixed));
  EXPECT_FALSE(same_bits(scored.fixed, trained.fixed));
  if (dynamic()) {
    EXPECT_TRUE(same_bits(scored.dynamic, expected.dynamic));
  }
}

TEST_P(EverySequenceNetwork, DrawsBelongToPlacesAndUpdates) {
  plan.config.dropout = 0.5;
  plan.config.replace_dynamic = 0.5;
  const auto network = dpl::make_sequence_network(plan);
  shake(*network);
  const auto all = network->forward(inputs_of(), {true, 3, 0}), other = network->forward(inputs_of(), {true, 4, 0}),
             part = network->forward(inputs_of(5, 3), {true, 3, 0});
  EXPECT_LT(distance(all.fixed.narrow(0, 5, 3), part.fixed), 1e-13);
  EXPECT_GT(distance(all.fixed, other.fixed), 1e-3);
  if (dynamic()) {
    EXPECT_LT(distance(all.dynamic.narrow(0, 5, 3), part.dynamic), 1e-13);
  }
}

TEST_P(EverySequenceNetwork, WeightsAreNamedByGroupAndDrawnFromTheSeed) {
  const auto first = dpl::make_sequence_network(plan), second = dpl::make_sequence_network(plan);
  plan.seed = 43;
  const auto other = dpl::make_sequence_network(plan);
  std::map<std::string, int> groups;
  bool differs = false;
  for (std::size_t k = 0; k < first->weights().size(); ++k) {
    const auto& [name, tensor] = first->weights()[k];
    ++groups[name.substr(0, name.find('.'))];
    EXPECT_TRUE(same_bits(tensor, second->weights()[k].tensor)) << name;
    differs = differs || !same_bits(tensor, other->weights()[k].tensor);
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(groups.contains("static"), GetParam() != "lstm");
  EXPECT_EQ(groups.contains("dynamic"), dynamic());
  EXPECT_EQ(groups.size(), GetParam() == "two_headed" ? 2u : 1u);
  EXPECT_EQ(first->reads_history(), dynamic());
}

TEST_P(EverySequenceNetwork, RefusesInputsThatDoNotFit) {
  plan.config.dropout = 0.5;
  const auto network = dpl::make_sequence_network(plan);
  auto inputs = inputs_of();
  inputs.attributes = normal({kPlaces, kAttributes + 1}, 1);
  EXPECT_NE(dpl::message_of([&] { network->forward(inputs, {}); }).find("5 attributes"), std::string::npos);
  inputs = inputs_of();
  inputs.place_keys.pop_back();
  EXPECT_NE(dpl::message_of([&] { network->forward(inputs, {true, 0, 0}); }).find("8 keys"), std::string::npos);
  if (!dynamic()) return;
  inputs = inputs_of();
  inputs.history = at::Tensor();
  EXPECT_NE(dpl::message_of([&] { network->forward(inputs, {}); }).find("history of 0 channels"), std::string::npos);
  inputs.history = normal({kPlaces - 1, kDays, kChannels}, 2);
  EXPECT_NE(dpl::message_of([&] { network->forward(inputs, {}); }).find("history of 8"), std::string::npos);
}

// transfer has no hidden units and draws nothing: learning_transfer_network_test.cpp.
INSTANTIATE_TEST_SUITE_P(Learning, EverySequenceNetwork, testing::Values("mlp", "kan", "lstm", "two_headed"),
                         [](const auto& which) { return which.param; });

class DynamicNetwork : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { dpl::prepare_torch(1); }
};

TEST_P(DynamicNetwork, ReplacementKeepsTheStaticValueOfAParameterInAShareOfPlaces) {
  constexpr std::int64_t kMany = 400;
  auto plan = plan_of(GetParam());
  plan.config.replace_dynamic = 0.3;
  const auto network = dpl::make_sequence_network(plan);
  shake(*network);
  dpl::SequenceInputs inputs{normal({kMany, kAttributes}, 1), normal({kMany, 2, kChannels}, 2), {}};
  for (std::uint64_t place = 0; place < kMany; ++place) inputs.place_keys.push_back(place);
  const auto out = network->forward(inputs, {true, 5, 0});
  int replaced[2] = {0, 0}, both = 0;
  for (std::int64_t place = 0; place < kMany; ++place) {
    const auto still = [&](std::int64_t k) {
      return (out.dynamic[place].select(1, k) == out.fixed[place][k + 1]).all().item<bool>();
    };
    EXPECT_EQ(still(1), still(2)) << "components of a parameter are replaced together";
    replaced[0] += still(0);
    replaced[1] += still(1);
    both += still(0) && still(1);
  }
  for (const int count : replaced) EXPECT_NEAR(count, 0.3 * kMany, 4 * std::sqrt(0.21 * kMany));
  EXPECT_NEAR(both, 0.09 * kMany, 4 * std::sqrt(0.09 * 0.91 * kMany)) << "parameters are replaced independently";
}

TEST_P(DynamicNetwork, StaticOutputsOfAnLstmAreThoseOfTheLastDay) {
  auto plan = plan_of(GetParam());
  const auto network = dpl::make_sequence_network(plan);
  shake(*network);
  const auto out = network->forward(inputs_of(), {});
  const at::Tensor last = out.dynamic.select(1, kDays - 1), fixed = out.fixed.narrow(1, 1, 3);
  if (GetParam() == "lstm") {
    EXPECT_LT(distance(last, fixed), 1e-13);
  } else {
    EXPECT_GT(distance(last, fixed), 1e-2);
  }
}

TEST_P(DynamicNetwork, DaysBeforeTheFirstWithGradientGiveNone) {
  const auto network = dpl::make_sequence_network(plan_of(GetParam()));
  shake(*network);
  std::vector<at::Tensor> leaves;
  for (const auto& weight : network->weights()) leaves.push_back(weight.tensor);
  const auto out = network->forward(inputs_of(), {true, 0, 5}), whole = network->forward(inputs_of(), {});
  EXPECT_LT(distance(out.dynamic, whole.dynamic), 1e-13);
  const auto part = [&](const at::Tensor& dynamic, std::int64_t first, std::int64_t count) {
    std::vector<at::Tensor> gradients =
        torch::autograd::grad({dynamic.narrow(1, first, count).sum()}, leaves, {}, true, false, /*allow_unused=*/true);
    double largest = 0;
    for (std::size_t k = 0; k < leaves.size(); ++k) {
      const bool lstm = network->weights()[k].name.starts_with("dynamic.");
      if (lstm && gradients[k].defined()) largest = std::max(largest, gradients[k].abs().max().item<double>());
    }
    return largest;
  };
  EXPECT_EQ(part(out.dynamic, 0, 5), 0.0);
  EXPECT_GT(part(whole.dynamic, 0, 5), 0.0);
  EXPECT_GT(part(out.dynamic, 5, kDays - 5), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Learning, DynamicNetwork, testing::Values("lstm", "two_headed"),
                         [](const auto& which) { return which.param; });

TEST(SequenceNetwork, TwoHeadedStartsWithItsStaticValuesEveryDay) {
  const auto out = dpl::make_sequence_network(plan_of("two_headed"))->forward(inputs_of(), {});
  EXPECT_TRUE(same_bits(out.dynamic, out.fixed.narrow(1, 1, 3).unsqueeze(1).expand({kPlaces, kDays, 3})));
}

TEST(SequenceNetwork, LstmMayGiveStaticOutputsOnly) {
  auto plan = plan_of("lstm");
  plan.dynamic.clear();
  const auto network = dpl::make_sequence_network(plan);
  const auto out = network->forward(inputs_of(), {});
  EXPECT_FALSE(out.dynamic.defined());
  EXPECT_EQ(out.fixed.sizes().vec(), (std::vector<std::int64_t>{kPlaces, 5}));
}

TEST(SequenceNetwork, RefusesPlansThatCannotBe) {
  const auto message = [](auto change) {
    auto plan = plan_of("two_headed");
    change(plan);
    return dpl::message_of([&] { dpl::make_sequence_network(plan); });
  };
  using Plan = dpl::SequencePlan;
  EXPECT_NE(message([](Plan& p) { p.config.kind = "gru"; }).find("mlp, kan, transfer, lstm, two_headed"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.config.kind = "mlp"; }).find("use lstm or two_headed"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.dynamic.clear(); }).find("at least one dynamic"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.dynamic[0].output = 5; }).find("dynamic output 5"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.channels = 0; }).find("no channel"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.attributes = 0; }).find("attributes"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.start_outputs.clear(); }).find("no output"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.config.dropout = 1; }).find("network.dropout"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.config.lstm_size = 0; }).find("network.lstm_size"), std::string::npos);
}

TEST(ComponentStartOutputs, ScatterAroundTheStartsOfTheParameters) {
  const auto outputs = dpl::component_start_outputs({1.0, -2.0}, 500, 1.0, 7);
  ASSERT_EQ(outputs.size(), 1000u);
  for (int parameter = 0; parameter < 2; ++parameter) {
    double sum = 0, squares = 0;
    for (int k = 0; k < 500; ++k) {
      const double scatter = outputs[static_cast<std::size_t>(500 * parameter + k)] - (parameter == 0 ? 1.0 : -2.0);
      sum += scatter;
      squares += scatter * scatter;
    }
    EXPECT_NEAR(sum / 500, 0, 4 / std::sqrt(500.0));
    EXPECT_NEAR(squares / 500, 1, 4 * std::sqrt(2 / 500.0));
  }
  EXPECT_EQ(dpl::component_start_outputs({1.0, -2.0}, 3, 0.0, 7), (std::vector<double>{1, 1, 1, -2, -2, -2}));
  EXPECT_NE(outputs, dpl::component_start_outputs({1.0, -2.0}, 500, 1.0, 8));
  EXPECT_THROW(dpl::component_start_outputs({1.0}, 0, 1.0, 7), dpl::Error);
}

}  // namespace
