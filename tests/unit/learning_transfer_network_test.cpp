// Transfer functions: outputs by hand, gradient against central differences, names that are not known.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cmath>

#include "dpl/learning/transfer_network.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

SequencePlan plan_of() {
  SequencePlan plan;
  plan.config.kind = "transfer";
  plan.config.input_var_names = {"depth", "slope", "forest"};
  plan.config.transfer = {{"FC", {"forest", "depth"}}, {"K0", {"slope"}}};
  plan.output_names = {"BETA", "FC", "FC", "K0"};  // FC of two components
  plan.attributes = 3;
  plan.start_outputs = {0.5, -1, 1, 0.25};
  plan.precision = "double";
  return plan;
}

at::Tensor inputs_of(std::int64_t places) {
  at::Tensor x = at::empty({places, 3}, at::TensorOptions().dtype(at::kDouble));
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.mutable_data_ptr<double>()[i] = std::sin(1 + 1.7 * static_cast<double>(i));
  return x;
}

TEST(TransferNetwork, OutputsAreInterceptsAndTheNamedAttributesTimesTheirCoefficients) {
  const auto network = make_sequence_network(plan_of());
  ASSERT_EQ(network->weights().size(), 2U);
  ASSERT_EQ(network->weights()[0].name, "static.intercept");
  ASSERT_EQ(network->weights()[1].tensor.numel(), 5);  // FC 2 x 2, K0 1
  const at::Tensor inputs = inputs_of(2);
  const double* x = inputs.const_data_ptr<double>();
  double* c = network->weights()[1].tensor.detach().mutable_data_ptr<double>();
  for (int k = 0; k < 5; ++k) EXPECT_EQ(c[k], 0);  // the start is the same at all places
  for (int k = 0; k < 5; ++k) c[k] = 0.1 * (k + 1);
  const at::Tensor made = network->forward({inputs, {}, {}}, {}).fixed;
  ASSERT_EQ(made.sizes(), (std::vector<std::int64_t>{2, 4}));
  for (int place = 0; place < 2; ++place, x += 3) {
    const double* y = made.const_data_ptr<double>() + 4 * place;
    EXPECT_DOUBLE_EQ(y[0], 0.5);
    EXPECT_NEAR(y[1], -1 + 0.1 * x[2] + 0.2 * x[0], 1e-15);
    EXPECT_NEAR(y[2], 1 + 0.3 * x[2] + 0.4 * x[0], 1e-15);
    EXPECT_NEAR(y[3], 0.25 + 0.5 * x[1], 1e-15);
    const SequencePlan plan = plan_of();
    const auto again = transfer_outputs(transfer_predictors(plan.config, plan.output_names), {x, 3},
                                        std::vector<double>{0.5, -1, 0.1, 0.2, 1, 0.3, 0.4, 0.25, 0.5});
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(again[k], y[k], 1e-15);
  }
}

TEST(TransferNetwork, GradientEqualsCentralDifferences) {
  const auto network = make_sequence_network(plan_of());
  const SequenceInputs inputs{inputs_of(7), {}, {}};
  const auto value = [&] { return network->forward(inputs, {}).fixed.sigmoid().pow(2).sum(); };
  value().backward();
  for (const auto& [name, tensor] : network->weights()) {
    const at::Tensor gradient = tensor.grad().contiguous();
    EXPECT_GT(gradient.abs().max().item<double>(), 0.01) << name;
    double* weight = tensor.detach().mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      const double kept = weight[i], h = 1e-5;
      weight[i] = kept + h;
      const double above = value().item<double>();
      weight[i] = kept - h;
      const double below = value().item<double>();
      weight[i] = kept;
      EXPECT_NEAR(gradient.const_data_ptr<double>()[i], (above - below) / (2 * h), 1e-8) << name << " " << i;
    }
  }
}

TEST(TransferNetwork, NamesThatAreNotKnown) {
  const auto message = [](auto change) {
    SequencePlan plan = plan_of();
    change(plan);
    return message_of([&] { make_sequence_network(plan); });
  };
  auto text = message([](SequencePlan& p) { p.config.transfer["K1"] = {"slope"}; });
  EXPECT_NE(text.find("network.transfer names K1"), std::string::npos) << text;
  EXPECT_NE(text.find("allowed: BETA, FC, K0"), std::string::npos) << text;
  text = message([](SequencePlan& p) { p.config.transfer["K0"] = {"slop"}; });
  EXPECT_NE(text.find("network.transfer.K0 names slop"), std::string::npos) << text;
  EXPECT_NE(text.find("did you mean slope?"), std::string::npos) << text;
  text = message([](SequencePlan& p) { p.config.transfer.clear(); });
  EXPECT_NE(text.find("network.transfer is empty"), std::string::npos) << text;
  text = message([](SequencePlan& p) { p.config.dropout = 0.1; });
  EXPECT_NE(text.find("has no hidden units"), std::string::npos) << text;
  text = message([](SequencePlan& p) { p.dynamic = {{0, 0}}; });
  EXPECT_NE(text.find("gives no parameter by day"), std::string::npos) << text;
}

}  // namespace
}  // namespace dpl
