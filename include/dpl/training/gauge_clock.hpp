// How routed discharge is compared with observations: which means of which rows belong to which observed value.
#pragma once

#include <vector>

#include "dpl/data/observations.hpp"
#include "dpl/learning/interval_mean.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// The time bookkeeping between routing steps and observed intervals (a day, or an hour).
struct GaugeClock {
  Count interval_s = 86400;              ///< length of an observed interval
  Count per_day = 1;
  std::vector<IntervalMean> means;       ///< [gauge] tau per gauge where the file has utc_offset_h, else params.tau

  /// Observed values [gauge][interval] of `days` days from `first_day`; NaN where missing, where the interval is not
  /// complete in `discharge_rows` rows, or before `warmup_days`.
  std::vector<double> observed(const Observations& observations, Count first_day, Count days, Count warmup_days,
                               Count discharge_rows) const;
};

/// Throws Error where the observations' step is not a multiple of the routing step or does not divide a day.
GaugeClock make_gauge_clock(const RunConfig& config, const Observations& observations, double step_s);

/// Standard deviation (divisor N) of each gauge's observations in a period; NaN with fewer than two.
std::vector<double> observed_deviation(const Observations& observations, const Period& period);

}  // namespace dpl
