// The losses of method section 4 with their derivatives written by hand; sums run over gauges, then times, ascending.
#include "dpl/learning/loss.hpp"

#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/base/run_config.hpp"

namespace dpl {
namespace {

constexpr double kLogShare = 0.25;      // a of RMSE+log
constexpr double kDivisorOffset = 0.1;  // added to sigma (nse_batch, nse_huber), to observed mean and deviation (kge)

/// Calls body(position) for every observation that counts, gauges ascending, then times ascending.
template <class Body>
void for_each_observation(const LossInput& in, Index first_gauge, Index last_gauge, Body body) {
  for (Index g = first_gauge; g < last_gauge; ++g) {
    for (Count t = 0; t < in.times; ++t) {
      const std::size_t at =
          static_cast<std::size_t>(g) * static_cast<std::size_t>(in.times) + static_cast<std::size_t>(t);
      if (in.scored[static_cast<std::size_t>(t)] != 0 && !std::isnan(in.observed[at])) body(at);
    }
  }
}

template <class Body>
void for_each_observation(const LossInput& in, Body body) {
  for_each_observation(in, 0, in.gauges, body);
}

/// weight * sqrt(mean (f(s) - f(o))^2) added to the result; `transform` returns {f(x), f'(x)}.
template <class Transform>
void add_rmse(const LossInput& in, double weight, Transform transform, LossResult& out) {
  double sum = 0;
  for_each_observation(in, [&](std::size_t at) {
    const double difference = transform(in.simulated[at]).first - transform(in.observed[at]).first;
    sum += difference * difference;
  });
  const double count = static_cast<double>(out.count);
  const double rmse = std::sqrt(sum / count);
  out.value += weight * rmse;
  if (rmse == 0) return;  // the derivative does not exist at a perfect fit; 0 is a subgradient
  for_each_observation(in, [&](std::size_t at) {
    const auto [value, slope] = transform(in.simulated[at]);
    out.gradient[at] += weight * (value - transform(in.observed[at]).first) * slope / (count * rmse);
  });
}

std::pair<double, double> identity(double x) { return {x, 1.0}; }

/// log10(sqrt(Q + 1e-6) + 0.1) and its derivative; negative flows (possible with `muskingum`) count as 0.
std::pair<double, double> log_flow(double q) {
  const double root = std::sqrt((q < 0 ? 0 : q) + 1e-6);
  const double slope = q < 0 ? 0 : 1 / (2 * root * (root + 0.1) * std::log(10.0));
  return {std::log10(root + 0.1), slope};
}

void rmse(const LossInput& in, LossResult& out) { add_rmse(in, 1, identity, out); }

void rmse_log(const LossInput& in, LossResult& out) {
  add_rmse(in, 1 - kLogShare, identity, out);
  add_rmse(in, kLogShare, log_flow, out);
}

/// Mean of rho(e) over the pooled observations, e = (s - o) / (sigma + 0.1); `rho` returns {rho(e), rho'(e)}.
template <class Rho>
void mean_scaled(const char* name, const LossInput& in, Rho rho, LossResult& out) {
  if (in.sigma.size() != static_cast<std::size_t>(in.gauges)) {
    fail("loss {}: {} standard deviations were given for {} gauges, one per gauge is needed", name, in.sigma.size(),
         in.gauges);
  }
  const double count = static_cast<double>(out.count);
  for (Index g = 0; g < in.gauges; ++g) {
    const double divisor = in.sigma[static_cast<std::size_t>(g)] + kDivisorOffset;
    for_each_observation(in, g, g + 1, [&](std::size_t at) {
      if (!std::isfinite(divisor)) {
        fail(
            "loss {}: gauge number {} has no standard deviation of its observations in the training period: "
            "give it at least one observation there or leave the gauge out",
            name, g);
      }
      const auto [value, slope] = rho((in.simulated[at] - in.observed[at]) / divisor);
      out.value += value;
      out.gradient[at] = slope / (divisor * count);
    });
  }
  out.value /= count;
}

void nse_batch(const LossInput& in, LossResult& out) {
  mean_scaled("nse_batch", in, [](double e) { return std::pair(e * e, 2 * e); }, out);
}

/// 2 d^2 (sqrt(1 + (e/d)^2) - 1), d the threshold: e^2 for small errors, 2 d |e| for large ones (Huber 1964, doi
/// 10.1214/aoms/1177703732, in the smooth form of Charbonnier et al. 1997, doi 10.1109/83.551699).
void nse_huber(const LossInput& in, LossResult& out) {
  if (!(in.huber_threshold > 0) || !std::isfinite(in.huber_threshold))
    fail("loss nse_huber: threshold {} is not allowed, it must be above 0 and finite", in.huber_threshold);
  const auto rho = [d = in.huber_threshold](double e) {
    const double root = std::sqrt(1 + e / d * (e / d));
    return std::pair(2 * e * e / (root + 1), 2 * e / root);
  };
  mean_scaled("nse_huber", in, rho, out);
}

/// Population moments of one gauge's scored pairs.
struct Moments {
  double count = 0, mean_s = 0, mean_o = 0, deviation_s = 0, deviation_o = 0, covariance = 0;
};

Moments moments_of(const LossInput& in, Index gauge) {
  Moments m;
  for_each_observation(in, gauge, gauge + 1, [&](std::size_t at) {
    m.count += 1;
    m.mean_s += in.simulated[at];
    m.mean_o += in.observed[at];
  });
  m.mean_s /= m.count;
  m.mean_o /= m.count;
  for_each_observation(in, gauge, gauge + 1, [&](std::size_t at) {
    const double s = in.simulated[at] - m.mean_s, o = in.observed[at] - m.mean_o;
    m.deviation_s += s * s;
    m.deviation_o += o * o;
    m.covariance += s * o;
  });
  m.deviation_s = std::sqrt(m.deviation_s / m.count);
  m.deviation_o = std::sqrt(m.deviation_o / m.count);
  m.covariance /= m.count;
  return m;
}

/// 1 - KGE of one gauge, E = sqrt((r-1)^2 + (alpha-1)^2 + (beta-1)^2), alpha = sd_s / (sd_o + 0.1),
/// beta = mean_s / (mean_o + 0.1), r Pearson's correlation (0 where either series is constant).
/// The gradient is left unscaled by the number of gauges.
double kge_distance(const LossInput& in, Index gauge, const Moments& m, std::vector<double>& gradient) {
  const double divisor_sd = m.deviation_o + kDivisorOffset, divisor_mean = m.mean_o + kDivisorOffset;
  const bool varies = !(m.deviation_s == 0 || m.deviation_o == 0);
  const double r = varies ? m.covariance / (m.deviation_s * m.deviation_o) : 0;
  const double alpha = m.deviation_s / divisor_sd, beta = m.mean_s / divisor_mean;
  const double distance = std::sqrt((r - 1) * (r - 1) + (alpha - 1) * (alpha - 1) + (beta - 1) * (beta - 1));
  if (distance == 0) return distance;
  for_each_observation(in, gauge, gauge + 1, [&](std::size_t at) {
    const double s = in.simulated[at] - m.mean_s, o = in.observed[at] - m.mean_o;
    double slope = (beta - 1) / (m.count * divisor_mean);
    if (m.deviation_s != 0) slope += (alpha - 1) * s / (m.count * m.deviation_s * divisor_sd);
    if (varies) {
      slope += (r - 1) * (o / m.deviation_o - r * s / m.deviation_s) / (m.count * m.deviation_s);
    }
    gradient[at] = slope / distance;
  });
  return distance;
}

void kge(const LossInput& in, LossResult& out) {
  Count used = 0;
  out.count = 0;
  for (Index g = 0; g < in.gauges; ++g) {
    Count observations = 0;
    for_each_observation(in, g, g + 1, [&](std::size_t) { ++observations; });
    if (observations < 2) continue;
    out.value += kge_distance(in, g, moments_of(in, g), out.gradient);
    out.count += observations;
    ++used;
  }
  if (used == 0) {
    fail(
        "loss kge: no gauge has two observations on the scored times of this window: choose another period, a longer "
        "window (experiment.rho) or the loss l1");
  }
  out.value /= static_cast<double>(used);
  for (double& slope : out.gradient) slope /= static_cast<double>(used);
}

void l1(const LossInput& in, LossResult& out) {
  const double count = static_cast<double>(out.count);
  for_each_observation(in, [&](std::size_t at) {
    const double difference = in.simulated[at] - in.observed[at];
    out.value += std::abs(difference);
    out.gradient[at] = difference > 0 ? 1 / count : difference < 0 ? -1 / count : 0 * difference;  // NaN stays NaN
  });
  out.value /= count;
}

struct NamedLoss {
  const char* name;
  void (*evaluate)(const LossInput&, LossResult&);
};

constexpr std::array<NamedLoss, 6> kLosses{{{"rmse", rmse},
                                            {"rmse_log", rmse_log},
                                            {"nse_batch", nse_batch},
                                            {"nse_huber", nse_huber},
                                            {"kge", kge},
                                            {"l1", l1}}};

void check_sizes(const LossInput& in) {
  const std::size_t all = static_cast<std::size_t>(in.gauges) * static_cast<std::size_t>(in.times);
  if (in.simulated.size() != all || in.observed.size() != all ||
      in.scored.size() != static_cast<std::size_t>(in.times)) {
    fail("loss: {} simulated, {} observed and {} scored values were given for {} gauges x {} times",
         in.simulated.size(), in.observed.size(), in.scored.size(), in.gauges, in.times);
  }
}

}  // namespace

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const NamedLoss& loss : kLosses) names.emplace_back(loss.name);
  return names;
}

