// What learned parameters must beat: lateral inflow summed without routing, the same with a constant delay, and one
// parameter set for all reaches.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "dpl/experiments/evaluation.hpp"
#include "dpl/learning/parameter_ranges.hpp"

namespace dpl {

/// **Collective:** lateral inflow summed over all reaches above each gauge, [gauge][inflow row], m3/s, added exactly.
std::vector<double> summed_lateral_inflow(const Problem& problem, const Period& period);

/// **Local:** means over intervals of a series that is constant within its rows, `delay_s` later. Before its first row the
/// series keeps its first value.
std::vector<double> delayed_means(std::span<const double> series, double row_s, double interval_s, Count intervals,
                                  double delay_s);

/// The delay of whole hours (0..max_delay_h) with the best Nash-Sutcliffe efficiency for one gauge.
struct BestDelay {
  double delay_h = 0;
  double nse = 0;
};
BestDelay best_delay(std::span<const double> series, double row_s, double interval_s, std::span<const double> observed,
                     Index max_delay_h);

/// Minimum of a function of parameter outputs by the simplex method of Nelder and Mead (1965), started from each of the
/// given points; deterministic.
struct SimplexResult {
  std::vector<double> point;
  double value = 0;
  Index evaluations = 0;
};
SimplexResult minimise_simplex(const std::function<double(std::span<const double>)>& function,
                               const std::vector<std::vector<double>>& starts, Index max_evaluations);

}  // namespace dpl
