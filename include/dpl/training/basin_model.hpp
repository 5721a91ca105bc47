// The parameter network and the runoff model of a rank's places as one function of the weights, with its gradient.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dpl/learning/sequence_network.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {

/// How windows are run.
struct BasinPass {
  bool gradient = false;              ///< backward() follows
  bool training = false;              ///< dropout and random replacement act
  Count update = 0;                   ///< number of their draws
  std::vector<RunoffOutput> further;  ///< series wanted beside the targets
};

/// Weights are the same on all ranks. The windows of a block of places go through the network together, so that its
/// bits do not depend on the ranks; all windows of a rank go through the runoff model together.
class BasinModel {
 public:
  virtual ~BasinModel() = default;
  virtual SequenceNetwork& network() = 0;
  virtual const BasinParameters& parameters() const = 0;

  /// **Local.** Series of the windows, whose places ascend.
  virtual BasinOutputs forward(const BasinWindows& windows, const BasinPass& pass) = 0;

  /// **Collective**, after forward with a gradient: derivatives by every weight tensor, added exactly over blocks and
  /// ranks, of what has the given derivatives by the series of forward (an empty one: 0).
  virtual std::vector<std::vector<double>> backward(std::span<const double> streamflow,
                                                    std::span<const double> soil_moisture) = 0;

  /// **Local.** Physical static parameters of own places [place][output], order of BasinParameters; dynamic ones as
  /// they are at the end of `windows`.
  virtual std::vector<double> static_parameters(const BasinWindows& windows) = 0;
};

/// Problem and series must outlive the model. Throws Error for a network that cannot give the configured parameters.
std::unique_ptr<BasinModel> make_basin_model(const BasinProblem& problem, const BasinSeries& series);

/// **Local.** All own places over `period` with the configured warm-up before it, block after block.
BasinOutputs simulate_period(BasinModel& model, const BasinProblem& problem, const Period& period,
                             const std::vector<RunoffOutput>& further);
/// The windows of that: one a place.
BasinWindows period_windows(const BasinProblem& problem, const Period& period, Index first, Index end);
/// Days run before a scored period.
Count evaluation_warmup(const RunConfig& config);

}  // namespace dpl
