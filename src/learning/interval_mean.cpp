// Means of routed discharge over the observations' intervals and their adjoint (method section 2.3).
//
// A run of D days of hourly steps has 24 D rows of step means, or 24 D + 1 rows of instants (row 0 = hot start). With
// length 24 both make D intervals: day i = rows 24 i + tau .. 24 i + tau + 23, so `offset` shifts every interval and
// the days it pushes over either end of the run are incomplete. Length 1 reads single rows; instants then give one
// interval more than there are steps.
#include "dpl/learning/interval_mean.hpp"

#include <algorithm>
#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {

Count IntervalMean::intervals(Count rows) const {
  if (length < 1) fail("interval mean: an interval of {} rows is impossible, at least 1 is needed", length);
  return rows / length;
}

bool IntervalMean::complete(Count interval, Count rows) const {
  const Count first = interval * length + offset;
  return first >= 0 && first + length <= rows;
}

template <class Real>
void IntervalMean::apply(std::span<const Real> series, std::span<double> means) const {
  const Count rows = static_cast<Count>(series.size());
  for (std::size_t i = 0; i < means.size(); ++i) {
    if (!complete(static_cast<Count>(i), rows)) {
      means[i] = std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    const std::size_t first = static_cast<std::size_t>(static_cast<Count>(i) * length + offset);
    double sum = 0;
    for (Count k = 0; k < length; ++k) sum += static_cast<double>(series[first + static_cast<std::size_t>(k)]);
    means[i] = sum / static_cast<double>(length);
  }
}

template <class Real>
void IntervalMean::apply_adjoint(std::span<const double> means_adjoint, std::span<Real> series_adjoint) const {
  std::fill(series_adjoint.begin(), series_adjoint.end(), Real{0});
  const Count rows = static_cast<Count>(series_adjoint.size());
  for (std::size_t i = 0; i < means_adjoint.size(); ++i) {
    if (!complete(static_cast<Count>(i), rows)) continue;
    const std::size_t first = static_cast<std::size_t>(static_cast<Count>(i) * length + offset);
    const Real share = static_cast<Real>(means_adjoint[i] / static_cast<double>(length));
    for (Count k = 0; k < length; ++k) series_adjoint[first + static_cast<std::size_t>(k)] = share;
  }
}

template void IntervalMean::apply<float>(std::span<const float>, std::span<double>) const;
template void IntervalMean::apply<double>(std::span<const double>, std::span<double>) const;
template void IntervalMean::apply_adjoint<float>(std::span<const double>, std::span<float>) const;
template void IntervalMean::apply_adjoint<double>(std::span<const double>, std::span<double>) const;

}  // namespace dpl
