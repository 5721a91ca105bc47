// Adam, AdamW and Adadelta on plain arrays.
#include "dpl/learning/optimizer.hpp"

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

at::Tensor double_tensor(const std::vector<double>& values, at::IntArrayRef shape) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(at::kDouble));
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

void check_same(const NamedTensor& expected, const NamedTensor& found) {
  const bool same = expected.name == found.name && expected.tensor.sizes() == found.tensor.sizes() &&
                    expected.tensor.scalar_type() == found.tensor.scalar_type();
  if (!same) {
    fail("stored tensor '{}' {} {} does not fit '{}' {} {} of this network: use the configuration it was trained with",
         found.name, fmt::join(found.tensor.sizes(), "x"), at::toString(found.tensor.scalar_type()), expected.name,
         fmt::join(expected.tensor.sizes(), "x"), at::toString(expected.tensor.scalar_type()));
  }
}

void check_same(const std::vector<NamedTensor>& expected, const std::vector<NamedTensor>& found) {
  if (expected.size() != found.size()) {
    fail("{} stored tensors do not fit a network that needs {}: use the configuration it was trained with",
         found.size(), expected.size());
  }
  for (std::size_t k = 0; k < expected.size(); ++k) check_same(expected[k], found[k]);
}

void copy_values(const at::Tensor& tensor, std::vector<double>& values) {
  const at::Tensor source = tensor.contiguous();
  const double* data = source.const_data_ptr<double>();
  values.assign(data, data + source.numel());
}

void copy_elements(const at::Tensor& weight, std::vector<double>& values) {
  const at::Tensor exact = weight.detach().to(at::kDouble);
  copy_values(exact, values);
}

template <class Real>
void store_elements(const std::vector<double>& values, Real* weight) {
  for (std::size_t i = 0; i < values.size(); ++i) weight[i] = static_cast<Real>(values[i]);
}

}  // namespace

double clip_gradients(std::vector<std::vector<double>>& gradients, double max_norm) {
  double squares = 0;
  for (const auto& tensor : gradients) {
    for (const double value : tensor) squares += value * value;
  }
  const double norm = std::sqrt(squares);
  if (max_norm > 0 && norm > max_norm) {
    const double factor = max_norm / norm;
    for (auto& tensor : gradients) {
      for (double& value : tensor) value *= factor;
    }
  }
  return norm;
}

Optimizer::Optimizer(std::vector<NamedTensor> weights, std::string name, std::string first, std::string second)
    : weights_(std::move(weights)),
      name_(std::move(name)),
      first_name_(std::move(first)),
      second_name_(std::move(second)),
      shares_(weights_.size(), 1.0) {
  for (const NamedTensor& weight : weights_) {
    const auto type = weight.tensor.scalar_type();
    if (!weight.tensor.is_contiguous() || (type != at::kFloat && type != at::kDouble)) {
      fail("optimizer: weight '{}' must be a contiguous float or double tensor", weight.name);
    }
    first_.emplace_back(static_cast<std::size_t>(weight.tensor.numel()), 0.0);
  }
  second_ = first_;
}

void Optimizer::set_rate_shares(std::vector<double> shares) {
  if (shares.size() != weights_.size()) {
    fail("optimizer: {} rate shares were given for {} weight tensors", shares.size(), weights_.size());
  }
  shares_ = std::move(shares);
}

void Optimizer::step(const WeightArrays& gradients, double learning_rate) {
  if (gradients.size() != weights_.size()) {
    fail("optimizer: {} gradients were given for {} weight tensors", gradients.size(), weights_.size());
  }
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    if (gradients[k].size() != first_[k].size()) {
      fail("optimizer: {} gradients were given for the {} elements of '{}'", gradients[k].size(), first_[k].size(),
           weights_[k].name);
    }
  }
  ++step_;
  std::vector<double> values;
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    const at::Tensor weight = weights_[k].tensor.detach();
    copy_elements(weight, values);
    update(gradients[k], learning_rate * shares_[k], step_, values, first_[k], second_[k]);
    if (weight.scalar_type() == at::kFloat) {
      store_elements(values, weight.mutable_data_ptr<float>());
    } else {
      store_elements(values, weight.mutable_data_ptr<double>());
    }
  }
}

