// Batches of windows through the runoff model.
#include "dpl/training/basin_physics.hpp"

#include <algorithm>
#include <cmath>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/physics/runoff_checks.hpp"

namespace dpl {
namespace {

constexpr double kGib = 1024.0 * 1024 * 1024;

// to[day][window] = from[place of the window][its day]; the last windows are copies of the last one.
template <class Real>
void gather(const std::vector<float>& from, const BasinSeries& series, const BasinWindows& windows, Index width,
            std::vector<Real>& to) {
  to.resize(static_cast<std::size_t>(windows.days) * static_cast<std::size_t>(width));
  constexpr Count kDays = 16;  // a few lines of the cache at a time
  for (Count first = 0; first < windows.days; first += kDays)
    for (Index w = 0; w < width; ++w) {
      const auto of = static_cast<std::size_t>(std::min(w, windows.size() - 1));
      const float* row = from.data() + static_cast<Count>(windows.place[of]) * series.days;
      for (Count day = first; day < std::min(windows.days, first + kDays); ++day)
        to[static_cast<std::size_t>(day * width + w)] = static_cast<Real>(row[series.row(windows.first_day[of] + day)]);
    }
}

}  // namespace

BasinParameters::BasinParameters(const RunConfig& config)
    : variant(runoff_variant_from_name(config.runoff.variant)),
      runoff(runoff_parameters(variant, config.runoff.dynamic, config.runoff.precipitation_factor)),
      components(config.runoff.nmul > 0 ? config.runoff.nmul : usual_components(variant)),
      dynamic_names(config.runoff.dynamic),
      hydrograph(config.runoff.unit_hydrograph),
      hydrograph_b(config.runoff.hydrograph_b),
      moisture(config.experiment.targets.soil_moisture > 0) {
  for (const auto& name : dynamic_names)
    for (std::size_t p = 0; p < runoff.size(); ++p)
      if (name == runoff[p].name) dynamic.push_back(static_cast<Index>(p));
}

std::vector<std::string> BasinParameters::output_names() const {
  std::vector<std::string> names;
  for (const auto& p : runoff) names.insert(names.end(), static_cast<std::size_t>(components), p.name);
  if (hydrograph) names.insert(names.end(), {"unit_hydrograph_a", "unit_hydrograph_b"});
  if (moisture) names.insert(names.end(), {"soil_moisture_offset", "soil_moisture_slope"});
  return names;
}

void BasinParameters::to_physical(std::span<double> shares) const {
  const auto all = static_cast<std::size_t>(outputs()), first_single = static_cast<std::size_t>(hydrograph_at());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const std::size_t output = i % all;
    if (output < first_single) {
      const auto& range = runoff[output / static_cast<std::size_t>(components)];
      shares[i] = range.lower + shares[i] * (range.upper - range.lower);
      continue;
    }
    const bool of_hydrograph = hydrograph && output < first_single + 2;
    const bool first = (output - first_single) % 2 == 0;
    shares[i] *= of_hydrograph ? (first ? kHydrographLargestA : hydrograph_b)
                               : (first ? kLargestMoistureOffset : kLargestMoistureSlope);
  }
}

RunoffOptions runoff_options(const RunConfig& config, const BasinParameters& parameters, Index catchments) {
  RunoffOptions options;
  options.variant = parameters.variant;
  options.catchments = catchments;
  options.components = parameters.components;
  options.dynamic = parameters.dynamic_names;
  options.precipitation_factor = config.runoff.precipitation_factor;
  options.device = device_named(config.device);
  options.tape_bytes = static_cast<Count>(config.memory.tape_gib * kGib);
  return options;
}

