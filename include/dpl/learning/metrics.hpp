// Scores of a simulated series against an observed one (method section 4).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// Names of all metrics in the order of Metrics::values: bias, rmse, ubrmse, pearson_r, nse, kge, kge_2012, pbias, fhv,
/// flv, rmse_low, rmse_mid, rmse_high.
const std::vector<std::string>& metric_names();

/// One value a metric, NaN where it is not defined (fewer than two observations, constant observations).
struct Metrics {
  std::vector<double> values;
  Count count = 0;                 ///< days scored
  double get(const std::string& name) const;
};

/// NaN in either series leaves the day out.
Metrics score(std::span<const double> simulated, std::span<const double> observed);

/// Quantile with linear interpolation between order statistics (numpy's default); NaN values are left out.
double quantile(std::vector<double> values, double probability);

}  // namespace dpl
