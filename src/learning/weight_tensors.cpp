// Drawing and keeping the weights of parameter networks.
#include "dpl/learning/weight_tensors.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/network_place.hpp"

namespace dpl {
namespace {

at::ScalarType scalar_type(const std::string& precision) {
  if (precision == "single") return at::kFloat;
  if (precision == "double") return at::kDouble;
  fail("precision: '{}' is not known; allowed: single, double", precision);
}

at::Tensor from_values(const std::vector<double>& values, const std::vector<std::int64_t>& shape) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(at::kDouble));
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

std::size_t element_count(const std::vector<std::int64_t>& shape) {
  return static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

}  // namespace

double xavier_deviation(std::int64_t inputs, std::int64_t outputs) {
  return std::sqrt(2.0 / static_cast<double>(inputs + outputs));
}

WeightTensors::WeightTensors(const std::string& precision, std::uint64_t seed, std::uint64_t first_item)
    : type_(scalar_type(precision)), seed_(seed), first_item_(first_item) {}

at::Tensor WeightTensors::add(const std::string& name, const at::Tensor& values) {
  at::Tensor leaf = values.to(type_).contiguous();
  leaf.requires_grad_(true);
  list_.push_back({name, leaf});
  return leaf;
}

at::Tensor WeightTensors::add_normal(const std::string& name, const std::vector<std::int64_t>& shape,
                                     double deviation) {
  std::vector<double> values(element_count(shape));
  const RandomKey key{seed_, Purpose::network_weights, 0, first_item_ + list_.size()};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = deviation * random_normal(key, static_cast<std::uint32_t>(i));
  }
  return add(name, from_values(values, shape));
}

at::Tensor WeightTensors::add_constant(const std::string& name, const std::vector<std::int64_t>& shape, double value) {
  return add(name, from_values(std::vector<double>(element_count(shape), value), shape));
}

at::Tensor WeightTensors::add_values(const std::string& name, const std::vector<double>& values) {
  return add(name, from_values(values, {static_cast<std::int64_t>(values.size())}));
}

at::Tensor WeightTensors::prepare_inputs(const at::Tensor& inputs, std::int64_t columns) const {
  if (inputs.dim() != 2 || inputs.size(1) != columns) {
    fail("parameter network: {} attributes a reach were given, the network was built for {}",
         inputs.dim() == 2 ? inputs.size(1) : 0, columns);
  }
  at::Tensor prepared = placed(inputs.to(type_)).contiguous();
  const bool aligned = reinterpret_cast<std::uintptr_t>(prepared.const_data_ptr()) % 64 == 0;
  return aligned ? prepared : prepared.clone();
}

}  // namespace dpl
