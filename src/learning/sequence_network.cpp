// Networks that give static and dynamic parameters of a block of places.
#include "dpl/learning/sequence_network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/where.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/library_lstm.hpp"
#include "dpl/learning/lstm.hpp"
#include "dpl/learning/lstm_kernels.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/learning/transfer_network.hpp"
#include "dpl/learning/weight_tensors.hpp"

namespace dpl {
namespace {

/// Layers of an LSTM draw their dropout apart from those of an mlp.
constexpr std::int64_t kLstmLayer = 1000;
/// Weights of an LSTM are drawn apart from those of an mlp.
constexpr std::uint64_t kFirstLstmItem = 1000;

/// 0 for units that are left out, 1 / (1 - dropout) for the others [places][width] (Srivastava et al. 2014, scaled in
/// training). The draw of a unit is its layer's and its own number.
at::Tensor dropout_factors(const SequencePlan& plan, const SequenceInputs& inputs, std::uint64_t update,
                           std::int64_t layer, std::int64_t width, at::ScalarType type) {
  const std::int64_t places = inputs.attributes.size(0);
  at::Tensor factors = at::empty({places, width}, at::TensorOptions().dtype(at::kDouble));
  double* factor = factors.mutable_data_ptr<double>();
  for (std::int64_t place = 0; place < places; ++place) {
    const RandomKey key{plan.seed, Purpose::network_dropout, update,
                        inputs.place_keys[static_cast<std::size_t>(place)]};
    for (std::int64_t unit = 0; unit < width; ++unit) {
      const auto draw = static_cast<std::uint32_t>(layer << 20 | unit);
      *factor++ = random_uniform(key, draw) < plan.config.dropout ? 0 : 1 / (1 - plan.config.dropout);
    }
  }
  return factors.to(type);
}

/// Whether a place's dynamic output keeps its static value in this update [places][dynamic outputs].
at::Tensor replaced_outputs(const SequencePlan& plan, const SequenceInputs& inputs, std::uint64_t update) {
  const std::int64_t places = inputs.attributes.size(0), outputs = static_cast<std::int64_t>(plan.dynamic.size());
  at::Tensor replaced = at::empty({places, outputs}, at::TensorOptions().dtype(at::kBool));
  bool* each = replaced.mutable_data_ptr<bool>();
  for (std::int64_t place = 0; place < places; ++place) {
    const RandomKey key{plan.seed, Purpose::dynamic_replacement, update,
                        inputs.place_keys[static_cast<std::size_t>(place)]};
    for (const DynamicOutput& dynamic : plan.dynamic) {
      *each++ = random_uniform(key, static_cast<std::uint32_t>(dynamic.parameter)) < plan.config.replace_dynamic;
    }
  }
  return replaced;
}

at::Tensor columns_of(const std::vector<DynamicOutput>& dynamic) {
  at::Tensor columns = at::empty({static_cast<std::int64_t>(dynamic.size())}, at::TensorOptions().dtype(at::kLong));
  for (std::size_t k = 0; k < dynamic.size(); ++k) columns.mutable_data_ptr<std::int64_t>()[k] = dynamic[k].output;
  return columns;
}

bool drops(const SequencePlan& plan, const SequencePass& pass) { return pass.training && plan.config.dropout > 0; }

HiddenFactors hidden_factors(const SequencePlan& plan, const SequenceInputs& inputs, const SequencePass& pass,
                             at::ScalarType type) {
  if (!drops(plan, pass)) return {};
  return [&plan, &inputs, update = pass.update, type](std::int64_t layer, std::int64_t width) {
    return dropout_factors(plan, inputs, update, layer, width, type);
  };
}

/// `kept` where an output of a place is not replaced, else `fixed`. [days][places][dynamic], fixed [places][dynamic]
at::Tensor replace(const SequencePlan& plan, const SequenceInputs& inputs, const SequencePass& pass,
                   const at::Tensor& dynamic, const at::Tensor& fixed) {
  if (!pass.training || !(plan.config.replace_dynamic > 0)) return dynamic;
  return at::where(placed(replaced_outputs(plan, inputs, pass.update)).unsqueeze(0), fixed.unsqueeze(0), dynamic);
}

/// The LSTM with its weights: attributes and history -> hidden units of every day.
class LstmLayer {
 public:
  LstmLayer(const SequencePlan& plan, WeightTensors& weights)
      : units_(plan.config.lstm_size),
        attributes_(plan.attributes),
        channels_(plan.channels),
        bf16_(plan.config.products == "bf16") {
    // As wide as the uniform numbers between -+1 / sqrt(units) that are usual.
    const double deviation = 1 / std::sqrt(3.0 * static_cast<double>(units_));
    attribute_weight_ = weights.add_normal("dynamic.lstm.attributes", {4 * units_, attributes_}, deviation);
    history_weight_ = weights.add_normal("dynamic.lstm.history", {4 * units_, channels_}, deviation);
    state_weight_ = weights.add_normal("dynamic.lstm.state", {4 * units_, units_}, deviation);
    // An open forget gate remembers from the first update on (Kratzert et al. 2019: bias 3).
    std::vector<double> bias(static_cast<std::size_t>(4 * units_), 0.0);
    std::fill(bias.begin() + units_, bias.begin() + 2 * units_, plan.config.forget_bias);
    bias_ = weights.add_values("dynamic.lstm.bias", bias);
  }

