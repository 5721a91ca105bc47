// Linear functions of a few attributes.
#include "dpl/learning/transfer_network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scatter.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/learning/weight_tensors.hpp"

namespace dpl {
namespace {

std::string suggestion(const std::string& wrong, const std::vector<std::string>& known) {
  const auto near = nearest_name(wrong, known);
  return near.empty() ? "" : fmt::format("did you mean {}? ", near);
}

class TransferNetwork final : public SequenceNetwork {
 public:
  explicit TransferNetwork(const SequencePlan& plan) : weights_(plan.precision, plan.seed), columns_(plan.attributes) {
    const auto predictors = transfer_predictors(plan.config, plan.output_names);
    if (plan.config.dropout > 0)
      fail("network.dropout: {} is not allowed with network.kind transfer, which has no hidden units; use 0",
           plan.config.dropout);
    std::vector<std::int64_t> places;  // of the coefficients in the matrix [output][attribute]
    for (std::size_t output = 0; output < predictors.size(); ++output)
      for (const Index column : predictors[output])
        places.push_back(static_cast<std::int64_t>(output) * columns_ + column);
    outputs_ = static_cast<std::int64_t>(predictors.size());
    place_ = at::empty({static_cast<std::int64_t>(places.size())}, at::TensorOptions().dtype(at::kLong));
    std::copy(places.begin(), places.end(), place_.mutable_data_ptr<std::int64_t>());
    intercept_ = weights_.add_values("static.intercept", plan.start_outputs);
    coefficient_ = weights_.add_constant("static.coefficient", {place_.numel()}, 0);
  }

  SequenceOutputs forward(const SequenceInputs& inputs, const SequencePass&) override {
    const at::Tensor none = at::zeros({outputs_ * columns_}, coefficient_.options().requires_grad(false));
    const at::Tensor matrix = at::scatter(none, 0, place_, coefficient_).view({outputs_, columns_});
    return {at::linear(weights_.prepare_inputs(inputs.attributes, columns_), placed(matrix), placed(intercept_)), at::Tensor()};
  }
  const std::vector<NamedTensor>& weights() const override { return weights_.list(); }
  bool reads_history() const override { return false; }

 private:
  WeightTensors weights_;
  std::int64_t columns_, outputs_ = 0;
  at::Tensor place_, intercept_, coefficient_;
};

}  // namespace

std::vector<std::vector<Index>> transfer_predictors(const NetworkConfig& config,
                                                    const std::vector<std::string>& output_names) {
  if (config.transfer.empty())
    fail(
        "config: network.transfer is empty; name the attributes that parameters depend on, for example "
        "network.transfer: {{FC: [soil_depth, soil_porosity]}}");
  std::vector<std::string> names;  // without repetition
  for (const auto& name : output_names)
    if (names.empty() || names.back() != name) names.push_back(name);
  const auto& attributes = config.input_var_names;
  for (const auto& [name, predictors] : config.transfer) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      fail("config: network.transfer names {}, which is no parameter of the model; {}allowed: {}", name,
           suggestion(name, names), fmt::join(names, ", "));
    for (const auto& predictor : predictors)
      if (std::find(attributes.begin(), attributes.end(), predictor) == attributes.end())
        fail("config: network.transfer.{} names {}, which is not in network.input_var_names; {}allowed: {}", name,
             predictor, suggestion(predictor, attributes), fmt::join(attributes, ", "));
  }
  std::vector<std::vector<Index>> all;
  for (const auto& name : output_names) {
    auto& columns = all.emplace_back();
    const auto found = config.transfer.find(name);
    if (found == config.transfer.end()) continue;
    for (const auto& predictor : found->second)
      columns.push_back(
          static_cast<Index>(std::find(attributes.begin(), attributes.end(), predictor) - attributes.begin()));
  }
  return all;
}

std::vector<double> transfer_outputs(const std::vector<std::vector<Index>>& predictors,
                                     std::span<const double> attributes, std::span<const double> coefficients) {
  std::vector<double> outputs;
  auto coefficient = coefficients.begin();
  for (const auto& columns : predictors) {
    double sum = *coefficient++;
    for (const Index column : columns) sum += *coefficient++ * attributes[static_cast<std::size_t>(column)];
    outputs.push_back(sum);
  }
  return outputs;
}

std::unique_ptr<SequenceNetwork> make_transfer_network(const SequencePlan& plan) {
  return std::make_unique<TransferNetwork>(plan);
}

}  // namespace dpl
