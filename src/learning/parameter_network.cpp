// The multilayer perceptron and the Kolmogorov-Arnold network that give parameters from attributes.
#include "dpl/learning/parameter_network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "dpl/base/error.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/learning/spline_basis.hpp"
#include "dpl/learning/weight_tensors.hpp"

namespace dpl {
namespace {

/// What every network kind is built from.
struct Plan {
  NetworkConfig config;
  std::int64_t inputs;
  std::vector<double> start_outputs;
  std::string precision;
  std::uint64_t seed;
};

/// y = x weight^T + bias; weight [outputs][inputs].
struct LinearLayer {
  at::Tensor weight, bias;
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, placed(weight), placed(bias)); }
};

LinearLayer hidden_layer(WeightTensors& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs) {
  const at::Tensor weight = weights.add_normal(name + ".weight", {outputs, inputs}, xavier_deviation(inputs, outputs));
  return {weight, weights.add_constant(name + ".bias", {outputs}, 0)};
}

/// The last layer starts near the stated outputs: small weights, the outputs themselves as bias.
LinearLayer output_layer(WeightTensors& weights, const Plan& plan, std::int64_t inputs) {
  const std::int64_t outputs = static_cast<std::int64_t>(plan.start_outputs.size());
  const double deviation = plan.config.output_gain * xavier_deviation(inputs, outputs);
  const at::Tensor weight = weights.add_normal("output.weight", {outputs, inputs}, deviation);
  return {weight, weights.add_values("output.bias", plan.start_outputs)};
}

at::Tensor multiplied(const at::Tensor& hidden, const HiddenFactors& factors, std::size_t layer) {
  return factors ? hidden * placed(factors(static_cast<std::int64_t>(layer), hidden.size(1))) : hidden;
}

/// num_hidden_layers x (linear, tanh), then linear.
class Mlp final : public ParameterNetwork {
 public:
  explicit Mlp(const Plan& plan) : weights_(plan.precision, plan.seed), inputs_(plan.inputs) {
    std::int64_t width = plan.inputs;
    for (Index k = 0; k < plan.config.num_hidden_layers; ++k) {
      hidden_.push_back(hidden_layer(weights_, fmt::format("hidden.{}", k), width, plan.config.hidden_size));
      width = plan.config.hidden_size;
    }
    output_ = output_layer(weights_, plan, width);
  }

  at::Tensor forward(const at::Tensor& inputs, const HiddenFactors& factors) override {
    at::Tensor x = weights_.prepare_inputs(inputs, inputs_);
    for (std::size_t k = 0; k < hidden_.size(); ++k) x = multiplied(at::tanh(hidden_[k](x)), factors, k);
    return output_(x);
  }

  const std::vector<NamedTensor>& weights() const override { return weights_.list(); }

 private:
  WeightTensors weights_;
  std::int64_t inputs_;
  std::vector<LinearLayer> hidden_;
  LinearLayer output_;
};

/// y_j = sum_i [ a_ij SiLU(x_i) + b_ij sum_k c_ijk B_k(x_i) ] (method section 7; Liu et al. 2024, KAN).
struct KanLayer {
  at::Tensor base;          ///< a [outputs][inputs]
  at::Tensor scale;         ///< b [outputs][inputs]
  at::Tensor coefficients;  ///< c [outputs][inputs][grid + order]
  std::int64_t grid, order;

  at::Tensor operator()(const at::Tensor& x) const {
    const at::Tensor splines = spline_basis(x, grid, order).flatten(1);
    const at::Tensor factors = placed((scale.unsqueeze(-1) * coefficients).flatten(1));
    return at::linear(at::silu(x), placed(base)) + at::linear(splines, factors);
  }
};

