// From raw network outputs to physical parameters inside their ranges.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// One learned parameter: theta = low + sigmoid(o) (high - low), or the same between log(low) and log(high).
struct LearnedParameter {
  std::string name;
  Range range;
  bool log_space = false;
  double start = 0;                    ///< theta where o equals start_output
  double start_output() const;         ///< the o that gives `start`; Error when start is not inside the range
  double from_output(double o) const;  ///< theta of an output, in double
};

/// The learned parameters in the order of network.learnable_parameters. Throws Error naming the key when one lacks a
/// range or a start value, or has an empty range or one that log space does not allow.
std::vector<LearnedParameter> learned_parameters(const RunConfig& config);

/// outputs [reach][parameter] -> theta [reach][parameter], differentiable, in the outputs' precision.
at::Tensor apply_ranges(const at::Tensor& outputs, const std::vector<LearnedParameter>& parameters);

}  // namespace dpl