template <class Real>
BasinBytes basin_bytes(const Runoff<Real>& model, const BasinParameters& parameters, Count days, Count taped,
                       int further_outputs) {
  const Index catchments = model.options().catchments;
  constexpr auto kValue = static_cast<Count>(sizeof(Real));
  BasinBytes b;
  b.tape = taped > 0 ? model.tape_bytes(taped) : 0;
  b.daily = (taped > 0 ? 2 : 1) * model.dynamic_size(days) * kValue;
  b.series = model.device_bytes({days, taped, further_outputs + (parameters.moisture ? 1 : 0), true, true}) - b.tape +
             3 * days * catchments * kValue;
  if (parameters.hydrograph) b.series += UnitHydrograph<Real>::device_bytes(days, catchments);
  return b;
}

template BasinBytes basin_bytes(const Runoff<float>&, const BasinParameters&, Count, Count, int);
template BasinBytes basin_bytes(const Runoff<double>&, const BasinParameters&, Count, Count, int);

template <class Real>
BasinPhysics<Real>::BasinPhysics(const BasinProblem& problem, const BasinSeries& series)
    : problem_(problem), series_(series), parameters_(problem.config), device_(device_named(problem.config.device)),
      unit_hydrograph_(device_), precipitation_there_(device_), temperature_there_(device_), pet_there_(device_),
      window_list_(device_) {}

template <class Real>
Runoff<Real>& BasinPhysics<Real>::model(const BasinWindows& windows) {
  const Index width = padded(windows.size());
  RunoffOptions options = runoff_options(problem_.config, parameters_, width);
  if (parameters_.variant == RunoffVariant::hbv_2_0 && windows.place != places_of_model_) {  // it belongs to them
    models_.clear();
    places_of_model_ = windows.place;
    for (Index w = 0; w < width; ++w) {
      const Index own = windows.place[static_cast<std::size_t>(std::min(w, windows.size() - 1))];
      const auto at = static_cast<std::size_t>(problem_.place[static_cast<std::size_t>(problem_.first_own() + own)]);
      options.area_km2.push_back(problem_.forcing.area_km2[at]);
      options.elevation_m.push_back(problem_.forcing.elevation_m[at]);
    }
  }
  const auto found = models_.find(width);
  return found != models_.end() ? found->second : models_.emplace(width, Runoff<Real>(options)).first->second;
}

template <class Real>
BasinBytes BasinPhysics<Real>::bytes(const BasinWindows& windows, Count tape_from, std::size_t further) {
  if (windows.size() == 0 || !runs_device_loops(device_)) return {};
  const Count taped = tape_from == Runoff<Real>::kNoTape ? 0 : windows.days - tape_from;
  return basin_bytes(model(windows), parameters_, windows.days, taped, static_cast<int>(further));
}

template <class Real>
RunoffForcing<Real> BasinPhysics<Real>::gathered_here() {
  gather(series_.precipitation_mm_day, series_, windows_, width_, precipitation_);
  gather(series_.temperature_degc, series_, windows_, width_, temperature_);
  gather(series_.pet_mm_day, series_, windows_, width_, pet_);
  return {precipitation_.data(), temperature_.data(), pet_.data(), windows_.days};
}

// From series that lie on the device; where they do not, or hold what the model refuses, by way of the host.
template <class Real>
RunoffForcing<Real> BasinPhysics<Real>::gathered_there(Count window_bytes) {
  const auto* series = series_.on_device.forcing(series_, device_, window_bytes);
  const auto size = static_cast<std::size_t>(windows_.days) * static_cast<std::size_t>(width_);
  for (auto* array : {&precipitation_there_, &temperature_there_, &pet_there_}) array->need(size);
  if (series != nullptr && series->all_usable(windows_.place)) {
    window_list_.set(windows_.place, windows_.first_day, windows_.days);
    series->precipitation.gather_days(window_list_, width_, precipitation_there_.data());
    series->temperature.gather_days(window_list_, width_, temperature_there_.data());
    series->pet.gather_days(window_list_, width_, pet_there_.data());
  } else {
    const auto here = gathered_here();
    check_forcing(here, width_);
    precipitation_there_.set(here.precipitation_mm_day, size);
    temperature_there_.set(here.temperature_degc, size);
    pet_there_.set(here.pet_mm_day, size);
  }
  return {precipitation_there_.data(), temperature_there_.data(), pet_there_.data(), windows_.days, true};
}