/// a as in a linear layer, b = 1, c small so that the splines start as a slight perturbation of the SiLU branch.
KanLayer kan_layer(WeightTensors& weights, const std::string& name, const NetworkConfig& config) {
  constexpr double kStartRoughness = 0.1;
  const std::int64_t width = config.hidden_size, splines = config.grid + config.spline_order;
  const double deviation = xavier_deviation(width, width);
  KanLayer layer{{}, {}, {}, config.grid, config.spline_order};
  layer.base = weights.add_normal(name + ".base", {width, width}, deviation);
  layer.scale = weights.add_constant(name + ".scale", {width, width}, 1);
  layer.coefficients = weights.add_normal(name + ".coefficients", {width, width, splines}, kStartRoughness * deviation);
  return layer;
}

/// linear, num_hidden_layers x KAN layer, linear.
class Kan final : public ParameterNetwork {
 public:
  explicit Kan(const Plan& plan) : weights_(plan.precision, plan.seed), inputs_(plan.inputs) {
    input_ = hidden_layer(weights_, "input", plan.inputs, plan.config.hidden_size);
    for (Index k = 0; k < plan.config.num_hidden_layers; ++k) {
      hidden_.push_back(kan_layer(weights_, fmt::format("kan.{}", k), plan.config));
    }
    output_ = output_layer(weights_, plan, plan.config.hidden_size);
  }

  at::Tensor forward(const at::Tensor& inputs, const HiddenFactors& factors) override {
    at::Tensor x = input_(weights_.prepare_inputs(inputs, inputs_));
    for (std::size_t k = 0; k < hidden_.size(); ++k) x = multiplied(hidden_[k](x), factors, k);
    return output_(x);
  }

  const std::vector<NamedTensor>& weights() const override { return weights_.list(); }

 private:
  WeightTensors weights_;
  std::int64_t inputs_;
  LinearLayer input_;
  std::vector<KanLayer> hidden_;
  LinearLayer output_;
};

template <class Network>
std::unique_ptr<ParameterNetwork> make(const Plan& plan) {
  return std::make_unique<Network>(plan);
}

struct NetworkKind {
  const char* name;
  std::unique_ptr<ParameterNetwork> (*make)(const Plan&);
};

constexpr std::array<NetworkKind, 2> kKinds{{{"mlp", make<Mlp>}, {"kan", make<Kan>}}};

void check_plan(const Plan& plan) {
  if (plan.inputs < 1) fail("network.input_var_names: the list is empty, at least one attribute is needed");
  if (plan.start_outputs.empty()) fail("network.learnable_parameters: the list is empty, nothing could be learned");
  if (plan.config.hidden_size < 1)
    fail("network.hidden_size: {} is not allowed, at least 1 is needed", plan.config.hidden_size);
  if (plan.config.num_hidden_layers < 0) {
    fail("network.num_hidden_layers: {} is not allowed, at least 0 is needed", plan.config.num_hidden_layers);
  }
}

}  // namespace

at::Tensor ParameterNetwork::forward(const at::Tensor& inputs) { return to_host(forward(inputs, {})); }

std::int64_t ParameterNetwork::weight_count() const {
  std::int64_t count = 0;
  for (const NamedTensor& weight : weights()) count += weight.tensor.numel();
  return count;
}

std::vector<std::string> network_kinds() {
  std::vector<std::string> names;
  for (const NetworkKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

std::unique_ptr<ParameterNetwork> make_parameter_network(const NetworkConfig& config, std::int64_t inputs,
                                                         const std::vector<double>& start_outputs,
                                                         const std::string& precision, std::uint64_t seed) {
  const Plan plan{config, inputs, start_outputs, precision, seed};
  check_plan(plan);
  for (const NetworkKind& kind : kKinds) {
    if (config.kind == kind.name) return kind.make(plan);
  }
  if (config.kind == "lstm" || config.kind == "two_headed") {
    fail("network.kind: '{}' reads a history of forcing, which parameters of river routing have not; allowed: {}",
         config.kind, fmt::join(network_kinds(), ", "));
  }
  if (config.kind == "transfer")
    fail("network.kind: 'transfer' is for parameters of runoff; allowed for those of river routing: {}",
         fmt::join(network_kinds(), ", "));
  fail("network.kind: '{}' is not known; allowed: {}", config.kind, fmt::join(network_kinds(), ", "));
}

}  // namespace dpl
