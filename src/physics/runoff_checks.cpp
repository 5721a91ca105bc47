// What a runoff model is given, value by value.
#include "dpl/physics/runoff_checks.hpp"

#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr const char* kStateNames[] = {"SP", "MW", "SM", "SUZ", "SLZ"};
constexpr double kLowestMoisture = 1e-6;

template <class Real>
void check_series(const Real* values, Count days, Index catchments, const char* name, bool negative_too) {
  const Real lowest = negative_too ? std::numeric_limits<Real>::lowest() : Real(0);
  if (all_finite_from(values, days * catchments, lowest)) return;
  for (Count i = 0; i < days * catchments; ++i)
    if (!all_finite_from(values + i, 1, lowest))
      fail(
          "runoff: {} of day {}, catchment {} (both from 0) is {}, allowed: finite{}; leave the catchment out or fill "
          "the gap",
          name, i / catchments, i % catchments, values[i], negative_too ? "" : " and from 0");
}

}  // namespace

template <class Real>
bool all_finite_from(const Real* values, Count n, Real lowest) {
  int bad = 0;
  for (Count i = 0; i < n; ++i) bad |= !(values[i] >= lowest) | !(values[i] - values[i] == 0);
  return bad == 0;
}

template <class Real>
void check_forcing(const RunoffForcing<Real>& forcing, Index catchments) {
  check_series(forcing.precipitation_mm_day, forcing.days, catchments, "precipitation_mm_day", false);
  check_series(forcing.temperature_degc, forcing.days, catchments, "temperature_degc", true);
  check_series(forcing.pet_mm_day, forcing.days, catchments, "pet_mm_day", false);
}

template <class Real>
void check_parameters(const std::vector<RunoffParameter>& parameters, const std::vector<bool>& is_dynamic,
                      std::span<const Real> fixed, Index catchments, Count lanes) {
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    if (is_dynamic[k]) continue;
    const RunoffParameter& p = parameters[k];
    const double rounding = 1e-5 * (p.upper - p.lower);
    for (Count lane = 0; lane < lanes; ++lane) {
      const double value = static_cast<double>(fixed[k * lanes + lane]);
      if (!(value >= p.lower - rounding && value <= p.upper + rounding))
        fail("runoff: {} of component {}, catchment {} (both from 0) is {} {}, allowed: {} to {}", p.name,
             lane / catchments, lane % catchments, value, p.unit, p.lower, p.upper);
    }
  }
}

template <class Real>
void check_states(std::span<const Real> states, Index catchments, Count lanes) {
  for (Count i = 0; i < static_cast<Count>(states.size()); ++i) {
    const Count k = i / lanes;
    const double lowest = k == 2 ? kLowestMoisture : 0;
    if (!std::isfinite(states[i]) || static_cast<double>(states[i]) < lowest)
      fail("runoff: state {} of component {}, catchment {} (both from 0) is {} mm, allowed: finite and from {}",
           kStateNames[k], i % lanes / catchments, i % lanes % catchments, states[i], lowest);
  }
}

template <class Real>
Count first_not_finite_of(std::span<const Real> values) {
  const auto n = static_cast<Count>(values.size());
  if (all_finite_from(values.data(), n, std::numeric_limits<Real>::lowest())) return -1;
  for (Count i = 0; i < n; ++i)
    if (!std::isfinite(values[i])) return i;
  return -1;
}

#define DPL_CHECKS(Real)                                                                                             \
  template void check_forcing(const RunoffForcing<Real>&, Index);                                                    \
  template bool all_finite_from(const Real*, Count, Real);                                                           \
  template void check_parameters(const std::vector<RunoffParameter>&, const std::vector<bool>&, std::span<const Real>, \
                                 Index, Count);                                                                      \
  template void check_states(std::span<const Real>, Index, Count);                                                   \
  template Count first_not_finite_of(std::span<const Real>);
DPL_CHECKS(float)
DPL_CHECKS(double)
#undef DPL_CHECKS

}  // namespace dpl
