// Whether a series fits on the device, and its upload.
#include "dpl/training/series_on_device.hpp"

#include <limits>

#include "dpl/base/log.hpp"
#include "dpl/physics/runoff_checks.hpp"
#include "dpl/training/basin_problem.hpp"

namespace dpl {
namespace {

double gib(Count bytes) { return static_cast<double>(bytes) / (1 << 30); }

Count places_of(const BasinSeries& s) {
  return s.days > 0 ? static_cast<Count>(s.precipitation_mm_day.size()) / s.days : 0;
}

bool fits(const char* what, const BasinSeries& s, Device device, Count bytes, Count window_bytes) {
  const Count free = free_bytes(device);
  if (bytes <= free / 2 && bytes <= free - window_bytes) return true;
  log_info(
      "device: the {} of {} places and {} days takes {:.3f} GiB of GPU memory, {:.3f} GiB are free and windows need "
      "{:.3f} GiB: the host gathers it for every batch of windows",
      what, places_of(s), s.days, gib(bytes), gib(free), gib(window_bytes));
  return false;
}

// Of each place, whether the runoff model takes all of its values.
std::vector<std::uint8_t> usable_places_of(const BasinSeries& s) {
  std::vector<std::uint8_t> usable;
  for (Count place = 0; place < places_of(s); ++place) {
    const auto all = [&](const std::vector<float>& values, float lowest) {
      return all_finite_from(values.data() + place * s.days, s.days, lowest);
    };
    usable.push_back(all(s.precipitation_mm_day, 0.0f) && all(s.pet_mm_day, 0.0f) &&
                     all(s.temperature_degc, std::numeric_limits<float>::lowest()));
  }
  return usable;
}

}  // namespace

SeriesOnDevice::SeriesOnDevice() = default;
SeriesOnDevice::~SeriesOnDevice() = default;
SeriesOnDevice::SeriesOnDevice(const SeriesOnDevice&) {}
SeriesOnDevice::SeriesOnDevice(SeriesOnDevice&&) noexcept = default;
SeriesOnDevice& SeriesOnDevice::operator=(const SeriesOnDevice&) { return *this = SeriesOnDevice(); }
SeriesOnDevice& SeriesOnDevice::operator=(SeriesOnDevice&&) noexcept = default;

bool SeriesOnDevice::Forcing::all_usable(std::span<const Index> places) const {
  for (const Index k : places)
    if (usable[static_cast<std::size_t>(k)] == 0) return false;
  return true;
}

const SeriesOnDevice::Forcing* SeriesOnDevice::forcing(const BasinSeries& s, Device device, Count window_bytes) {
  if (!forcing_asked_ && fits("forcing", s, device, places_of(s) * forcing_bytes(s.days), window_bytes))
    forcing_ = std::make_unique<Forcing>(Forcing{PlaceSeries(device, s, 1, s.precipitation_mm_day),
                                                 PlaceSeries(device, s, 1, s.temperature_degc),
                                                 PlaceSeries(device, s, 1, s.pet_mm_day), usable_places_of(s)});
  forcing_asked_ = true;
  return forcing_.get();
}

const PlaceSeries* SeriesOnDevice::history(const BasinSeries& s, Device device, Count window_bytes) {
  const auto channels = static_cast<Count>(s.channels);
  if (!history_asked_ &&
      fits("network's history", s, device, places_of(s) * history_bytes(s.days, channels), window_bytes))
    history_ = std::make_unique<PlaceSeries>(device, s, static_cast<Index>(channels), s.history);
  history_asked_ = true;
  return history_.get();
}

}  // namespace dpl