template <class Real>
void BasinPhysics<Real>::scale_fixed(std::span<const Real> fixed) {
  const auto outputs = static_cast<std::size_t>(parameters_.outputs());
  const auto share = [&](Index w, std::size_t output) {
    return fixed[static_cast<std::size_t>(std::min(w, windows_.size() - 1)) * outputs + output];
  };
  fixed_.clear();
  std::size_t output = 0;
  for (const auto& p : parameters_.runoff)
    for (Index k = 0; k < parameters_.components; ++k, ++output)
      for (Index w = 0; w < width_; ++w)
        fixed_.push_back(static_cast<Real>(p.lower) + share(w, output) * static_cast<Real>(p.upper - p.lower));
  const auto column = [&](std::vector<Real>& to, double largest) {
    to.clear();
    for (Index w = 0; w < width_; ++w) to.push_back(static_cast<Real>(largest) * share(w, output));
    ++output;
  };
  if (parameters_.hydrograph) column(hydrograph_a_, kHydrographLargestA), column(hydrograph_b_, parameters_.hydrograph_b);
  if (parameters_.moisture) column(moisture_a_, kLargestMoistureOffset), column(moisture_b_, kLargestMoistureSlope);
}

template <class Real>
std::vector<double> BasinPhysics<Real>::scored(const std::vector<Real>& values, std::span<const Real> offset,
                                               std::span<const Real> slope) const {
  std::vector<double> out(static_cast<std::size_t>(windows_.size() * windows_.scored()));
  for (Index w = 0; w < windows_.size(); ++w)
    for (Count day = 0; day < windows_.scored(); ++day) {
      const auto x = static_cast<double>(values[static_cast<std::size_t>((windows_.warmup + day) * width_ + w)]);
      out[static_cast<std::size_t>(w * windows_.scored() + day)] =
          offset.empty() ? x
                         : static_cast<double>(offset[static_cast<std::size_t>(w)]) +
                               static_cast<double>(slope[static_cast<std::size_t>(w)]) * x;
    }
  return out;
}

template <class Real>
BasinOutputs BasinPhysics<Real>::forward(const BasinWindows& windows, std::span<const Real> fixed,
                                         std::span<const Real> daily, Count tape_from,
                                         const std::vector<RunoffOutput>& further) {
  const bool same_windows = model_ != nullptr && windows == windows_;  // a calibration runs them thousands of times
  windows_ = windows;
  model_ = nullptr;
  if (windows.size() == 0) return {};
  width_ = padded(windows.size());
  const bool there = runs_device_loops(device_);
  Runoff<Real>& runoff = model(windows);
  if (!same_windows)
    forcing_ = there ? gathered_there(bytes(windows, tape_from, further.size()).all()) : gathered_here();
  model_ = &runoff;
  scale_fixed(fixed);
  const auto size = static_cast<std::size_t>(windows.days) * static_cast<std::size_t>(width_);
  runoff_.resize(size);
  RunoffSeries<Real> series;
  std::map<RunoffOutput, std::vector<Real>> made;
  for (const RunoffOutput o : further) made[o].resize(size);
  for (auto& [o, values] : made) series[static_cast<std::size_t>(o)] = values;
  if (parameters_.moisture) {
    wetness_.resize(size);
    series[static_cast<std::size_t>(RunoffOutput::soil_wetness)] = wetness_;
  }
  model_->forward(forcing_, {fixed_, daily, there}, {}, runoff_, series, tape_from);
  if (const auto [day, window] = model_->first_not_finite(); day >= 0) fail_not_finite(day, window);
  if (parameters_.hydrograph) {
    flow_.resize(size);
    unit_hydrograph_.set(hydrograph_a_, hydrograph_b_);
    unit_hydrograph_.forward(runoff_, flow_);
  }
  BasinOutputs out;
  out.streamflow_mm_day = scored(parameters_.hydrograph ? flow_ : runoff_, {}, {});
  if (parameters_.moisture) out.soil_moisture = scored(wetness_, moisture_a_, moisture_b_);
  for (auto& [o, values] : made) {
    if (parameters_.moisture && o == RunoffOutput::soil_wetness) values = wetness_;  // one array is filled
    const auto all = scored(values, {}, {});
    out.further[o].assign(all.begin(), all.end());
  }
  return out;
}

