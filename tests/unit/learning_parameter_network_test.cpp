// Networks and ranges together: start values, finite differences, bits that depend on keys and shapes alone.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/learning/parameter_ranges.hpp"
#include "dpl/learning/spline_basis.hpp"

namespace {

constexpr std::int64_t kReaches = 23, kAttributes = 4;

at::Tensor normal_tensor(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  at::Tensor tensor = at::empty({rows, columns}, at::TensorOptions().dtype(at::kDouble));
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<double>()[i] =
        dpl::random_normal({seed, dpl::Purpose::test, 0, static_cast<std::uint64_t>(i)});
  }
  return tensor;
}

dpl::NetworkConfig small_network(const std::string& kind) {
  dpl::NetworkConfig config;
  config.kind = kind;
  config.hidden_size = 6;
  config.num_hidden_layers = 2;
  config.grid = 5;
  config.spline_order = 3;
  return config;
}

std::vector<double> start_outputs(const std::vector<dpl::LearnedParameter>& parameters) {
  std::vector<double> outputs;
  for (const auto& parameter : parameters) outputs.push_back(parameter.start_output());
  return outputs;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

/// n, p (log space) and q with their default ranges and starts.
std::vector<dpl::LearnedParameter> default_parameters() {
  const dpl::RunConfig config;
  return dpl::learned_parameters(config);
}

class EveryNetwork : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { dpl::prepare_torch(1); }
  std::vector<dpl::LearnedParameter> parameters = default_parameters();
  at::Tensor inputs = normal_tensor(kReaches, kAttributes, 11);
  std::unique_ptr<dpl::ParameterNetwork> make(const dpl::NetworkConfig& config, const std::string& precision = "double",
                                              std::uint64_t seed = 42) const {
    return dpl::make_parameter_network(config, kAttributes, start_outputs(parameters), precision, seed);
  }
};

TEST_P(EveryNetwork, GradientThroughNetworkAndRangesEqualsCentralDifferences) {
  dpl::NetworkConfig config = small_network(GetParam());
  config.output_gain = 1;
  const auto network = make(config);
  const at::Tensor factors = normal_tensor(kReaches, 3, 12) / normal_tensor(1, 3, 13).exp();
  const auto value = [&] { return (dpl::apply_ranges(network->forward(inputs), parameters) * factors).sum(); };
  value().backward();
  for (const auto& [name, tensor] : network->weights()) {
    const at::Tensor gradient = tensor.grad().contiguous();
    const double scale = gradient.abs().max().item<double>();
    EXPECT_GT(scale, 0) << name;
    double* weight = tensor.detach().mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      const double kept = weight[i], h = 1e-5;
      weight[i] = kept + h;
      const double above = value().item<double>();
      weight[i] = kept - h;
      const double below = value().item<double>();
      weight[i] = kept;
      EXPECT_NEAR(gradient.const_data_ptr<double>()[i], (above - below) / (2 * h), 1e-6 * scale) << name << " " << i;
    }
  }
}

TEST_P(EveryNetwork, StartsAtTheStatedValues) {
  dpl::NetworkConfig config = small_network(GetParam());
  config.output_gain = 0;
  const at::Tensor exact = dpl::apply_ranges(make(config)->forward(inputs), parameters);
  config.output_gain = 0.1;
  const at::Tensor close = dpl::apply_ranges(make(config)->forward(inputs), parameters);
  const std::vector<double> start{0.05, 21, 0.5};
  for (std::int64_t reach = 0; reach < kReaches; ++reach) {
    for (std::int64_t k = 0; k < 3; ++k) {
      const double expected = start[static_cast<std::size_t>(k)];
      EXPECT_NEAR(exact[reach][k].item<double>(), expected, 1e-12 * expected);
      EXPECT_NEAR(close[reach][k].item<double>(), expected, 0.6 * expected);
    }
  }
  EXPECT_FALSE(same_bits(exact.contiguous(), close.contiguous()));
}

TEST_P(EveryNetwork, WeightsDependOnTheSeedAlone) {
  const auto config = small_network(GetParam());
  const auto first = make(config), second = make(config), other = make(config, "double", 43),
             single = make(config, "single");
  std::int64_t count = 0;
  for (std::size_t k = 0; k < first->weights().size(); ++k) {
    const auto& [name, tensor] = first->weights()[k];
    EXPECT_TRUE(same_bits(tensor, second->weights()[k].tensor)) << name;
    EXPECT_TRUE(same_bits(tensor.to(at::kFloat), single->weights()[k].tensor)) << name;
    const bool drawn =
        name != "output.bias" && tensor.detach().abs().max().item<double>() > 0 && !name.ends_with(".scale");
    EXPECT_EQ(same_bits(tensor, other->weights()[k].tensor), !drawn) << name;
    count += tensor.numel();
  }
  EXPECT_EQ(first->weight_count(), count);
}

TEST_P(EveryNetwork, SameInputsGiveTheSameBitsWhereverTheyLie) {
  const auto network = make(small_network(GetParam()), "single");
  const at::Tensor single = inputs.to(at::kFloat);
  const at::Tensor expected = network->forward(single);
  for (std::int64_t shift = 0; shift < 17; ++shift) {
    const at::Tensor room = at::empty({kReaches * kAttributes + 17}, single.options());
    at::Tensor moved = room.narrow(0, shift, kReaches * kAttributes).view({kReaches, kAttributes});
    moved.copy_(single);
    EXPECT_TRUE(same_bits(network->forward(moved), expected)) << "shift " << shift;
  }
}

