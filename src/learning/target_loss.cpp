// Weighted sums of losses.
#include "dpl/learning/target_loss.hpp"

#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

bool has_observation(const LossInput& in) {
  for (std::size_t at = 0; at < in.observed.size(); ++at) {
    const std::size_t time = at % static_cast<std::size_t>(std::max<Count>(1, in.times));
    if (time < in.scored.size() && in.scored[time] != 0 && !std::isnan(in.observed[at])) return true;
  }
  return false;
}

}  // namespace

TargetLossResult evaluate_targets(const std::vector<LossTarget>& targets) {
  TargetLossResult result;
  bool any = false;
  for (const LossTarget& target : targets) {
    if (!(target.weight > 0) || !std::isfinite(target.weight)) {
      fail("target {}: weight {} is not allowed, it must be above 0 and finite", target.name, target.weight);
    }
    if (!has_observation(target.input)) {
      result.targets.push_back({0, std::vector<double>(target.input.simulated.size(), 0.0), 0});
      continue;
    }
    any = true;
    LossResult one;
    try {
      one = evaluate_loss(target.loss, target.input);
    } catch (const Error& error) {
      fail("target {}: {}", target.name, error.what());
    }
    result.value += target.weight * one.value;
    for (double& slope : one.gradient) slope *= target.weight;
    result.targets.push_back(std::move(one));
  }
  if (!any) {
    fail(
        "loss: no target has an observation on the scored times of this window: choose another period or a longer "
        "window (experiment.rho)");
  }
  return result;
}

}  // namespace dpl