template <class Real>
void BasinPhysics<Real>::adjoint(std::span<const double> streamflow, std::span<const double> soil_moisture,
                                 std::span<Real> fixed, std::span<Real> daily) {
  if (model_ == nullptr) return;
  const auto size = static_cast<std::size_t>(windows_.days) * static_cast<std::size_t>(width_);
  const auto spread = [&](std::span<const double> from, std::vector<Real>& to, std::span<const Real> slope) {
    to.assign(size, Real(0));
    for (std::size_t k = 0; k < from.size(); ++k) {
      const auto w = static_cast<Count>(k) / windows_.scored(), day = static_cast<Count>(k) % windows_.scored();
      to[static_cast<std::size_t>((windows_.warmup + day) * width_ + w)] =
          static_cast<Real>(from[k]) * (slope.empty() ? Real(1) : slope[static_cast<std::size_t>(w)]);
    }
  };
  spread(streamflow, seed_, {});
  std::vector<Real> a(static_cast<std::size_t>(width_)), b(static_cast<std::size_t>(width_));
  if (parameters_.hydrograph) {
    runoff_seed_.resize(size);
    unit_hydrograph_.adjoint(runoff_, seed_, runoff_seed_, a, b);
  }
  RunoffSeries<const Real> series;
  if (!soil_moisture.empty()) {
    spread(soil_moisture, wetness_seed_, moisture_b_);
    series[static_cast<std::size_t>(RunoffOutput::soil_wetness)] = wetness_seed_;
  }
  fixed_adjoint_.resize(fixed_.size());
  model_->adjoint(parameters_.hydrograph ? runoff_seed_ : seed_, series,
                  {fixed_adjoint_, daily, {}, runs_device_loops(device_)});

  const auto outputs = static_cast<std::size_t>(parameters_.outputs());
  for (Index w = 0; w < windows_.size(); ++w) {
    const auto at = static_cast<std::size_t>(w);
    Real* to = fixed.data() + at * outputs;
    std::size_t output = 0;
    for (const auto& p : parameters_.runoff)
      for (Index k = 0; k < parameters_.components; ++k, ++output)
        to[output] =
            fixed_adjoint_[output * static_cast<std::size_t>(width_) + at] * static_cast<Real>(p.upper - p.lower);
    if (parameters_.hydrograph) {
      to[output++] = a[at] * static_cast<Real>(kHydrographLargestA);
      to[output++] = b[at] * static_cast<Real>(parameters_.hydrograph_b);
    }
    if (!parameters_.moisture) continue;
    double offset = 0, slope = 0;
    for (Count day = 0; day < (soil_moisture.empty() ? 0 : windows_.scored()); ++day) {
      const double g = soil_moisture[static_cast<std::size_t>(w * windows_.scored() + day)];
      offset += g;
      slope += g * static_cast<double>(wetness_[static_cast<std::size_t>((windows_.warmup + day) * width_ + w)]);
    }
    to[output++] = static_cast<Real>(offset * kLargestMoistureOffset);
    to[output++] = static_cast<Real>(slope * kLargestMoistureSlope);
  }
}

template <class Real>
void BasinPhysics<Real>::fail_not_finite(Count day, Index window) const {
  const auto w = static_cast<std::size_t>(std::min(window, windows_.size() - 1));
  fail("runoff of place {} on {} is not finite; try a smaller experiment.learning_rate or precision: double",
       problem_.id(problem_.first_own() + windows_.place[w]), iso_date(windows_.first_day[w] + day));
}

template class BasinPhysics<float>;
template class BasinPhysics<double>;

}  // namespace dpl
