// Sums over the observed values, the objective of them, and its derivatives.
#include "dpl/experiments/calibration_objective.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dpl {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::infinity();

struct Moments {
  double n = 0, mean_s = 0, mean_o = 0;
  double squares = 0, ss = 0, oo = 0, so = 0;  // of s - o, and about the means
};

template <class Observed>
Moments moments_of(std::span<const double> simulated, std::span<const Observed> observed) {
  Moments m;
  for (std::size_t d = 0; d < observed.size(); ++d) {
    if (std::isnan(observed[d])) continue;
    ++m.n, m.mean_s += simulated[d], m.mean_o += static_cast<double>(observed[d]);
  }
  if (m.n == 0) return m;
  m.mean_s /= m.n, m.mean_o /= m.n;
  for (std::size_t d = 0; d < observed.size(); ++d) {
    if (std::isnan(observed[d])) continue;
    const double s = simulated[d], o = static_cast<double>(observed[d]);
    m.squares += (s - o) * (s - o);
    m.ss += (s - m.mean_s) * (s - m.mean_s), m.oo += (o - m.mean_o) * (o - m.mean_o);
    m.so += (s - m.mean_s) * (o - m.mean_o);
  }
  return m;
}

// r, the ratio of the deviations and that of the means.
struct KgeParts {
  double r, spread, bias;
  explicit KgeParts(const Moments& m)
      : r(m.so / std::sqrt(m.ss * m.oo)), spread(std::sqrt(m.ss / m.oo)), bias(m.mean_s / m.mean_o) {}
  double distance() const {
    return std::sqrt((r - 1) * (r - 1) + (spread - 1) * (spread - 1) + (bias - 1) * (bias - 1));
  }
};

double value_of(const std::string& objective, const Moments& m) {
  if (m.n == 0) return kUndefined;
  if (objective == "rmse") return std::sqrt(m.squares / m.n);
  if (m.oo == 0) return kUndefined;
  if (objective == "nse") return m.squares / m.oo;
  if (m.ss == 0 || m.mean_o == 0) return kUndefined;
  return KgeParts(m).distance();
}

}  // namespace

template <class Observed>
double calibration_value(const std::string& objective, std::span<const double> simulated,
                         std::span<const Observed> observed) {
  return value_of(objective, moments_of(simulated, observed));
}

template <class Observed>
double calibration_gradient(const std::string& objective, std::span<const double> simulated,
                            std::span<const Observed> observed, std::span<double> gradient) {
  const Moments m = moments_of(simulated, observed);
  const double value = value_of(objective, m);
  std::ranges::fill(gradient, 0.0);
  if (!std::isfinite(value) || value == 0) return value;
  // d value / d s = by_error (s - o) + by_s (s - mean s) + by_o (o - mean o) + constant
  double by_error = 0, by_s = 0, by_o = 0, constant = 0;
  if (objective == "rmse") {
    by_error = 1 / (m.n * value);
  } else if (objective == "nse") {
    by_error = 2 / m.oo;
  } else {
    const KgeParts k(m);
    by_s = ((k.spread - 1) * k.spread - (k.r - 1) * k.r) / (m.ss * value);
    by_o = (k.r - 1) / (std::sqrt(m.ss * m.oo) * value);
    constant = (k.bias - 1) / (m.n * m.mean_o * value);
  }
  for (std::size_t d = 0; d < observed.size(); ++d) {
    if (std::isnan(observed[d])) continue;
    const double s = simulated[d], o = static_cast<double>(observed[d]);
    gradient[d] = by_error * (s - o) + by_s * (s - m.mean_s) + by_o * (o - m.mean_o) + constant;
  }
  return value;
}

template double calibration_value(const std::string&, std::span<const double>, std::span<const float>);
template double calibration_value(const std::string&, std::span<const double>, std::span<const double>);
template double calibration_gradient(const std::string&, std::span<const double>, std::span<const float>,
                                     std::span<double>);
template double calibration_gradient(const std::string&, std::span<const double>, std::span<const double>,
                                     std::span<double>);

}  // namespace dpl