  LstmOutputs operator()(const SequenceInputs& inputs, const SequencePass& pass) {
    check(inputs);
    const auto type = state_weight_.scalar_type();
    if (networks_on_gpu())
      return apply_library_lstm({placed(inputs.history.to(type)), placed(inputs.attributes.to(type)), placed(attribute_weight_),
                                 placed(bias_), placed(history_weight_), placed(state_weight_), pass.gradient_from, bf16_});
    const at::Tensor gates = at::linear(inputs.attributes.to(type).contiguous(), attribute_weight_, bias_);
    return apply_lstm({inputs.history.to(type), gates, history_weight_, state_weight_, pass.gradient_from, bf16_},
                      memory_);
  }

  std::int64_t units() const { return units_; }

 private:
  void check(const SequenceInputs& inputs) const {
    if (!inputs.history.defined() || inputs.history.dim() != 3 || inputs.history.size(2) != channels_) {
      fail("parameter network: a history of {} channels a day was given, the network was built for {}",
           inputs.history.defined() && inputs.history.dim() == 3 ? inputs.history.size(2) : 0, channels_);
    }
    if (inputs.history.size(0) != inputs.attributes.size(0)) {
      fail("parameter network: attributes of {} places and the history of {} were given", inputs.attributes.size(0),
           inputs.history.size(0));
    }
  }

  std::int64_t units_, attributes_, channels_;
  bool bf16_;
  at::Tensor attribute_weight_, history_weight_, state_weight_, bias_;
  TapeMemory memory_;
};

/// hidden [days][places][units] -> outputs [days][places][outputs], without gradient before a day.
at::Tensor head(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& bias,
                std::int64_t gradient_from) {
  const std::int64_t days = hidden.size(0), places = hidden.size(1), units = hidden.size(2);
  const auto part = [&](std::int64_t first, std::int64_t count) {
    const at::Tensor rows = hidden.narrow(0, first, count).reshape({count * places, units});
    return at::linear(rows, weight, bias).view({count, places, weight.size(0)});
  };
  if (gradient_from == 0) return part(0, days);
  at::Tensor before;
  {
    const at::NoGradGuard none;
    before = part(0, gradient_from);
  }
  return at::cat({before, part(gradient_from, days - gradient_from)}, 0);
}

at::Tensor dropped(const at::Tensor& hidden, const HiddenFactors& factors) {
  return factors ? hidden * placed(factors(kLstmLayer, hidden.size(-1))) : hidden;
}

/// mlp, kan: static outputs from attributes.
class AttributeNetwork final : public SequenceNetwork {
 public:
  explicit AttributeNetwork(const SequencePlan& plan)
      : plan_(plan),
        network_(make_parameter_network(plan.config, plan.attributes, plan.start_outputs, plan.precision, plan.seed)) {
    for (const NamedTensor& weight : network_->weights()) weights_.push_back({"static." + weight.name, weight.tensor});
  }

  SequenceOutputs forward(const SequenceInputs& inputs, const SequencePass& pass) override {
    const auto type = weights_.front().tensor.scalar_type();
    return {network_->forward(inputs.attributes, hidden_factors(plan_, inputs, pass, type)), at::Tensor()};
  }
  const std::vector<NamedTensor>& weights() const override { return weights_; }
  bool reads_history() const override { return false; }

 private:
  SequencePlan plan_;
  std::unique_ptr<ParameterNetwork> network_;
  std::vector<NamedTensor> weights_;
};

/// lstm: one LSTM and one last layer for all outputs.
class LstmNetwork final : public SequenceNetwork {
 public:
  explicit LstmNetwork(const SequencePlan& plan)
      : plan_(plan), weights_(plan.precision, plan.seed, kFirstLstmItem), lstm_(plan, weights_) {
    const auto outputs = static_cast<std::int64_t>(plan.start_outputs.size());
    const double deviation = plan.config.output_gain * xavier_deviation(lstm_.units(), outputs);
    output_weight_ = weights_.add_normal("dynamic.output.weight", {outputs, lstm_.units()}, deviation);
    output_bias_ = weights_.add_values("dynamic.output.bias", plan.start_outputs);
    columns_ = columns_of(plan.dynamic);
  }

