// Weighted sums of losses over several observed quantities, each with its own series, mask and loss.
#pragma once

#include <string>
#include <vector>

#include "dpl/learning/loss.hpp"

namespace dpl {

/// One observed quantity: streamflow, soil moisture, ... Its times and places may differ from the others'.
struct LossTarget {
  std::string name;   ///< for messages
  std::string loss;   ///< loss.hpp
  double weight = 1;  ///< positive
  LossInput input;
};

struct TargetLossResult {
  double value = 0;                 ///< sum of weight x value over the targets that have observations
  std::vector<LossResult> targets;  ///< values unweighted, gradients weighted, of length [places x times]
};

/// value = sum of weight_k value_k. A target without an observation on its scored times adds nothing (its value 0,
/// count 0); Error when that holds for all, when a weight is not positive, and as evaluate_loss.
TargetLossResult evaluate_targets(const std::vector<LossTarget>& targets);

}  // namespace dpl
