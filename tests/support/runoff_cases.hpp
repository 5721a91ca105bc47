// Random runoff problems, and the model run on them.
#pragma once

#include <string>
#include <vector>

#include "dpl/physics/runoff.hpp"
#include "tests/support/adjoint_comparison.hpp"

namespace dpl::test {

/// Everything a window needs, in double.
struct RunoffProblem {
  RunoffOptions options;
  Count days = 0;
  std::vector<double> precipitation, temperature, pet;   ///< [day][catchment]
  std::vector<double> fixed, dynamic, states;            ///< as Runoff takes them
  Count lanes() const { return static_cast<Count>(options.catchments) * options.components; }
};

struct RunoffSetting {
  const char* variant;
  std::vector<std::string> dynamic;
  std::vector<double> precipitation_factor = {};
};

/// All variants with static and with dynamic parameters, and with precipitation corrected.
inline std::vector<RunoffSetting> runoff_settings() {
  return {{"1.0", {}},
          {"1.0", {"BETA"}},
          {"1.0", {"BETAET", "BETA"}},
          {"1.1p", {}},
          {"1.1p", {"BETA", "K0", "BETAET"}},
          {"1.1p", {"K0"}, {0.5, 1.5}},
          {"1.0", {"BETAET"}, {0.8, 1.2}},
          {"2.0", {}, {0.5, 2}},
          {"2.0", {}},
          {"2.0", {"BETAET"}},
          {"2.0", {"K0", "BETA", "BETAET"}}};
}

/// Wet and dry days, frost and heat; areas below and above 2500 km2, elevations below and above 2000 m.
inline RunoffProblem random_runoff_problem(const RunoffSetting& setting, Index catchments, Index components, Count days,
                                           std::uint64_t seed) {
  RunoffProblem p;
  p.options.variant = runoff_variant_from_name(setting.variant);
  p.options.catchments = catchments;
  p.options.components = components;
  p.options.dynamic = setting.dynamic;
  p.options.precipitation_factor = setting.precipitation_factor;
  p.days = days;
  Draws draws(seed);
  if (p.options.variant == RunoffVariant::hbv_2_0)
    for (Index c = 0; c < catchments; ++c) {
      p.options.area_km2.push_back(draws.chance(0.4) ? draws.uniform(2500, 2700) : draws.uniform(1, 2500));
      p.options.elevation_m.push_back(draws.uniform(0, 4000));
    }
  for (Count t = 0; t < days; ++t)
    for (Index c = 0; c < catchments; ++c) {
      p.precipitation.push_back(draws.chance(0.5) ? 0 : draws.log_uniform(0.1, 80));
      p.temperature.push_back(12 * std::sin(0.1 * static_cast<double>(t)) + draws.uniform(-6, 6));
      p.pet.push_back(draws.chance(0.1) ? 0 : draws.uniform(0, 8));
    }
  for (const RunoffParameter& r : runoff_parameters(p.options.variant, setting.dynamic, setting.precipitation_factor))
    for (Count lane = 0; lane < p.lanes(); ++lane) p.fixed.push_back(draws.uniform(r.lower, r.upper));
  const auto all = runoff_parameters(RunoffVariant::hbv_2_0);
  for (Count t = 0; t < days; ++t)
    for (const std::string& name : setting.dynamic)
      for (const RunoffParameter& r : all)
        if (name == r.name)
          for (Count lane = 0; lane < p.lanes(); ++lane) p.dynamic.push_back(draws.uniform(r.lower, r.upper));
  for (int k = 0; k < 5; ++k)
    for (Count lane = 0; lane < p.lanes(); ++lane) p.states.push_back(draws.log_uniform(0.01, 50));
  return p;
}

template <class Real>
std::vector<Real> as(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

/// The model on a problem; results of the last forward() and adjoint().
template <class Real>
class RunoffRun {
 public:
  explicit RunoffRun(const RunoffProblem& p)
      : days(p.days),
        catchments(p.options.catchments),
        model(p.options),
        precipitation(as<Real>(p.precipitation)),
        temperature(as<Real>(p.temperature)),
        pet(as<Real>(p.pet)),
        fixed(as<Real>(p.fixed)),
        dynamic(as<Real>(p.dynamic)),
        states(as<Real>(p.states)) {}

  void forward(Count tape_from = 0, bool further = true) {
    runoff.assign(days * catchments, Real(-1));
    RunoffSeries<Real> series;
    for (int k = 0; k < kRunoffOutputs && further; ++k) {
      outputs[k].assign(days * catchments, Real(-1));
      series[k] = outputs[k];
    }
    model.forward({precipitation.data(), temperature.data(), pet.data(), days}, {fixed, dynamic}, states, runoff,
                  series, tape_from);
    final_states.assign(model.final_states().begin(), model.final_states().end());
  }
  /// `seeds` [kRunoffOutputs][day][catchment] or none; that of water_made is not used.
  void adjoint(const std::vector<Real>& seed, const std::vector<std::vector<Real>>& seeds = {}) {
    fixed_adjoint.assign(fixed.size(), Real(-1));
    dynamic_adjoint.assign(dynamic.size(), Real(-1));
    states_adjoint.assign(model.state_size(), Real(-1));
    RunoffSeries<const Real> series;
    for (std::size_t k = 0; k + 1 < kRunoffOutputs && k < seeds.size(); ++k) series[k] = seeds[k];
    model.adjoint(seed, series, {fixed_adjoint, dynamic_adjoint, states_adjoint});
  }

  Count days;
  Index catchments;
  Runoff<Real> model;
  std::vector<Real> precipitation, temperature, pet, fixed, dynamic, states;
  std::vector<Real> runoff, outputs[kRunoffOutputs], final_states;
  std::vector<Real> fixed_adjoint, dynamic_adjoint, states_adjoint;
};

/// Weights [day][catchment], drawn.
template <class Real>
std::vector<Real> random_seed(Count days, Index catchments, std::uint64_t seed) {
  Draws draws(seed, 77);
  std::vector<Real> values(days * catchments);
  for (Real& x : values) x = static_cast<Real>(draws.normal());
  return values;
}

}  // namespace dpl::test
