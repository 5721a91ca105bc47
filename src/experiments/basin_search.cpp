// SCE-UA for many basins at once.
#include <algorithm>

#include "dpl/experiments/calibrate.hpp"
#include "dpl/experiments/calibration_objective.hpp"
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

class BasinSearch final : public PlaceSearch {
 public:
  BasinSearch(const BasinProblem& problem, const BasinSeries& series, const std::vector<Index>& places);
  bool finished() const override;
  void step() override;
  Count evaluations() const override;
  std::vector<CalibratedPlace> results() const override;

 private:
  struct One {
    Index place;
    SceUa search;
    std::vector<double> values;  // of the points asked for, so far
  };
  const BasinProblem& problem_;
  const BasinSeries& series_;
  BasinPhysics<float> physics_;
  std::vector<One> searches_;
};

BasinSearch::BasinSearch(const BasinProblem& problem, const BasinSeries& series, const std::vector<Index>& places)
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

}  // namespace

std::unique_ptr<PlaceSearch> make_basin_search(const BasinProblem& problem, const BasinSeries& series,
                                               std::vector<Index> places) {
  return std::make_unique<BasinSearch>(problem, series, places);
}

}  // namespace dpl
