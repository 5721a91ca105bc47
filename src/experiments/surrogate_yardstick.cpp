// Slopes of the surrogate beside those of HBV's adjoint, where the external program is the own HBV.
#include "dpl/experiments/surrogate_yardstick.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/learning/metrics.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {
namespace {

RunConfig one_component(RunConfig config) {
  config.runoff.variant = "1.1p";
  config.runoff.nmul = 1;
  config.runoff.dynamic.clear();
  config.runoff.unit_hydrograph = true;
  config.experiment.targets.soil_moisture = 0;
  return config;
}

// Of the same loss as surrogate_slopes, [own place][parameter].
std::vector<double> adjoint_slopes(const BasinProblem& problem, const BasinSeries& series,
                                   std::span<const double> shares, const Period& period, std::span<const double> sigma) {
  BasinProblem one = problem;
  one.config = one_component(problem.config);
  BasinPhysics<double> physics(one, series);
  const auto width = static_cast<std::size_t>(physics.parameters().outputs());
  std::vector<double> slopes(shares.size());
  agree(problem.comm, "yardstick", [&] {
    for (Index k = 0; k < problem.own(); ++k) {
      const BasinWindows w = period_windows(one, period, k, k + 1);
      const auto part = shares.subspan(static_cast<std::size_t>(k) * width, width);
      const auto made = physics.forward(w, part, {}, 0, {});
      const float* observed =
          series.streamflow_mm_day.data() + Count{k} * series.days + (period.start.day - series.first_day);
      const double divisor = std::pow(sigma[static_cast<std::size_t>(problem.first_own() + k)] + 0.1, 2) *
                             static_cast<double>(period.days());
      std::vector<double> seed(made.streamflow_mm_day.size(), 0.0), none;
      for (std::size_t d = 0; d < seed.size(); ++d)
        if (!std::isnan(observed[d]))
          seed[d] = 2 * (made.streamflow_mm_day[d] - static_cast<double>(observed[d])) / divisor;
      physics.adjoint(seed, {}, std::span(slopes).subspan(static_cast<std::size_t>(k) * width, width), none);
    }
  });
  return slopes;
}

double correlation(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) mx += x[i] / n, my += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i)
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my), xy += (x[i] - mx) * (y[i] - my);
  return xy / std::sqrt(xx * yy);
}

}  // namespace

void check_yardstick(const RunConfig& config) {
  const BasinParameters hbv(one_component(config));
  std::vector<ProgramParameter> expected;
  for (const auto& p : hbv.runoff) expected.push_back({p.name, p.lower, p.upper, false});
  expected.push_back({"unit_hydrograph_a", 0, 2.9, false});
  expected.push_back({"unit_hydrograph_b", 0, hbv.hydrograph_b, false});
  const auto& given = config.surrogate.parameters;
  for (std::size_t k = 0; k < std::max(given.size(), expected.size()); ++k) {
    const bool missing = k >= given.size(), more = k >= expected.size();
    if (!missing && !more && given[k].name == expected[k].name && given[k].low == expected[k].low &&
        given[k].high == expected[k].high && !given[k].log_space)
      continue;
    fail("config: surrogate.yardstick is hbv; then parameter {} of surrogate.parameters must be {}, and it is {}", k + 1,
         more ? "absent" : fmt::format("{}: [{}, {}]", expected[k].name, expected[k].low, expected[k].high),
         missing ? "absent"
                 : fmt::format("{}: [{}, {}{}]", given[k].name, given[k].low, given[k].high,
                               given[k].log_space ? ", log" : ""));
  }
}

void YardstickTable::add(const std::string& at, SurrogateModel& model, std::span<const double> shares,
                         const Period& period, Count warmup) {
  const BasinProblem& problem = model.problem();
  const auto& parameters = problem.config.surrogate.parameters;
  const auto sigma = observed_deviations(problem, model.series(), model.series().streamflow_mm_day, period);
  const auto gather = [&](const std::vector<double>& own) {
    std::vector<double> all(static_cast<std::size_t>(problem.size()) * parameters.size(), 0.0);
    std::copy(own.begin(), own.end(),
              all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(problem.first_own()) * parameters.size()));
    problem.comm.gather_owned(all);
    return all;
  };
  const auto surrogate = gather(surrogate_slopes(model, shares, period, warmup, sigma));
  const auto adjoint = gather(adjoint_slopes(problem, model.series(), shares, period, sigma));
  const auto places = static_cast<std::size_t>(problem.size());
  log_info("slopes of the loss, surrogate beside HBV's adjoint, {} ({} places)", at, places);
  log_info("{:<20}{:>12}{:>10}{:>14}{:>16}", "parameter", "correlation", "ratio", "same sign", "median |slope|");
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    std::vector<double> s, a, size;
    double product = 0, squares = 0, same = 0;
    for (std::size_t k = 0; k < places; ++k) {
      s.push_back(surrogate[k * parameters.size() + p]), a.push_back(adjoint[k * parameters.size() + p]);
      size.push_back(std::abs(a.back()));
      product += s.back() * a.back(), squares += a.back() * a.back(), same += s.back() * a.back() > 0 ? 1 : 0;
      by_place += fmt::format("{},{},{},{:.9g},{:.9g}\n", at, problem.id(static_cast<Index>(k)), parameters[p].name,
                              s.back(), a.back());
    }
    const double r = correlation(s, a), ratio = product / squares, share = same / static_cast<double>(places);
    by_parameter += fmt::format("{},{},{:.4f},{:.4f},{:.4f},{:.6g},{}\n", at, parameters[p].name, r, ratio, share,
                                quantile(size, 0.5), places);
    log_info("{:<20}{:>12.3f}{:>10.3f}{:>14.3f}{:>16.4g}", parameters[p].name, r, ratio, share, quantile(size, 0.5));
  }
}

}  // namespace dpl
