// Rain and hillslopes of the verb synth: the lateral inflow of the twin.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/experiments/synth_domain.hpp"

namespace dpl {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;
constexpr double kHoursOfYear = 8766;

// What a draw is for, below Purpose::synth_inflow.
enum class Draw : std::uint64_t { storm_time, storm, hillslope };

double draw(const RunConfig& config, Draw what, std::uint64_t item, std::uint32_t number) {
  return random_uniform({config.seed, Purpose::synth_inflow, static_cast<std::uint64_t>(what), item}, number);
}

// 1 in the middle of January (day 15), -1 half a year later.
double winter(double time_h) { return std::cos(kTwoPi * (time_h - 15 * 24) / kHoursOfYear); }

/// A rain field of Gaussian shape that crosses the basin at constant speed; at its centre it brings depth_mm in
/// duration_h.
struct Storm {
  double start_h, duration_h, depth_mm, radius_km, x_km, y_km, east_km_h, north_km_h;

  /// Share of the depth that has fallen until then: intensity 2 sin^2(pi u) over u = 0..1, so that rain swells and
  /// ebbs.
  double fallen(double time_h) const {
    const double u = std::clamp((time_h - start_h) / duration_h, 0.0, 1.0);
    return u - std::sin(kTwoPi * u) / kTwoPi;
  }
};

struct Extent {
  double west, east, south, north;
};

Extent extent_of(const SynthNetwork& network) {
  const auto [west, east] = std::minmax_element(network.x_km.begin(), network.x_km.end());
  const auto [south, north] = std::minmax_element(network.y_km.begin(), network.y_km.end());
  return {*west, *east, *south, *north};
}

// Small short storms, mostly in summer, and wide long ones, mostly in winter. It is over a drawn point of the basin at
// half time.
Storm make_storm(const RunConfig& config, const Extent& basin, std::uint64_t number, double start_h) {
  const auto u = [&](std::uint32_t k) { return draw(config, Draw::storm, number, k); };
  const bool local = u(0) < 0.5 - 0.35 * winter(start_h);
  Storm s{};
  s.start_h = start_h;
  s.duration_h = local ? 3 + 6 * u(1) : 10 + 26 * u(1);
  s.depth_mm = -(local ? 16 : 13) * std::log(1 - 0.999 * u(2));
  s.radius_km = local ? 10 + 20 * u(3) : 40 + 60 * u(3);
  const double angle = kTwoPi * u(4), speed_km_h = local ? 4 + 10 * u(5) : 5 + 15 * u(5);
  s.east_km_h = speed_km_h * std::cos(angle);
  s.north_km_h = speed_km_h * std::sin(angle);
  s.x_km = basin.west + u(6) * (basin.east - basin.west) - s.east_km_h * s.duration_h / 2;
  s.y_km = basin.south + u(7) * (basin.north - basin.south) - s.north_km_h * s.duration_h / 2;
  return s;
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

// A linear reservoir with constant inflow over a step, solved exactly: h' = i - h/k; gives the outflow of the step
// (mm).
struct Reservoir {
  double keep, k_steps, stored_mm;
  Reservoir(double k_h, double step_h, double stored)
      : keep(std::exp(-step_h / k_h)), k_steps(k_h / step_h), stored_mm(stored) {}
  double pass(double inflow_mm) {
    const double before = stored_mm;
    stored_mm = before * keep + inflow_mm * k_steps * (1 - keep);
    return std::max(0.0, before + inflow_mm - stored_mm);
  }
};

/// One catchment. States (mm): soil water w, two quick reservoirs a, b in a row, interflow f, groundwater g.
///   w' = P - R - E - G      R = P (w/W)^2 (all of P when full)   E = e(t) w/W   G = 0.04 w/W mm/h
///   a' = 0.7 R - a/k        b' = a/k - b/k                       f' = 0.3 R - f/60 h   g' = G - g/900 h
///   runoff = b/k + f/60 h + g/900 h; W = 120 mm, k from 3 to 9 h: it rises over k hours and recedes at three speeds.
class Hillslope {
 public:
  Hillslope(double k_h, double step_h)
      : step_h_(step_h),
        first_(k_h, step_h, 0),
        second_(k_h, step_h, 0),
        inter_(60, step_h, 0),
        ground_(900, step_h, 20) {}

  double runoff(double rain_mm, double time_h) {
    const double filled = soil_mm_ / kCapacity, evaporation = 0.09 - 0.075 * winter(time_h);
    double quick = rain_mm * filled * filled;
    const double percolation = 0.04 * filled * step_h_;
    soil_mm_ = std::max(0.0, soil_mm_ + rain_mm - quick - percolation - evaporation * filled * step_h_);
    const double excess = std::max(0.0, soil_mm_ - kCapacity);
    soil_mm_ -= excess;
    quick += excess;
    return second_.pass(first_.pass(0.7 * quick)) + inter_.pass(0.3 * quick) + ground_.pass(percolation);
  }

 private:
  static constexpr double kCapacity = 120;
  double step_h_, soil_mm_ = 80;
  Reservoir first_, second_, inter_, ground_;
};

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
        mm += hillslope.runoff(rain_mm[r * steps + t], static_cast<double>(t) * step_h);
      inflow[r * rows + row] = static_cast<float>(mm * to_m3s);
    }
  }
  return inflow;
}

}  // namespace dpl
