// The surrogate's layers.
#include "dpl/learning/surrogate_network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/tanh.h>

#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kForgetBias = 3;  // an open gate remembers from the first update on (Kratzert et al. 2019)
constexpr std::uint64_t kFirstItem = 5000;  // weights are drawn apart from those of the parameter network

}  // namespace

SurrogateNetwork::SurrogateNetwork(const SurrogatePlan& plan) : plan_(plan), weights_("single", plan.seed, kFirstItem) {
  const std::int64_t h = plan.hidden, c = plan.constants;
  const double deviation = 1 / std::sqrt(3.0 * static_cast<double>(h));
  hidden_weight_ = weights_.add_normal("surrogate.hidden", {h, c}, xavier_deviation(c, h));
  hidden_bias_ = weights_.add_values("surrogate.hidden_bias", std::vector<double>(static_cast<std::size_t>(h), 0.0));
  embedded_gates_ = weights_.add_normal("surrogate.embedded", {4 * h, h}, deviation);
  constant_gates_ = weights_.add_normal("surrogate.constants", {4 * h, c}, deviation);
  std::vector<double> bias(static_cast<std::size_t>(4 * h), 0.0);
  std::fill(bias.begin() + h, bias.begin() + 2 * h, kForgetBias);
  gate_bias_ = weights_.add_values("surrogate.gate_bias", bias);
  history_weight_ = weights_.add_normal("surrogate.history", {4 * h, plan.channels}, deviation);
  state_weight_ = weights_.add_normal("surrogate.state", {4 * h, h}, deviation);
  output_weight_ = weights_.add_normal("surrogate.output", {1, h}, xavier_deviation(h, 1));
  output_bias_ = weights_.add_values("surrogate.output_bias", {0.0});
}

at::Tensor SurrogateNetwork::forward(const at::Tensor& history, const at::Tensor& constants,
                                     std::int64_t gradient_from) {
  if (history.dim() != 3 || history.size(2) != plan_.channels || constants.dim() != 2 ||
      constants.size(1) != plan_.constants || constants.size(0) != history.size(0))
    fail("surrogate: its inputs do not fit; it was built for {} channels a day and {} constants", plan_.channels,
         plan_.constants);
  // Parameters are shares between 0 and 1: about 0 for the layers.
  const at::Tensor centred = (constants * 2 - 1).contiguous();
  const at::Tensor embedded = at::tanh(at::linear(centred, hidden_weight_, hidden_bias_.flatten()));
  const at::Tensor gates =
      at::linear(embedded, embedded_gates_, gate_bias_.flatten()) + at::linear(centred, constant_gates_);
  const LstmOutputs made =
      apply_lstm({history, gates.contiguous(), history_weight_, state_weight_, gradient_from, false}, memory_);
  const at::Tensor out = at::linear(made.every, output_weight_, output_bias_.flatten());  // [days][rows][1]
  return at::softplus(out.squeeze(2).transpose(0, 1)).contiguous();
}

}  // namespace dpl
