// The weights of a network as an ordered list of named leaf tensors, drawn from counter-based keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dpl/learning/parameter_network.hpp"

namespace dpl {

/// Collects the weights of a network under construction. Tensor number k of the list draws its elements from the key
/// (seed, network_weights, item first_item + k, draw = element in row-major order), in double, then rounded to the
/// precision, so that single and double networks start from the same numbers. All tensors are contiguous leaves that
/// require grad.
class WeightTensors {
 public:
  /// @param precision "double" | "single"; Error otherwise
  WeightTensors(const std::string& precision, std::uint64_t seed, std::uint64_t first_item = 0);

  /// Independent normal numbers with mean 0.
  at::Tensor add_normal(const std::string& name, const std::vector<std::int64_t>& shape, double deviation);
  at::Tensor add_constant(const std::string& name, const std::vector<std::int64_t>& shape, double value);
  /// One row of stated numbers.
  at::Tensor add_values(const std::string& name, const std::vector<double>& values);

  const std::vector<NamedTensor>& list() const { return list_; }
  /// `inputs` in the network's precision, contiguous and aligned to 64 bytes: library kernels may choose by alignment.
  at::Tensor prepare_inputs(const at::Tensor& inputs, std::int64_t columns) const;

 private:
  at::Tensor add(const std::string& name, const at::Tensor& values);
  at::ScalarType type_;
  std::uint64_t seed_, first_item_;
  std::vector<NamedTensor> list_;
};

/// Standard deviation sqrt(2 / (inputs + outputs)) of Glorot and Bengio 2010, eq. 16, as a normal distribution.
double xavier_deviation(std::int64_t inputs, std::int64_t outputs);

}  // namespace dpl