std::vector<NamedTensor> Optimizer::state() const {
  std::vector<NamedTensor> state{{name_ + ".step", double_tensor({static_cast<double>(step_)}, {1})}};
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    const auto shape = weights_[k].tensor.sizes();
    state.push_back({name_ + "." + first_name_ + "." + weights_[k].name, double_tensor(first_[k], shape)});
    state.push_back({name_ + "." + second_name_ + "." + weights_[k].name, double_tensor(second_[k], shape)});
  }
  return state;
}

void Optimizer::restore(const std::vector<NamedTensor>& state) {
  check_same(this->state(), state);
  step_ = static_cast<Count>(state[0].tensor.const_data_ptr<double>()[0]);
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    copy_values(state[1 + 2 * k].tensor, first_[k]);
    copy_values(state[2 + 2 * k].tensor, second_[k]);
  }
}

Adam::Adam(std::vector<NamedTensor> weights, Settings settings, std::string name)
    : Optimizer(std::move(weights), std::move(name), "m", "v"), settings_(settings) {}

Adam::Adam(std::vector<NamedTensor> weights, Settings settings) : Adam(std::move(weights), settings, "adam") {}

AdamW::AdamW(std::vector<NamedTensor> weights, Settings settings) : Adam(std::move(weights), settings, "adamw") {}

void Adam::update(const std::vector<double>& gradient, double rate, Count steps, std::vector<double>& weight,
                  std::vector<double>& first, std::vector<double>& second) const {
  const auto [beta1, beta2, epsilon, weight_decay] = settings_;
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(steps)),
               correction2 = 1 - std::pow(beta2, static_cast<double>(steps));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
    const double change = (first[i] / correction1) / (std::sqrt(second[i] / correction2) + epsilon);
    weight[i] -= rate * (change + weight_decay * weight[i]);
  }
}

Adadelta::Adadelta(std::vector<NamedTensor> weights, Settings settings)
    : Optimizer(std::move(weights), "adadelta", "squared_gradient", "squared_change"), settings_(settings) {}

void Adadelta::update(const std::vector<double>& gradient, double rate, Count /*steps*/, std::vector<double>& weight,
                      std::vector<double>& first, std::vector<double>& second) const {
  const auto [decay, epsilon] = settings_;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    first[i] = decay * first[i] + (1 - decay) * gradient[i] * gradient[i];
    const double change = -std::sqrt((second[i] + epsilon) / (first[i] + epsilon)) * gradient[i];
    second[i] = decay * second[i] + (1 - decay) * change * change;
    weight[i] += rate * change;
  }
}

namespace {

using Weights = std::vector<NamedTensor>;

struct NamedOptimizer {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(const TrainConfig&, Weights);
};

const std::array<NamedOptimizer, 3> kOptimizers{{
    {"adam", [](const TrainConfig&, Weights w) -> std::unique_ptr<Optimizer> {
       return std::make_unique<Adam>(std::move(w));
     }},
    {"adamw", [](const TrainConfig& c, Weights w) -> std::unique_ptr<Optimizer> {
       return std::make_unique<AdamW>(std::move(w), Adam::Settings{.weight_decay = c.weight_decay});
     }},
    {"adadelta", [](const TrainConfig&, Weights w) -> std::unique_ptr<Optimizer> {
       return std::make_unique<Adadelta>(std::move(w));
     }},
}};

}  // namespace

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const NamedOptimizer& optimizer : kOptimizers) names.emplace_back(optimizer.name);
  return names;
}

std::unique_ptr<Optimizer> make_optimizer(const TrainConfig& config, std::vector<NamedTensor> weights) {
  std::vector<double> shares;
  for (const NamedTensor& weight : weights) {
    shares.push_back(weight.name.starts_with("dynamic.") ? config.dynamic_rate : 1.0);
  }
  for (const NamedOptimizer& named : kOptimizers) {
    if (config.optimizer != named.name) continue;
    auto optimizer = named.make(config, std::move(weights));
    optimizer->set_rate_shares(std::move(shares));
    return optimizer;
  }
  fail("experiment.optimizer: '{}' is not known; allowed: {}", config.optimizer, fmt::join(optimizer_names(), ", "));
}

}  // namespace dpl