  SequenceOutputs forward(const SequenceInputs& inputs, const SequencePass& pass) override {
    const HiddenFactors factors = hidden_factors(plan_, inputs, pass, output_weight_.scalar_type());
    const LstmOutputs hidden = lstm_(inputs, pass);
    // Of a past that is only looked at, all days speak; of the window itself the last one, which has seen them all.
    const at::Tensor seen = plan_.config.history_days > 0 ? hidden.every.mean(0) : hidden.last;
    const at::Tensor fixed = at::linear(dropped(seen, factors), placed(output_weight_), placed(output_bias_));
    if (plan_.dynamic.empty()) return {fixed, at::Tensor()};
    const at::Tensor dynamic = head(dropped(hidden.every, factors), placed(at::index_select(output_weight_, 0, columns_)),
                                    placed(at::index_select(output_bias_, 0, columns_)), pass.gradient_from);
    const at::Tensor still = at::index_select(fixed, 1, placed(columns_));
    return {fixed, replace(plan_, inputs, pass, dynamic, still).transpose(0, 1)};
  }
  const std::vector<NamedTensor>& weights() const override { return weights_.list(); }
  bool reads_history() const override { return true; }

 private:
  SequencePlan plan_;
  WeightTensors weights_;
  LstmLayer lstm_;
  at::Tensor output_weight_, output_bias_, columns_;
};

/// two_headed: an mlp for the static outputs, an LSTM for offsets to them.
class TwoHeadedNetwork final : public SequenceNetwork {
 public:
  explicit TwoHeadedNetwork(const SequencePlan& plan)
      : plan_(plan),
        fixed_(mlp_plan(plan)),
        own_(plan.precision, plan.seed, kFirstLstmItem),
        lstm_(plan, own_),
        columns_(columns_of(plan.dynamic)) {
    const auto outputs = static_cast<std::int64_t>(plan.dynamic.size());
    offset_weight_ = own_.add_constant("dynamic.offset.weight", {outputs, lstm_.units()}, 0);
    offset_bias_ = own_.add_constant("dynamic.offset.bias", {outputs}, 0);
    weights_ = fixed_.weights();
    weights_.insert(weights_.end(), own_.list().begin(), own_.list().end());
  }

  SequenceOutputs forward(const SequenceInputs& inputs, const SequencePass& pass) override {
    const HiddenFactors factors = hidden_factors(plan_, inputs, pass, offset_weight_.scalar_type());
    const at::Tensor fixed = fixed_.forward(inputs, pass).fixed;
    const at::Tensor still = at::index_select(fixed, 1, placed(columns_));
    const LstmOutputs hidden = lstm_(inputs, pass);
    const at::Tensor offsets = head(dropped(hidden.every, factors), placed(offset_weight_), placed(offset_bias_), pass.gradient_from);
    return {fixed, replace(plan_, inputs, pass, still.unsqueeze(0) + offsets, still).transpose(0, 1)};
  }
  const std::vector<NamedTensor>& weights() const override { return weights_; }
  bool reads_history() const override { return true; }

 private:
  static SequencePlan mlp_plan(SequencePlan plan) {
    plan.config.kind = "mlp";
    plan.dynamic.clear();
    return plan;
  }