TEST_P(EveryNetwork, RefusesOtherAttributeCounts) {
  const auto network = make(small_network(GetParam()));
  EXPECT_THROW(network->forward(normal_tensor(kReaches, kAttributes + 1, 1)), dpl::Error);
}

INSTANTIATE_TEST_SUITE_P(Learning, EveryNetwork, testing::ValuesIn(dpl::network_kinds()),
                         [](const auto& which) { return which.param; });

TEST(ParameterNetwork, UnknownKindListsTheKnownOnes) {
  auto config = small_network("lstm");
  try {
    dpl::make_parameter_network(config, 3, {0.0}, "double", 1);
    FAIL() << "nothing was thrown";
  } catch (const dpl::Error& error) {
    EXPECT_NE(std::string(error.what()).find("mlp, kan"), std::string::npos) << error.what();
  }
  EXPECT_THROW(dpl::make_parameter_network(small_network("mlp"), 3, {0.0}, "half", 1), dpl::Error);
}

TEST(SplineBasis, IsAPartitionOfUnityInsideAndZeroFarOutside) {
  constexpr std::int64_t kGrid = 5, kPoints = 201;
  at::Tensor inside = at::empty({kPoints}, at::TensorOptions().dtype(at::kDouble)), outside = inside.clone();
  for (const std::int64_t order : {1, 2, 3}) {
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const double share = static_cast<double>(i) / (kPoints - 1);
      inside.mutable_data_ptr<double>()[i] = -1 + 2 * share;
      const double beyond = 1.0001 + 2.0 * static_cast<double>(order) / kGrid + share;
      outside.mutable_data_ptr<double>()[i] = i % 2 == 0 ? beyond : -beyond;
    }
    const at::Tensor basis = dpl::spline_basis(inside, kGrid, order);
    ASSERT_EQ(basis.sizes().vec(), (std::vector<std::int64_t>{kPoints, kGrid + order}));
    EXPECT_LT((basis.sum(-1) - 1).abs().max().item<double>(), 1e-13) << "order " << order;
    EXPECT_GE(basis.min().item<double>(), -1e-15);
    EXPECT_EQ(dpl::spline_basis(outside, kGrid, order).abs().max().item<double>(), 0.0);
  }
}

TEST(SplineBasis, CubicValuesAtAKnot) {
  at::Tensor x = at::empty({1}, at::TensorOptions().dtype(at::kDouble));
  x.mutable_data_ptr<double>()[0] = 0;  // a knot of a grid of 4: values 1/6, 4/6, 1/6 of the three splines around it
  const at::Tensor basis = dpl::spline_basis(x, 4, 3);
  const std::vector<double> expected{0, 0, 1.0 / 6, 4.0 / 6, 1.0 / 6, 0, 0};
  for (std::int64_t k = 0; k < 7; ++k) {
    EXPECT_NEAR(basis[0][k].item<double>(), expected[static_cast<std::size_t>(k)], 1e-15) << k;
  }
}

TEST(ParameterRanges, StartOutputInvertsTheRange) {
  for (const auto& parameter : default_parameters()) {
    EXPECT_NEAR(parameter.from_output(parameter.start_output()), parameter.start, 1e-14 * parameter.start);
    EXPECT_NEAR(parameter.from_output(50), parameter.range.high, 1e-12 * parameter.range.high);
    EXPECT_NEAR(parameter.from_output(-50), parameter.range.low, 1e-12);
    EXPECT_EQ(parameter.log_space, parameter.name == "p");
  }
}

TEST(ParameterRanges, RefusesAStartOnTheBound) {
  dpl::RunConfig config;
  config.params.defaults["n"] = 0.25;  // no finite output gives it
  EXPECT_THROW(dpl::learned_parameters(config)[0].start_output(), dpl::Error);
}

TEST(ParameterRanges, RefusesZeroInLogSpace) {
  dpl::RunConfig config;
  config.params.ranges["p"] = {0, 200};
  EXPECT_THROW(dpl::learned_parameters(config), dpl::Error);
}

TEST(ParameterRanges, RefusesAnEmptyRange) {
  dpl::RunConfig config;
  config.params.ranges["q"] = {1, 0};
  EXPECT_THROW(dpl::learned_parameters(config), dpl::Error);
}

TEST(ParameterRanges, RefusesAParameterWithoutRangeOrStart) {
  dpl::RunConfig config;
  config.network.learnable_parameters = {"n", "k"};
  EXPECT_THROW(dpl::learned_parameters(config), dpl::Error);
  config.params.ranges["k"] = {0, 1};
  EXPECT_THROW(dpl::learned_parameters(config), dpl::Error);
}

TEST(ParameterRanges, TensorAndScalarFormsAgree) {
  const auto parameters = default_parameters();
  const at::Tensor outputs = normal_tensor(9, 3, 5) * 3;
  const at::Tensor theta = dpl::apply_ranges(outputs, parameters);
  for (std::int64_t i = 0; i < 9; ++i) {
    for (std::int64_t k = 0; k < 3; ++k) {
      const double expected = parameters[static_cast<std::size_t>(k)].from_output(outputs[i][k].item<double>());
      EXPECT_NEAR(theta[i][k].item<double>(), expected, 1e-13 * expected);
    }
  }
}

}  // namespace
