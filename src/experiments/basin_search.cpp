// SCE-UA for many basins at once.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/experiments/calibrate.hpp"
#include "dpl/training/basin_model.hpp"

namespace dpl {
namespace {

SceUa search_of(const BasinProblem& problem, const BasinParameters& parameters, Index own) {
  const auto n = static_cast<std::size_t>(parameters.outputs());
  const CalibrationConfig& c = problem.config.calibration;
  return SceUa(std::vector<double>(n, 0.0), std::vector<double>(n, 1.0),
               {c.complexes, c.evaluations, c.stop_loops, c.stop_change, c.stop_range},
               {problem.config.seed, Purpose::complex_evolution, 0,
                problem.key[static_cast<std::size_t>(problem.first_own() + own)]});
}

}  // namespace

double calibration_value(const std::string& objective, std::span<const double> simulated,
                         std::span<const float> observed) {
  double n = 0, mean_s = 0, mean_o = 0;
  for (std::size_t d = 0; d < observed.size(); ++d) {
    if (std::isnan(observed[d])) continue;
    ++n, mean_s += simulated[d], mean_o += static_cast<double>(observed[d]);
  }
  constexpr double kUndefined = std::numeric_limits<double>::infinity();
  if (n == 0) return kUndefined;
  mean_s /= n, mean_o /= n;
  double squares = 0, ss = 0, oo = 0, so = 0;
  for (std::size_t d = 0; d < observed.size(); ++d) {
    if (std::isnan(observed[d])) continue;
    const double s = simulated[d], o = static_cast<double>(observed[d]);
    squares += (s - o) * (s - o);
    ss += (s - mean_s) * (s - mean_s), oo += (o - mean_o) * (o - mean_o), so += (s - mean_s) * (o - mean_o);
  }
  if (objective == "rmse") return std::sqrt(squares / n);
  if (oo == 0) return kUndefined;
  if (objective == "nse") return squares / oo;
  if (ss == 0 || mean_o == 0) return kUndefined;
  const double r = so / std::sqrt(ss * oo), spread = std::sqrt(ss / oo), bias = mean_s / mean_o;
  return std::sqrt((r - 1) * (r - 1) + (spread - 1) * (spread - 1) + (bias - 1) * (bias - 1));
}

BasinSearch::BasinSearch(const BasinProblem& problem, const BasinSeries& series, std::vector<Index> places)
    : problem_(problem), series_(series), physics_(problem, series) {
  for (const Index own : places) searches_.push_back({own, search_of(problem, physics_.parameters(), own), {}});
}

bool BasinSearch::finished() const {
  return std::all_of(searches_.begin(), searches_.end(), [](const One& one) { return one.search.finished(); });
}

// A place always fills as many lanes as it has complexes, some of them in vain where fewer points wait: the windows stay
// the same from call to call, and with them the forcing that the model has at hand.
void BasinSearch::step() {
  const Period& period = problem_.config.experiment.period;
  BasinWindows windows = period_windows(problem_, period, 0, 0);
  std::vector<float> shares;
  const auto lanes = static_cast<std::size_t>(problem_.config.calibration.complexes);
  const auto n = static_cast<std::size_t>(physics_.parameters().outputs());
  for (const auto& one : searches_) {
    if (one.search.finished()) continue;
    const auto asked = static_cast<std::size_t>(one.search.asked_count());
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const auto point = one.search.asked().subspan(std::min(one.values.size() + lane, asked - 1) * n, n);
      shares.insert(shares.end(), point.begin(), point.end());
      windows.place.push_back(one.place);
      windows.first_day.push_back(period.start.day - windows.warmup);
    }
  }
  if (windows.size() == 0) return;
  const auto made = physics_.forward(windows, shares, {}, Runoff<float>::kNoTape, {});
  const auto days = static_cast<std::size_t>(windows.scored());
  std::size_t window = 0;
  for (auto& one : searches_) {
    if (one.search.finished()) continue;
    const std::span<const float> observed(
        series_.streamflow_mm_day.data() + Count{one.place} * series_.days + (period.start.day - series_.first_day), days);
    const auto asked = static_cast<std::size_t>(one.search.asked_count());
    for (std::size_t lane = 0; lane < lanes; ++lane, ++window) {
      if (one.values.size() == asked) continue;
      const std::span<const double> simulated(made.streamflow_mm_day.data() + window * days, days);
      one.values.push_back(calibration_value(problem_.config.calibration.objective, simulated, observed));
    }
    if (one.values.size() < asked) continue;
    one.search.tell(one.values);
    one.values.clear();
  }
}

Count BasinSearch::evaluations() const {
  Count sum = 0;
  for (const auto& one : searches_) sum += one.search.evaluations();
  return sum;
}

std::vector<CalibratedPlace> BasinSearch::results() const {
  std::vector<CalibratedPlace> all;
  for (const auto& one : searches_)
    all.push_back({{one.search.best().begin(), one.search.best().end()},
                   one.search.best_value(),
                   one.search.evaluations(),
                   one.search.why(),
                   one.search.curve()});
  return all;
}

}  // namespace dpl
