// What the two makers of lateral inflow (one basin, a continent) share: storms, soils, hillslopes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "dpl/base/random.hpp"
#include "dpl/base/run_config.hpp"

namespace dpl::weather {

inline constexpr double kTwoPi = 2 * std::numbers::pi;
inline constexpr double kHoursOfYear = 8766;

// What a draw is for, below Purpose::synth_inflow.
enum class Draw : std::uint64_t { storm_time, storm, hillslope };

inline double draw(const RunConfig& config, Draw what, std::uint64_t item, std::uint32_t number) {
  return random_uniform({config.seed, Purpose::synth_inflow, static_cast<std::uint64_t>(what), item}, number);
}

// 1 in the middle of January (day 15), -1 half a year later.
inline double winter(double time_h) { return std::cos(kTwoPi * (time_h - 15 * 24) / kHoursOfYear); }

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

// Small short storms, mostly in summer, and wide long ones, mostly in winter. It is over a drawn point of the basin at
// half time.
inline Storm make_storm(const RunConfig& config, const Extent& basin, std::uint64_t number, double start_h) {
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

  /// e(t), mm/h.
  static double evaporation_mm_h(double time_h) { return 0.09 - 0.075 * winter(time_h); }

  /// Of one step, mm.
  double runoff(double rain_mm, double evaporation) {
    const double filled = soil_mm_ / kCapacity;
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

}  // namespace dpl::weather
