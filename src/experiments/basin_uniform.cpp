// The best single set of runoff parameters for all places: what a learned network must beat.
#include <algorithm>
#include <cmath>

#include "dpl/base/log.hpp"
#include "dpl/experiments/baselines.hpp"
#include "dpl/experiments/basin_contest.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/parallel/exact_sum.hpp"

namespace dpl {
namespace {

constexpr Index kMostEvaluations = 300;

// The problem with one component and static parameters.
BasinProblem one_component(const BasinProblem& problem) {
  BasinProblem one = problem;
  one.config.runoff.nmul = 1;
  one.config.runoff.dynamic.clear();
  one.config.experiment.targets.soil_moisture = 0;
  return one;
}

std::vector<double> streamflow(BasinPhysics<float>& physics, const BasinProblem& problem,
                               std::span<const double> shares, const Period& period) {
  std::vector<double> all;
  for (Index first = 0; first < problem.own(); first += problem.blocks.block_size) {
    const auto windows =
        period_windows(problem, period, first, std::min(problem.own(), first + problem.blocks.block_size));
    std::vector<float> fixed;
    for (Index w = 0; w < windows.size(); ++w) fixed.insert(fixed.end(), shares.begin(), shares.end());
    const auto made = physics.forward(windows, fixed, {}, Runoff<float>::kNoTape, {});
    all.insert(all.end(), made.streamflow_mm_day.begin(), made.streamflow_mm_day.end());
  }
  return all;
}

}  // namespace

// Mean over places of the squared error over (sigma + 0.1)^2, whatever the loss of the training: places weigh alike.
UniformSet best_uniform_set(const BasinProblem& training, const BasinSeries& series) {
  const BasinProblem problem = one_component(training);
  const Period& period = problem.config.experiment.period;
  BasinPhysics<float> physics(problem, series);
  const auto sigma = observed_deviations(problem, series, series.streamflow_mm_day, period);
  const auto days = static_cast<std::size_t>(period.days());
  const auto shares_of = [](std::span<const double> outputs) {
    std::vector<double> shares;
    for (const double o : outputs) shares.push_back(1 / (1 + std::exp(-o)));
    return shares;
  };
  UniformSet set;
  const auto loss = [&](std::span<const double> outputs) {
    std::vector<double> sums(static_cast<std::size_t>(problem.own()), 0.0);
    Count count = 0;
    agree(problem.comm, "best uniform set", [&] {
      const auto simulated = streamflow(physics, problem, shares_of(outputs), period);
      for (Index k = 0; k < problem.own(); ++k) {
        const float* o =
            series.streamflow_mm_day.data() + Count{k} * series.days + (period.start.day - series.first_day);
        const double divisor = sigma[static_cast<std::size_t>(problem.first_own() + k)] + 0.1;
        for (std::size_t d = 0; d < days; ++d) {
          if (std::isnan(o[d])) continue;
          const double error =
              (simulated[static_cast<std::size_t>(k) * days + d] - static_cast<double>(o[d])) / divisor;
          sums[static_cast<std::size_t>(k)] += error * error;
          ++count;
        }
      }
    });
    return exact_sum(problem.comm, sums) / static_cast<double>(problem.comm.sum(count));
  };
  const std::vector<double> middle(static_cast<std::size_t>(physics.parameters().outputs()), 0.0);
  const SimplexResult best = minimise_simplex(loss, {middle}, kMostEvaluations);
  return {shares_of(best.point), best.value, best.evaluations};
}

std::vector<double> uniform_streamflow(const BasinProblem& problem, const BasinSeries& series, const UniformSet& set,
                                       const Period& period) {
  const BasinProblem one = one_component(problem);
  std::vector<double> all;
  agree(problem.comm, "best uniform set", [&] {
    BasinPhysics<float> physics(one, series);
    all = streamflow(physics, one, set.shares, period);
  });
  return all;
}

}  // namespace dpl
