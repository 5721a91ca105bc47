// Windows of days out of whole daily series of places: one upload of a series serves all windows, gathered on the device.
#pragma once

#include <span>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/physics/vector_math.hpp"

namespace dpl {

/// Which row of a series a day (days since 1970-01-01) is: one before the first is taken from the first `cycle` days,
/// repeated backward.
struct SeriesDays {
  Count first_day = 0, days = 0, cycle = 1;
  DPL_HOST_DEVICE Count row(Count day) const {
    if (day >= first_day) return day - first_day;
    const Count back = (first_day - day) % cycle;
    return back == 0 ? 0 : cycle - back;
  }
};

/// Runs of `days` days in the device's memory.
class WindowList {
 public:
  explicit WindowList(Device device) : place_(device), first_day_(device) {}
  /// @param place [window] its row of the series  @param first_day [window]; both stay until wait_for()
  void set(std::span<const Index> place, std::span<const Count> first_day, Count days);
  Index size() const { return size_; }
  Count days() const { return days_; }
  const Index* place() const { return place_.data(); }
  const Count* first_day() const { return first_day_.data(); }

 private:
  DeviceArray<Index> place_;
  DeviceArray<Count> first_day_;
  Index size_ = 0;
  Count days_ = 0;
};

/// A series [place][day][channel] in the device's memory.
class PlaceSeries {
 public:
  /// Uploads `values` and waits for it. Throws Error where there is no such memory.
  PlaceSeries(Device device, const SeriesDays& days, Index channels, std::span<const float> values);

  /// `to` [day][window, padded to `width` by copies of the last one], of a series of one channel; queued.
  template <class Real>
  void gather_days(const WindowList& windows, Index width, Real* to) const;
  /// `to` [window][day][channel] of the windows from `first` to before `end`; queued.
  template <class Real>
  void gather_windows(const WindowList& windows, Index first, Index end, Real* to) const;

 private:
  Device device_;
  SeriesDays days_;
  Index channels_;
  DeviceArray<float> values_;
};

}  // namespace dpl
