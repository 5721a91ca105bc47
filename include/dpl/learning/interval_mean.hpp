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
  Count offset = 0;          ///< tau in rows; may be negative

  Count intervals(Count rows) const;   ///< whole intervals of the run: floor(rows_of_steps / length), see .cpp
  bool complete(Count interval, Count rows) const;

  /// rows -> intervals, in double, added in time order.
  template <class Real>
  void apply(std::span<const Real> series, std::span<double> means) const;

  /// Adjoint: adds seed / length to every row of the interval (overwrites `series_adjoint`).
  template <class Real>
  void apply_adjoint(std::span<const double> means_adjoint, std::span<Real> series_adjoint) const;
};

}  // namespace dpl
