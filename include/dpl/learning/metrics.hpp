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
  Count count = 0;  ///< days scored
  double get(const std::string& name) const;
};

/// NaN in either series leaves the day out.
/// bias = mean s - mean o; ubrmse = sqrt(rmse^2 - bias^2); nse Nash and Sutcliffe 1970; kge Gupta et al. 2009; kge_2012
/// Kling et al. 2012; pbias = 100 sum(s-o) / sum o. fhv, flv: Yilmaz et al. 2008 on the flow duration curves (each
/// series sorted by itself): fhv = percent bias of the highest 2 %; flv = -100 (V_s - V_o) / V_o with V the sum of
/// log(Q) - log(lowest Q) over the lowest 30 % (Yilmaz' sign), flows below 1e-6 m3/s taken as 1e-6. rmse_low, _mid,
/// _high: days whose observation lies below its 30 % quantile, between, above its 98 % quantile.
Metrics score(std::span<const double> simulated, std::span<const double> observed);

/// Quantile with linear interpolation between order statistics (numpy's default); NaN values are left out.
double quantile(std::vector<double> values, double probability);

}  // namespace dpl