LossResult evaluate_loss(const std::string& name, const LossInput& input) {
  const NamedLoss* chosen = nullptr;
  for (const NamedLoss& loss : kLosses) {
    if (name == loss.name) chosen = &loss;
  }
  if (chosen == nullptr) fail("experiment.loss: '{}' is not a loss; allowed: {}", name, fmt::join(loss_names(), ", "));
  check_sizes(input);
  LossResult result;
  result.gradient.assign(input.simulated.size(), 0.0);
  for_each_observation(input, [&](std::size_t) { ++result.count; });
  if (result.count == 0) {
    fail(
        "loss {}: no observation on the scored times of this window: choose another period, a longer window "
        "(experiment.rho) or other gauges",
        name);
  }
  chosen->evaluate(input, result);
  return result;
}

LossResult loss_at_gauges(const TrainConfig& experiment, std::vector<double> means, std::span<const double> observed,
                          Count intervals, std::span<const double> sigma) {
  for (std::size_t k = 0; k < means.size(); ++k)
    if (std::isnan(observed[k])) means[k] = 0;
  const std::vector<std::uint8_t> scored(static_cast<std::size_t>(intervals), 1);
  return evaluate_loss(experiment.loss, {static_cast<Index>(static_cast<Count>(observed.size()) / intervals), intervals,
                                         means, observed, scored, sigma, experiment.huber_threshold});
}

}  // namespace dpl
