// Batches of windows through the runoff model.
#include "dpl/training/basin_physics.hpp"

#include <algorithm>
#include <cmath>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

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

template <class Real>
BasinPhysics<Real>::BasinPhysics(const BasinProblem& problem, const BasinSeries& series)
    : problem_(problem), series_(series), parameters_(problem.config), device_(device_named(problem.config.device)),
      unit_hydrograph_(device_) {}

template <class Real>
Runoff<Real>& BasinPhysics<Real>::model(Index padded) {
  RunoffOptions options;
  options.variant = parameters_.variant;
  options.catchments = padded;
  options.components = parameters_.components;
  options.dynamic = parameters_.dynamic_names;
  options.precipitation_factor = problem_.config.runoff.precipitation_factor;
  options.device = device_;
  options.tape_bytes = static_cast<Count>(problem_.config.memory.tape_gib * kGib);
  if (parameters_.variant == RunoffVariant::hbv_2_0) {  // belongs to these places
    models_.clear();
    for (Index w = 0; w < padded; ++w) {
      const Index own = windows_.place[static_cast<std::size_t>(std::min(w, windows_.size() - 1))];
      const auto at = static_cast<std::size_t>(problem_.place[static_cast<std::size_t>(problem_.first_own() + own)]);
      options.area_km2.push_back(problem_.forcing.area_km2[at]);
      options.elevation_m.push_back(problem_.forcing.elevation_m[at]);
    }
  }
  const auto found = models_.find(padded);
  return found != models_.end() ? found->second : models_.emplace(padded, Runoff<Real>(options)).first->second;
}

template <class Real>
void BasinPhysics<Real>::gather_forcing() {
  gather(series_.precipitation_mm_day, series_, windows_, width_, precipitation_);
  gather(series_.temperature_degc, series_, windows_, width_, temperature_);
  gather(series_.pet_mm_day, series_, windows_, width_, pet_);
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
                                         std::span<const Real> dynamic, Count tape_from,
                                         const std::vector<RunoffOutput>& further) {
  const bool same_windows = model_ != nullptr && windows == windows_;  // a calibration runs them thousands of times
  windows_ = windows;
  model_ = nullptr;
  if (windows.size() == 0) return {};
  width_ = padded(windows.size());
  model_ = &model(width_);
  if (!same_windows) gather_forcing();
  scale_fixed(fixed);
  dynamic_.resize(dynamic.size());
  const auto parameters = static_cast<Count>(parameters_.dynamic.size());
  const Count lanes = Count{width_} * parameters_.components;
  for (Count row = 0; row < (parameters > 0 ? windows.days * parameters : 0); ++row) {
    const auto& p =
        parameters_.runoff[static_cast<std::size_t>(parameters_.dynamic[static_cast<std::size_t>(row % parameters)])];
    const Real low = static_cast<Real>(p.lower), extent = static_cast<Real>(p.upper - p.lower);
    const Real* from = dynamic.data() + row * lanes;
    Real* to = dynamic_.data() + row * lanes;
    for (Count i = 0; i < lanes; ++i) to[i] = low + extent * from[i];
  }
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
  model_->forward({precipitation_.data(), temperature_.data(), pet_.data(), windows.days}, {fixed_, dynamic_}, {},
                  runoff_, series, tape_from);
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
                                 std::span<Real> fixed, std::vector<Real>& dynamic) {
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
  dynamic.resize(dynamic_.size());
  model_->adjoint(parameters_.hydrograph ? runoff_seed_ : seed_, series, {fixed_adjoint_, dynamic, {}});

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
  const auto parameters = static_cast<Count>(parameters_.dynamic.size());
  const Count lanes = Count{width_} * parameters_.components;
  for (Count row = 0; row < (parameters > 0 ? windows_.days * parameters : 0); ++row) {
    const auto& p =
        parameters_.runoff[static_cast<std::size_t>(parameters_.dynamic[static_cast<std::size_t>(row % parameters)])];
    for (Count i = 0; i < lanes; ++i)
      dynamic[static_cast<std::size_t>(row * lanes + i)] *= static_cast<Real>(p.upper - p.lower);
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
