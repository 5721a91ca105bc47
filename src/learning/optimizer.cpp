// Adam on plain arrays.
#include "dpl/learning/optimizer.hpp"

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
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

/// The numbers of one update that all elements share.
struct StepFactors {
  double beta1, beta2, epsilon, learning_rate, correction1, correction2;
};

template <class Real>
void update_elements(Real* weight, const std::vector<double>& gradient, std::vector<double>& first,
                     std::vector<double>& second, const StepFactors& f) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    first[i] = f.beta1 * first[i] + (1 - f.beta1) * gradient[i];
    second[i] = f.beta2 * second[i] + (1 - f.beta2) * gradient[i] * gradient[i];
    const double change = (first[i] / f.correction1) / (std::sqrt(second[i] / f.correction2) + f.epsilon);
    weight[i] = static_cast<Real>(static_cast<double>(weight[i]) - f.learning_rate * change);
  }
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

Adam::Adam(std::vector<NamedTensor> weights, Settings settings) : weights_(std::move(weights)), settings_(settings) {
  for (const NamedTensor& weight : weights_) {
    const auto type = weight.tensor.scalar_type();
    if (!weight.tensor.is_contiguous() || (type != at::kFloat && type != at::kDouble)) {
      fail("optimizer: weight '{}' must be a contiguous float or double tensor", weight.name);
    }
    first_moment_.emplace_back(static_cast<std::size_t>(weight.tensor.numel()), 0.0);
  }
  second_moment_ = first_moment_;
}

void Adam::step(const std::vector<std::vector<double>>& gradients, double learning_rate) {
  if (gradients.size() != weights_.size()) {
    fail("optimizer: {} gradients were given for {} weight tensors", gradients.size(), weights_.size());
  }
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    if (gradients[k].size() != first_moment_[k].size()) {
      fail("optimizer: {} gradients were given for the {} elements of '{}'", gradients[k].size(),
           first_moment_[k].size(), weights_[k].name);
    }
  }
  ++step_;
  const double steps = static_cast<double>(step_);
  const StepFactors factors{settings_.beta1,
                            settings_.beta2,
                            settings_.epsilon,
                            learning_rate,
                            1 - std::pow(settings_.beta1, steps),
                            1 - std::pow(settings_.beta2, steps)};
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    const at::Tensor weight = weights_[k].tensor.detach();
    if (weight.scalar_type() == at::kFloat) {
      update_elements(weight.mutable_data_ptr<float>(), gradients[k], first_moment_[k], second_moment_[k], factors);
    } else {
      update_elements(weight.mutable_data_ptr<double>(), gradients[k], first_moment_[k], second_moment_[k], factors);
    }
  }
}

std::vector<NamedTensor> Adam::state() const {
  std::vector<NamedTensor> state{{"adam.step", double_tensor({static_cast<double>(step_)}, {1})}};
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    const auto shape = weights_[k].tensor.sizes();
    state.push_back({"adam.m." + weights_[k].name, double_tensor(first_moment_[k], shape)});
    state.push_back({"adam.v." + weights_[k].name, double_tensor(second_moment_[k], shape)});
  }
  return state;
}

void Adam::restore(const std::vector<NamedTensor>& state) {
  check_same(this->state(), state);
  step_ = static_cast<Count>(state[0].tensor.const_data_ptr<double>()[0]);
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    copy_values(state[1 + 2 * k].tensor, first_moment_[k]);
    copy_values(state[2 + 2 * k].tensor, second_moment_[k]);
  }
}

}  // namespace dpl
