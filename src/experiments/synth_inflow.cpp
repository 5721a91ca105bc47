// Rain and hillslopes of the verb synth: the lateral inflow of the twin.
#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/experiments/synth_domain.hpp"
#include "synth_weather.hpp"

namespace dpl {
namespace {

using namespace weather;

Extent extent_of(const SynthNetwork& network) {
  const auto [west, east] = std::minmax_element(network.x_km.begin(), network.x_km.end());
  const auto [south, north] = std::minmax_element(network.y_km.begin(), network.y_km.end());
  return {*west, *east, *south, *north};
}

void add_rain(const Storm& s, const SynthNetwork& network, double step_h, Count steps, std::vector<double>& rain_mm) {
  const auto first = static_cast<Count>(s.start_h / step_h);
  const auto end = std::min<Count>(steps, static_cast<Count>(std::ceil((s.start_h + s.duration_h) / step_h)));
  for (Count t = first; t < end; ++t) {
    const double begin_h = static_cast<double>(t) * step_h, age_h = begin_h + step_h / 2 - s.start_h;
    const double depth = s.depth_mm * (s.fallen(begin_h + step_h) - s.fallen(begin_h));
    for (std::size_t r = 0; r < network.x_km.size(); ++r) {
      const double dx = network.x_km[r] - s.x_km - s.east_km_h * age_h;
      const double dy = network.y_km[r] - s.y_km - s.north_km_h * age_h;
      const double distance2 = (dx * dx + dy * dy) / (s.radius_km * s.radius_km);
      if (distance2 < 9) rain_mm[r * steps + t] += depth * std::exp(-distance2);
    }
  }
}

}  // namespace

Count synth_steps(const RunConfig& config) {
  const double per_day = 24 / config.synth.inflow_step_h;
  if (std::abs(per_day - std::round(per_day)) > 1e-9)
    fail("config: synth.inflow_step_h is {}; it must divide 24 hours", config.synth.inflow_step_h);
  return static_cast<Count>(config.synth.days) * std::llround(per_day);
}

std::vector<float> make_synth_inflow(const RunConfig& config, const SynthNetwork& network) {
  const Count rows = synth_steps(config);
  const Count parts = std::max<Count>(1, static_cast<Count>(std::ceil(config.synth.inflow_step_h - 1e-9)));
  const double step_h =
      config.synth.inflow_step_h / static_cast<double>(parts);  // at most 1 h, whatever the file's step
  const Count steps = rows * parts;
  const auto count = static_cast<std::size_t>(network.topology.size());
  std::vector<double> rain_mm(count * steps, 0.0);
  const Extent basin = extent_of(network);
  double time_h = 0;
  for (std::uint64_t storm = 0;; ++storm) {  // on average one in 42 h somewhere in the basin
    time_h += -42 * std::log(1 - draw(config, Draw::storm_time, storm, 0));
    if (time_h >= config.synth.days * 24.0) break;
    add_rain(make_storm(config, basin, storm, time_h), network, step_h, steps, rain_mm);
  }
  std::vector<float> inflow(count * rows);
  for (std::size_t r = 0; r < count; ++r) {
    const double to_m3s = network.local_area_km2[r] / (3.6 * config.synth.inflow_step_h);  // mm a row
    const auto id = static_cast<std::uint64_t>(network.reach_id[r]);
    Hillslope hillslope(3 + 6 * draw(config, Draw::hillslope, id, 0), step_h);
    for (Count row = 0; row < rows; ++row) {
      double mm = 0;
      for (Count t = row * parts; t < (row + 1) * parts; ++t)
        mm += hillslope.runoff(rain_mm[r * steps + t], Hillslope::evaporation_mm_h(static_cast<double>(t) * step_h));
      inflow[r * rows + row] = static_cast<float>(mm * to_m3s);
    }
  }
  return inflow;
}

}  // namespace dpl
