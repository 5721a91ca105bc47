// The network that maps standardised attributes to raw outputs (one per learned parameter).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// Factors of the hidden units of layer `layer` [rows][width] in a training pass (dropout).
using HiddenFactors = std::function<at::Tensor(std::int64_t layer, std::int64_t width)>;

/// Interface of a parameter network. Weights are replicated on all ranks, drawn from counter-based keys, and lie in the
/// host's memory.
class ParameterNetwork {
 public:
  virtual ~ParameterNetwork() = default;
  /// inputs [reaches][attributes] -> outputs [reaches][parameters], autograd graph attached.
  at::Tensor forward(const at::Tensor& inputs);
  /// The same with hidden units multiplied; no factors where the function is empty. The outputs lie where the network
  /// computes (network_place.hpp); those of the other function in the host's memory.
  virtual at::Tensor forward(const at::Tensor& inputs, const HiddenFactors& factors) = 0;
  /// Leaves that require grad, in a fixed order.
  virtual const std::vector<NamedTensor>& weights() const = 0;
  std::int64_t weight_count() const;
};

std::vector<std::string> network_kinds();

/// @param start_outputs  bias of the last layer, so that parameters start at stated values (parameter_ranges.hpp)
/// @param dtype double or float: "double" | "single"
std::unique_ptr<ParameterNetwork> make_parameter_network(const NetworkConfig& config, std::int64_t inputs,
                                                         const std::vector<double>& start_outputs,
                                                         const std::string& precision, std::uint64_t seed);

}  // namespace dpl