  SequencePlan plan_;
  AttributeNetwork fixed_;
  WeightTensors own_;
  LstmLayer lstm_;
  at::Tensor offset_weight_, offset_bias_, columns_;
  std::vector<NamedTensor> weights_;
};

template <class Network>
std::unique_ptr<SequenceNetwork> make(const SequencePlan& plan) {
  return std::make_unique<Network>(plan);
}

enum class DynamicOutputs { none, may, must };

struct SequenceKind {
  const char* name;
  bool history;
  DynamicOutputs dynamic;
  std::unique_ptr<SequenceNetwork> (*make)(const SequencePlan&);
};

constexpr std::array<SequenceKind, 5> kKinds{{{"mlp", false, DynamicOutputs::none, make<AttributeNetwork>},
                                              {"kan", false, DynamicOutputs::none, make<AttributeNetwork>},
                                              {"transfer", false, DynamicOutputs::none, make_transfer_network},
                                              {"lstm", true, DynamicOutputs::may, make<LstmNetwork>},
                                              {"two_headed", true, DynamicOutputs::must, make<TwoHeadedNetwork>}}};

void check_plan(const SequencePlan& plan, const SequenceKind& kind) {
  if (kind.dynamic == DynamicOutputs::none && !plan.dynamic.empty()) {
    fail("network.kind: '{}' gives no parameter by day, and {} outputs are dynamic: use lstm or two_headed", kind.name,
         plan.dynamic.size());
  }
  if (kind.dynamic == DynamicOutputs::must && plan.dynamic.empty()) {
    fail("network.kind: '{}' needs at least one dynamic parameter: name one, or use mlp", kind.name);
  }
  const auto outputs = static_cast<std::int64_t>(plan.start_outputs.size());
  if (outputs == 0) fail("parameter network: there is no output, nothing could be learned");
  for (const DynamicOutput& dynamic : plan.dynamic) {
    if (dynamic.output < 0 || dynamic.output >= outputs) {
      fail("parameter network: dynamic output {} is not one of the {} outputs", dynamic.output, outputs);
    }
  }
  if (plan.attributes < 1) fail("parameter network: the list of attributes is empty, at least one is needed");
  if (kind.history && plan.channels < 1) {
    fail("network.kind: '{}' reads a history of forcing, and it has no channel", kind.name);
  }
  if (kind.history && plan.config.lstm_size < 1) {
    fail("network.lstm_size: {} is not allowed, at least 1 is needed", plan.config.lstm_size);
  }
  const std::string& products = plan.config.products;
  if (products != "single" && products != "tf32" && products != "bf16") {
    fail("network.products: '{}' is not known; allowed: single, tf32, bf16", products);
  }
  if (products == "tf32" && !networks_on_gpu()) {
    fail("network.products: tf32 is for GPUs, and this network computes on the processor: use single or device: cuda");
  }
  if (kind.history && plan.config.products == "bf16") {
    if (plan.precision == "double") fail("network.products: bf16 needs precision single, and precision is double");
    if (!networks_on_gpu()) lstm_kernels<LstmBf16>();  // its message, at once
  }
  if (!(plan.config.dropout >= 0 && plan.config.dropout < 1)) {
    fail("network.dropout: {} is not allowed, it must be from 0 to below 1", plan.config.dropout);
  }
}

/// Checks what every kind reads, then asks the network.
class CheckedNetwork final : public SequenceNetwork {
 public:
  CheckedNetwork(const SequencePlan& plan, std::unique_ptr<SequenceNetwork> network)
      : attributes_(plan.attributes),
        draws_(plan.config.dropout > 0 || plan.config.replace_dynamic > 0),
        network_(std::move(network)) {}

  SequenceOutputs forward(const SequenceInputs& inputs, const SequencePass& pass) override {
    const at::Tensor& given = inputs.attributes;
    if (!given.defined() || given.dim() != 2 || given.size(1) != attributes_) {
      fail("parameter network: {} attributes a place were given, the network was built for {}",
           given.defined() && given.dim() == 2 ? given.size(1) : 0, attributes_);
    }
    if (pass.training && draws_ && inputs.place_keys.size() != static_cast<std::size_t>(given.size(0))) {
      fail("parameter network: {} keys of random draws were given for {} places", inputs.place_keys.size(),
           given.size(0));
    }
    const SequenceOutputs made = network_->forward(inputs, pass);
    return {to_host(made.fixed), made.dynamic};
  }
  const std::vector<NamedTensor>& weights() const override { return network_->weights(); }
  bool reads_history() const override { return network_->reads_history(); }

 private:
  std::int64_t attributes_;
  bool draws_;
  std::unique_ptr<SequenceNetwork> network_;
};

}  // namespace

std::vector<std::string> sequence_network_kinds() {
  std::vector<std::string> names;
  for (const SequenceKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

std::unique_ptr<SequenceNetwork> make_sequence_network(const SequencePlan& plan) {
  for (const SequenceKind& kind : kKinds) {
    if (plan.config.kind != kind.name) continue;
    check_plan(plan, kind);
    return std::make_unique<CheckedNetwork>(plan, kind.make(plan));
  }
  fail("network.kind: '{}' is not known; allowed: {}", plan.config.kind, fmt::join(sequence_network_kinds(), ", "));
}

std::vector<double> component_start_outputs(const std::vector<double>& parameter_starts, std::int64_t components,
                                            double spread, std::uint64_t seed) {
  if (components < 1) fail("components: {} is not allowed, at least 1 is needed", components);
  std::vector<double> outputs;
  for (std::size_t parameter = 0; parameter < parameter_starts.size(); ++parameter) {
    const RandomKey key{seed, Purpose::component_start, 0, parameter};
    for (std::int64_t component = 0; component < components; ++component) {
      outputs.push_back(parameter_starts[parameter] +
                        spread * random_normal(key, static_cast<std::uint32_t>(component)));
    }
  }
  return outputs;
}

}  // namespace dpl
