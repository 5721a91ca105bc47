// What a calibration makes best: one number of a simulated and an observed series, with its gradient.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace dpl {

/// `calibration.objective` over the values that are observed (not NaN): 1 - NSE, 1 - KGE (Gupta et al. 2009, no
/// constant added) or the root of the mean square, in the series' unit; infinite where it is not defined.
/// @param Observed float or double
template <class Observed>
double calibration_value(const std::string& objective, std::span<const double> simulated,
                         std::span<const Observed> observed);

/// The same with its derivatives by the simulated values, same length, 0 where nothing is observed and everywhere where
/// the value is not defined or the series are equal (the corner of kge and rmse).
template <class Observed>
double calibration_gradient(const std::string& objective, std::span<const double> simulated,
                            std::span<const Observed> observed, std::span<double> gradient);

extern template double calibration_value(const std::string&, std::span<const double>, std::span<const float>);
extern template double calibration_value(const std::string&, std::span<const double>, std::span<const double>);
extern template double calibration_gradient(const std::string&, std::span<const double>, std::span<const float>,
                                            std::span<double>);
extern template double calibration_gradient(const std::string&, std::span<const double>, std::span<const double>,
                                            std::span<double>);

}  // namespace dpl
