// Uploads of series and the loops that gather windows of them.
// compiled as CUDA too
#include "dpl/physics/series_windows.hpp"

#include <algorithm>
#include <limits>

#include "dpl/physics/for_each.hpp"

namespace dpl {
namespace {

constexpr Count kLargestIndex = std::numeric_limits<Index>::max();

struct SeriesReader {
  const float* values;
  SeriesDays days;
  Index channels;
  const Index* place;
  const Count* first_day;
  DPL_HOST_DEVICE float at(Index window, Count day, Index channel) const {
    const Count row = Count{place[window]} * days.days + days.row(first_day[window] + day);
    return values[row * channels + channel];
  }
};

// Neighbouring threads write neighbouring windows.
template <class Real>
struct GatherDaysLoop {
  SeriesReader from;
  Index windows, width;
  Real* to;  // of the launch's first day
  Count first;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Index w = i % width;
    to[i] = static_cast<Real>(from.at(w < windows ? w : windows - 1, first + i / width, 0));
  }
};

template <class Real>
struct GatherWindowsLoop {
  SeriesReader from;
  Count days;
  Real* to;
  Count first;  // of the launch's values
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Count at = first + i, row = at / from.channels;
    to[at] = static_cast<Real>(
        from.at(static_cast<Index>(row / days), row % days, static_cast<Index>(at % from.channels)));
  }
};

}  // namespace

void WindowList::set(std::span<const Index> place, std::span<const Count> first_day, Count days) {
  size_ = static_cast<Index>(place.size());
  days_ = days;
  place_.set(place.data(), place.size());
  first_day_.set(first_day.data(), first_day.size());
}

PlaceSeries::PlaceSeries(Device device, const SeriesDays& days, Index channels, std::span<const float> values)
    : device_(device), days_(days), channels_(channels), values_(device) {
  values_.set(values.data(), values.size());
  wait_for(device);
}

template <class Real>
void PlaceSeries::gather_days(const WindowList& windows, Index width, Real* to) const {
  const SeriesReader from{values_.data(), days_, channels_, windows.place(), windows.first_day()};
  const Count launch = std::max<Count>(1, kLargestIndex / width);
  for (Count day = 0; day < windows.days(); day += launch) {
    const Count n = std::min(windows.days() - day, launch);
    for_each(device_, GatherDaysLoop<Real>{from, windows.size(), width, to + day * width, day}, 0,
             static_cast<Index>(n * width));
  }
}

template <class Real>
void PlaceSeries::gather_windows(const WindowList& windows, Index first, Index end, Real* to) const {
  const SeriesReader from{values_.data(), days_, channels_, windows.place() + first, windows.first_day() + first};
  const Count all = (end - first) * windows.days() * channels_;
  for (Count at = 0; at < all; at += kLargestIndex)
    for_each(device_, GatherWindowsLoop<Real>{from, windows.days(), to, at}, 0,
             static_cast<Index>(std::min(all - at, kLargestIndex)));
}

template void PlaceSeries::gather_days(const WindowList&, Index, float*) const;
template void PlaceSeries::gather_days(const WindowList&, Index, double*) const;
template void PlaceSeries::gather_windows(const WindowList&, Index, Index, float*) const;
template void PlaceSeries::gather_windows(const WindowList&, Index, Index, double*) const;

}  // namespace dpl
