// How well a surrogate tells the response to parameters, where the true one is known.
#pragma once

#include <span>
#include <string>

#include "dpl/experiments/surrogate_training.hpp"

namespace dpl {

/// Throws Error where surrogate.parameters are not those of HBV 1.1p with its ranges, then the unit hydrograph's.
void check_yardstick(const RunConfig& config);

/// Derivatives of each place's loss by its shares, of the surrogate and of HBV's adjoint (double precision). Ratio: the
/// slope of a line through the origin, surrogate against adjoint, over the places.
struct YardstickTable {
  std::string by_place = "at,place_id,parameter,surrogate,adjoint\n";
  std::string by_parameter = "at,parameter,correlation,ratio,same_sign,median_size,places\n";

  /// **Collective.** @param shares [own place][parameter]  @param at where: first, learned
  void add(const std::string& at, SurrogateModel& model, std::span<const double> shares, const Period& period,
           Count warmup);
};

}  // namespace dpl
