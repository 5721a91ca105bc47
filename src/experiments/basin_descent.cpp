// Calibration of many basins by gradients, each alone: Adam from several starts, all of them lanes of one call.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "dpl/base/random.hpp"
#include "dpl/experiments/calibrate.hpp"
#include "dpl/experiments/calibration_objective.hpp"
#include "dpl/learning/optimizer.hpp"
#include "dpl/learning/rate_schedule.hpp"
#include "dpl/training/basin_model.hpp"

namespace dpl {
namespace {

class Stopwatch {
 public:
  explicit Stopwatch(double& to) : to_(to) {}
  ~Stopwatch() { to_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;

 private:
  double& to_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Every start of every place takes the same number of steps, so that the windows stay the same from call to call. What
// Adam does to an element depends on this element alone.
class BasinDescent final : public PlaceSearch {
 public:
  BasinDescent(const BasinProblem& problem, const BasinSeries& series, const std::vector<Index>& places)
      : problem_(problem),
        series_(series),
        config_(problem.config.calibration),
        physics_(problem, series),
        outputs_(static_cast<std::size_t>(physics_.parameters().outputs())),
        windows_(period_windows(problem, problem.config.experiment.period, 0, 0)) {
    for (const Index place : places) {
      results_.push_back({{}, std::numeric_limits<double>::infinity(), 0, "", {}, 0});
      for (Index start = 0; start < config_.starts; ++start) {
        windows_.place.push_back(place);
        windows_.first_day.push_back(problem.config.experiment.period.start.day - windows_.warmup);
      }
    }
    at_ = at::empty({static_cast<std::int64_t>(lanes() * outputs_)}, at::TensorOptions().dtype(at::kDouble));
    set_starts();
    optimizer_ = std::make_unique<Adam>(std::vector<NamedTensor>{{"calibration", at_}});
    schedule_.updates = config_.steps;
    schedule_.learning_rate = {{1, config_.rate}};
    schedule_.schedule.decay_to = config_.decay_to;
  }

  bool finished() const override { return step_ > config_.steps; }

  // The last call only looks where the last step led.
  void step() override {
    const bool last = step_ == config_.steps;
    std::vector<float> shares(lanes() * outputs_);
    const double* free = at_.const_data_ptr<double>();
    for (std::size_t k = 0; k < shares.size(); ++k) shares[k] = static_cast<float>(1 / (1 + std::exp(-free[k])));
    Count tape_from = Runoff<float>::kNoTape;
    if (!last) tape_from = problem_.config.runoff.gradient_through_warmup ? 0 : windows_.warmup;
    double ignored = 0;
    BasinOutputs made;
    {
      const Stopwatch watch(last ? ignored : seconds_.forward);
      made = physics_.forward(windows_, shares, {}, tape_from, {});
    }
    std::vector<double> seed(made.streamflow_mm_day.size());
    look(made.streamflow_mm_day, shares, seed);
    ++step_;
    if (last) return;
    std::vector<float> by_shares(shares.size());
    {
      const Stopwatch watch(seconds_.adjoint);
      physics_.adjoint(seed, {}, by_shares, {});
    }
    WeightArrays gradient{std::vector<double>(shares.size())};
    for (std::size_t k = 0; k < shares.size(); ++k) {
      const auto share = static_cast<double>(shares[k]);
      const double value = static_cast<double>(by_shares[k]) * share * (1 - share);
      gradient[0][k] = std::isfinite(value) ? value : 0;
    }
    optimizer_->step(gradient, scheduled_rate(schedule_, step_ - 1));
    for (auto& place : results_) place.adjoints += config_.starts;
  }

  Count evaluations() const override {
    return static_cast<Count>(results_.size()) * config_.starts * std::min<Count>(step_, config_.steps + 1);
  }
  std::vector<CalibratedPlace> results() const override { return results_; }
  Seconds seconds() const override { return seconds_; }

 private:
  std::size_t lanes() const { return static_cast<std::size_t>(windows_.size()); }

  // About the middle of the ranges; components of one start differ too.
  void set_starts() {
    double* to = at_.mutable_data_ptr<double>();
    for (std::size_t lane = 0; lane < lanes(); ++lane) {
      const auto own = static_cast<std::size_t>(problem_.first_own() + windows_.place[lane]);
      const RandomKey key{problem_.config.seed, Purpose::calibration_start,
                          lane % static_cast<std::size_t>(config_.starts), problem_.key[own]};
      for (std::size_t k = 0; k < outputs_; ++k)
        *to++ = config_.start_spread * random_normal(key, static_cast<std::uint32_t>(k));
    }
  }

  // Values of all lanes and their derivatives by the flow; keeps what is better than all before.
  void look(const std::vector<double>& flow, const std::vector<float>& shares, std::vector<double>& seed) {
    const auto days = static_cast<std::size_t>(windows_.scored());
    const Count before = problem_.config.experiment.period.start.day - series_.first_day;
    for (std::size_t lane = 0; lane < lanes(); ++lane) {
      CalibratedPlace& place = results_[lane / static_cast<std::size_t>(config_.starts)];
      const std::span<const float> observed(
          series_.streamflow_mm_day.data() + Count{windows_.place[lane]} * series_.days + before, days);
      const double value =
          calibration_gradient(config_.objective, std::span(flow).subspan(lane * days, days), observed,
                               std::span(seed).subspan(lane * days, days));
      ++place.evaluations;
      if (!(value < place.value)) continue;
      place.value = value;
      place.curve.push_back({place.evaluations, value});
      const auto from = shares.begin() + static_cast<std::ptrdiff_t>(lane * outputs_);
      place.shares.assign(from, from + static_cast<std::ptrdiff_t>(outputs_));
      place.why = "steps done";
    }
  }

  const BasinProblem& problem_;
  const BasinSeries& series_;
  const CalibrationConfig& config_;
  BasinPhysics<float> physics_;
  std::size_t outputs_;
  BasinWindows windows_;  // [place][start]
  at::Tensor at_;         // [place][start][output] before the sigmoid
  std::unique_ptr<Adam> optimizer_;
  TrainConfig schedule_;
  Count step_ = 0;
  std::vector<CalibratedPlace> results_;
  Seconds seconds_;
};

}  // namespace

std::unique_ptr<PlaceSearch> make_basin_descent(const BasinProblem& problem, const BasinSeries& series,
                                                std::vector<Index> places) {
  return std::make_unique<BasinDescent>(problem, series, places);
}

}  // namespace dpl
