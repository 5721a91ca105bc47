// The daily series of a rank's places in a device's memory: one upload serves all windows of a run.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dpl/physics/series_windows.hpp"

namespace dpl {

struct BasinSeries;

/// **Local.** What belongs to a BasinSeries: uploaded when it is first asked for, and once. Where it takes more than half
/// of what is free (the networks' libraries do not say beforehand what they take), or would leave no room for the
/// windows, it stays with the host, and the log says so.
class SeriesOnDevice {
 public:
  struct Forcing {
    PlaceSeries precipitation, temperature, pet;
    std::vector<std::uint8_t> usable;  ///< [own place] all values are such as the runoff model takes
    bool all_usable(std::span<const Index> places) const;
  };

  SeriesOnDevice();
  ~SeriesOnDevice();
  /// A copy begins without: a copied series may be changed before it is run.
  SeriesOnDevice(const SeriesOnDevice&);
  SeriesOnDevice(SeriesOnDevice&&) noexcept;
  SeriesOnDevice& operator=(const SeriesOnDevice&);
  SeriesOnDevice& operator=(SeriesOnDevice&&) noexcept;

  /// Null where the host keeps it. @param window_bytes of the device's memory that the windows take
  const Forcing* forcing(const BasinSeries& series, Device device, Count window_bytes);
  const PlaceSeries* history(const BasinSeries& series, Device device, Count window_bytes);

  /// Bytes of three series of forcing, or one of `channels`, of a place.
  static Count forcing_bytes(Count days) { return 3 * days * static_cast<Count>(sizeof(float)); }
  static Count history_bytes(Count days, Count channels) { return channels * days * static_cast<Count>(sizeof(float)); }

 private:
  std::unique_ptr<Forcing> forcing_;
  std::unique_ptr<PlaceSeries> history_;
  bool forcing_asked_ = false, history_asked_ = false;
};

}  // namespace dpl
