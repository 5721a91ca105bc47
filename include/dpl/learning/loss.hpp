// Losses between daily series at gauges and their derivatives (method section 4); plain C++, evaluated identically on
// every rank in ascending gauge order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

struct TrainConfig;

/// Simulated and observed values [gauge][time], m3/s; NaN observations are missing. A time with `scored` false is
/// left out for all gauges.
struct LossInput {
  Index gauges = 0;
  Count times = 0;
  std::span<const double> simulated;
  std::span<const double> observed;
  std::span<const std::uint8_t> scored;  ///< [time]
  std::span<const double> sigma;         ///< [gauge] observed standard deviation in the TRAINING period (nse_batch, nse_huber)
  double huber_threshold = 1;           ///< nse_huber: sigma + 0.1 of this many, from which errors count linearly
};

struct LossResult {
  double value = 0;
  std::vector<double> gradient;  ///< [gauge][time] d value / d simulated
  Count count = 0;               ///< observations used
};

/// rmse, rmse_log, nse_batch, nse_huber, kge, l1.
std::vector<std::string> loss_names();

/// Value and gradient of a loss. All but kge pool the observations of all gauges; kge is the mean
/// of 1 - KGE over the gauges with at least two observations (the others are left out, of `count` too). A NaN among the
/// simulated values that count makes the value NaN and throws nothing. Throws Error when the name is unknown (naming
/// all), when nothing can be scored, when nse_batch or nse_huber lacks a sigma.
LossResult evaluate_loss(const std::string& name, const LossInput& input);

/// experiment.loss of simulated means, held against observed ones, both [gauge][interval], all intervals scored. A mean
/// without an observation takes no part and may be NaN (an interval that is not complete).
LossResult loss_at_gauges(const TrainConfig& experiment, std::vector<double> means, std::span<const double> observed,
                          Count intervals, std::span<const double> sigma);

}  // namespace dpl
