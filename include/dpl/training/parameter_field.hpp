// Parameters of the reaches in the block distribution: learned columns, constants for the rest.
#pragma once

#include <span>
#include <vector>

#include "dpl/learning/parameter_ranges.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// Puts learned parameters and constants together. Columns are n, p, q (muskingum: K [s], X, unused).
class ParameterField {
 public:
  /// `learned` may be empty: then all parameters are params.defaults (muskingum: of the network file or params.k, params.x).
  ParameterField(const Problem& problem, std::vector<LearnedParameter> learned);

  const std::vector<LearnedParameter>& learned() const { return learned_; }
  /// [block reaches][learned] -> [block reaches][kReachParameters]
  std::vector<double> complete(std::span<const double> learned_values) const;
  /// [block reaches][kReachParameters] -> [block reaches][learned]
  std::vector<double> learned_columns(std::span<const double> theta) const;
  /// Constants everywhere, each learned parameter at the given value.
  std::vector<double> uniform(std::span<const double> values) const;

 private:
  Index reaches_ = 0;
  std::vector<LearnedParameter> learned_;
  std::vector<int> column_;          // of each learned parameter
  std::vector<double> constants_;    // [block reaches][kReachParameters]
};

}  // namespace dpl
