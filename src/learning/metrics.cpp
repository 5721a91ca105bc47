// Scores of method section 4 for one place; days where either series is missing are left out first.
#include "dpl/learning/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kSmallestFlow = 1e-6;  // m3/s; stands for zero and negative flows under the logarithm of FLV

/// The scored days of the two series.
struct Pairs {
  std::vector<double> s, o;
  std::size_t size() const { return s.size(); }
};

double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

double mean(std::span<const double> values) { return sum(values) / static_cast<double>(values.size()); }

/// Sum of (a - mean a)(b - mean b).
double cross_deviation(std::span<const double> a, std::span<const double> b) {
  const double mean_a = mean(a), mean_b = mean(b);
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += (a[i] - mean_a) * (b[i] - mean_b);
  return total;
}

/// Exact test: a computed variance of equal numbers need not be zero.
bool is_constant(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low == *high;
}

/// Root mean squared error over the days whose observation `selects`; NaN where there is none.
template <class Selects>
double rmse_where(const Pairs& days, Selects selects) {
  double total = 0;
  double count = 0;
  for (std::size_t i = 0; i < days.size(); ++i) {
    if (!selects(days.o[i])) continue;
    total += (days.s[i] - days.o[i]) * (days.s[i] - days.o[i]);
    count += 1;
  }
  return count > 0 ? std::sqrt(total / count) : kNaN;
}

/// 1 - distance of (r, variability ratio, mean ratio) from (1, 1, 1): Gupta et al. 2009 and Kling et al. 2012.
double kling_gupta(double r, double variability, double bias_ratio) {
  const double value =
      1 - std::sqrt((r - 1) * (r - 1) + (variability - 1) * (variability - 1) + (bias_ratio - 1) * (bias_ratio - 1));
  return std::isfinite(value) ? value : kNaN;
}

/// Days in a share of the flow duration curve, at least one.
std::size_t days_in_share(std::size_t days, double share) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * static_cast<double>(days))));
}

double ratio_percent(double numerator, double denominator) {
  return denominator == 0 ? kNaN : 100 * numerator / denominator;
}

/// Percent bias of the highest 2 % of the flow duration curves (each series sorted by itself).
double high_flow_bias(const std::vector<double>& sorted_s, const std::vector<double>& sorted_o) {
  const std::size_t count = days_in_share(sorted_o.size(), 0.02);
  const double s = sum(std::span(sorted_s).last(count)), o = sum(std::span(sorted_o).last(count));
  return ratio_percent(s - o, o);
}

/// Sum of log(Q) - log(lowest Q) over the lowest 30 % of the flow duration curve.
double low_flow_volume(const std::vector<double>& sorted) {
  const std::size_t count = days_in_share(sorted.size(), 0.30);
  const double lowest = std::log(std::max(sorted.front(), kSmallestFlow));
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += std::log(std::max(sorted[i], kSmallestFlow)) - lowest;
  return total;
}

Pairs scored_days(std::span<const double> simulated, std::span<const double> observed) {
  Pairs days;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (std::isnan(simulated[i]) || std::isnan(observed[i])) continue;
    days.s.push_back(simulated[i]);
    days.o.push_back(observed[i]);
  }
  return days;
}

/// In the order of metric_names(): bias .. pbias.
std::vector<double> whole_series_scores(const Pairs& days) {
  const double mean_s = mean(days.s), mean_o = mean(days.o);
  const double bias = mean_s - mean_o;
  const double rmse = rmse_where(days, [](double) { return true; });
  const double count = static_cast<double>(days.size());
  double r = kNaN, nse = kNaN, kge = kNaN, kge_2012 = kNaN;
  if (!is_constant(days.o)) {
    const double squares_o = cross_deviation(days.o, days.o), squares_s = cross_deviation(days.s, days.s);
    nse = 1 - rmse * rmse * count / squares_o;
    if (!is_constant(days.s)) {
      r = cross_deviation(days.s, days.o) / std::sqrt(squares_s * squares_o);
      const double deviation_ratio = std::sqrt(squares_s / squares_o);
      kge = kling_gupta(r, deviation_ratio, mean_s / mean_o);
      kge_2012 = kling_gupta(r, deviation_ratio * mean_o / mean_s, mean_s / mean_o);
    }
  }
  const double ubrmse = std::sqrt(std::max(rmse * rmse - bias * bias, 0.0));
  return {bias, rmse, ubrmse, r, nse, kge, kge_2012, ratio_percent(sum(days.s) - sum(days.o), sum(days.o))};
}

/// In the order of metric_names(): fhv .. rmse_high.
std::vector<double> flow_range_scores(const Pairs& days) {
  std::vector<double> sorted_s = days.s, sorted_o = days.o;
  std::sort(sorted_s.begin(), sorted_s.end());
  std::sort(sorted_o.begin(), sorted_o.end());
  const double low_s = low_flow_volume(sorted_s), low_o = low_flow_volume(sorted_o);
  const double q30 = quantile(days.o, 0.30), q98 = quantile(days.o, 0.98);
  return {high_flow_bias(sorted_s, sorted_o), -ratio_percent(low_s - low_o, low_o),
          rmse_where(days, [&](double o) { return o < q30; }),
          rmse_where(days, [&](double o) { return o >= q30 && o <= q98; }),
          rmse_where(days, [&](double o) { return o > q98; })};
}

}  // namespace

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names{"bias",     "rmse",     "ubrmse",   "pearson_r", "nse",
                                              "kge",      "kge_2012", "pbias",    "fhv",       "flv",
                                              "rmse_low", "rmse_mid", "rmse_high"};
  return names;
}

double Metrics::get(const std::string& name) const {
  const auto& names = metric_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail("metric '{}' is not known", name);
  return values.at(static_cast<std::size_t>(found - names.begin()));
}

Metrics score(std::span<const double> simulated, std::span<const double> observed) {
  if (simulated.size() != observed.size()) {
    fail("metrics: {} simulated and {} observed days must be equally many", simulated.size(), observed.size());
  }
  const Pairs days = scored_days(simulated, observed);
  Metrics result;
  result.count = static_cast<Count>(days.size());
  if (days.size() < 2) {
    result.values.assign(metric_names().size(), kNaN);
    return result;
  }
  result.values = whole_series_scores(days);
  const std::vector<double> ranges = flow_range_scores(days);
  result.values.insert(result.values.end(), ranges.begin(), ranges.end());
  return result;
}

double quantile(std::vector<double> values, double probability) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return kNaN;
  std::sort(values.begin(), values.end());
  const double position = probability * static_cast<double>(values.size() - 1);
  const std::size_t below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace dpl
