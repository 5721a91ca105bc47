// The network that stands in for a model without gradients: forcing day by day and parameters -> runoff.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "dpl/learning/lstm.hpp"
#include "dpl/learning/weight_tensors.hpp"

namespace dpl {

/// What a surrogate is made for.
struct SurrogatePlan {
  std::int64_t channels = 0;   ///< of the forcing
  std::int64_t constants = 0;  ///< parameters as shares of their ranges, then attributes where they are read
  std::int64_t hidden = 64;
  std::uint64_t seed = 0;
};

/// An LSTM whose gates get, every day alike, what a hidden layer makes of the constants:
///     e = tanh(W c + b)    a = A e + B c + d    q = softplus(w h_t + v)
/// Single precision. A row's results do not depend on the other rows' values; bits may on their number.
class SurrogateNetwork {
 public:
  explicit SurrogateNetwork(const SurrogatePlan& plan);
  /// @param history   [rows][days][channels], standardised; no gradient
  /// @param constants [rows][constants], with gradient where they have one
  /// Returns runoff [rows][days] mm/day.
  at::Tensor forward(const at::Tensor& history, const at::Tensor& constants, std::int64_t gradient_from);
  /// Leaves in a fixed order.
  const std::vector<NamedTensor>& weights() const { return weights_.list(); }

 private:
  SurrogatePlan plan_;
  WeightTensors weights_;
  at::Tensor hidden_weight_, hidden_bias_, embedded_gates_, constant_gates_, gate_bias_, history_weight_, state_weight_,
      output_weight_, output_bias_;
  TapeMemory memory_;
};

}  // namespace dpl
