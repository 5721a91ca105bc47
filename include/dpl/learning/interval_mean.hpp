// The one operator from routed discharge to the means that are compared with observations (method section 2.3).
#pragma once

#include <span>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// Means over intervals of `length` rows: interval i = rows i length + offset .. i length + offset + length - 1 of the
/// series of discharge rows counted from the start of the run (row 0 = first step mean, or hot start for instants).
/// Intervals that reach outside the rows 0..rows-1 are NaN.
struct IntervalMean {
  Count length = 24;
  Count offset = 0;  ///< tau in rows; may be negative

  /// Intervals of a run of `rows` rows: floor(rows / length), whatever the offset, so that all gauges have equally
  /// many. D days of hourly data have D with 24 D rows (step means) and with 24 D + 1 (instants). With length 1 every
  /// row is one: instants then have one interval more than steps.
  Count intervals(Count rows) const;
  /// Whether all rows of an interval lie in 0..rows-1.
  bool complete(Count interval, Count rows) const;

  /// rows -> intervals, in double, added in time order. `means` may be shorter or longer than intervals(rows).
  template <class Real>
  void apply(std::span<const Real> series, std::span<double> means) const;

  /// Adjoint: seed / length on every row of a complete interval, 0 on all other rows; overwrites `series_adjoint`.
  /// Seeds of incomplete intervals are not read.
  template <class Real>
  void apply_adjoint(std::span<const double> means_adjoint, std::span<Real> series_adjoint) const;
};

}  // namespace dpl
