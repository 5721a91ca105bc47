// Sigmoid ranges of the learned parameters (method section 2.3) and the raw outputs that give their start values.
#include "dpl/learning/parameter_ranges.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

/// Bounds in the space in which the sigmoid interpolates.
Range working_range(const LearnedParameter& parameter) {
  if (!parameter.log_space) return parameter.range;
  return {std::log(parameter.range.low), std::log(parameter.range.high)};
}

void check_range(const LearnedParameter& parameter) {
  const auto [low, high] = parameter.range;
  if (!(low < high)) {
    fail("params.parameter_ranges.{}: [{}, {}] is empty, the first value must be the smaller", parameter.name, low,
         high);
  }
  if (parameter.log_space && !(low > 0)) {
    fail(
        "params.log_space_parameters: the range [{}, {}] of '{}' must be positive to be interpolated in log space: "
        "raise its lower bound or take it off the list",
        low, high, parameter.name);
  }
}

}  // namespace

double LearnedParameter::start_output() const {
  check_range(*this);
  if (!(start > range.low && start < range.high)) {
    fail("params.defaults.{}: {} is not inside params.parameter_ranges.{} = [{}, {}]: give a value between them", name,
         start, name, range.low, range.high);
  }
  const Range working = working_range(*this);
  const double value = log_space ? std::log(start) : start;
  return std::log((value - working.low) / (working.high - value));
}

double LearnedParameter::from_output(double o) const {
  const Range working = working_range(*this);
  const double value = working.low + (working.high - working.low) / (1 + std::exp(-o));
  return log_space ? std::exp(value) : value;
}

std::vector<LearnedParameter> learned_parameters(const RunConfig& config) {
  std::vector<LearnedParameter> parameters;
  for (const std::string& name : config.network.learnable_parameters) {
    const auto range = config.params.ranges.find(name);
    const auto start = config.params.defaults.find(name);
    if (range == config.params.ranges.end()) {
      fail("network.learnable_parameters: '{}' has no entry in params.parameter_ranges: add its [low, high]", name);
    }
    if (start == config.params.defaults.end()) {
      fail("network.learnable_parameters: '{}' has no entry in params.defaults: add the value to start from", name);
    }
    const auto& logs = config.params.log_space;
    LearnedParameter parameter{name, range->second, std::find(logs.begin(), logs.end(), name) != logs.end(),
                               start->second};
    check_range(parameter);
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

at::Tensor apply_ranges(const at::Tensor& outputs, const std::vector<LearnedParameter>& parameters) {
  if (outputs.dim() != 2 || outputs.size(1) != static_cast<std::int64_t>(parameters.size())) {
    fail("parameter ranges: the network gives {} outputs, {} learned parameters are configured",
         outputs.dim() == 2 ? outputs.size(1) : 0, parameters.size());
  }
  const at::Tensor share = at::sigmoid(outputs);
  std::vector<at::Tensor> columns;
  columns.reserve(parameters.size());
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const Range working = working_range(parameters[k]);
    const at::Tensor value = share.select(1, static_cast<std::int64_t>(k)) * (working.high - working.low) + working.low;
    columns.push_back(parameters[k].log_space ? at::exp(value) : value);
  }
  return at::stack(columns, 1);
}

}  // namespace dpl
