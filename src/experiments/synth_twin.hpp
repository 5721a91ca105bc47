// What the makers of twins (one basin, a continent) share: laws of reaches and truth, clock and options of the true routing,
// heads of the files.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/random.hpp"
#include "dpl/base/run_config.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/experiments/synth_domain.hpp"
#include "dpl/learning/interval_mean.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// How the truth is routed and observed. Throws Error where steps do not fit into each other.
struct TwinClock {
  RoutingOptions options;
  Index hold = 1;            ///< routing steps of a row of the lateral inflow
  IntervalMean mean;         ///< from routing steps to observed intervals
  Count intervals = 0;       ///< of the observations
};
TwinClock twin_clock(const RunConfig& config);

/// Sub-reaches of a reach under routing.split, at the true parameters.
Index twin_sub_reaches(const RunConfig& config, double length_m, double slope, double upstream_area_km2, double n, double p,
                       double q);

/// A log-normal draw around `median`, cut off at low and high.
double bounded_lognormal(const RandomKey& key, double median, double spread, double low, double high);

/// "log10_uparea", "a01", "a02", ...
std::string twin_attribute_name(Index k);
/// [reach] Attribute 0 is log10 of the drained area, the others are sums of four plane waves of `shortest_km` to five times that.
std::vector<double> twin_attribute(const RunConfig& config, Index k, std::span<const double> upstream_area_km2,
                                   std::span<const double> x_km, std::span<const double> y_km, double shortest_km);
/// The truth that make_synth_truth describes. @param standardised  (k) -> attribute k with mean 0 and deviation 1, [reach]
SynthTruth twin_truth(const RunConfig& config, std::span<const double> upstream_area_km2,
                      const std::function<std::vector<double>(Index)>& standardised);

/// Throws Error where a file of this path exists that synth has not made.
void refuse_foreign(const std::string& path);
/// truth.nc beside the network.
std::string truth_path(const RunConfig& config);
/// The folder of a file about to be made.
void make_folder_of(const std::string& path);

/// Definitions of a twin's file.
void put_twin_header(NetcdfFile& file, const RunConfig& config, const std::string& title);
void define_twin_variable(NetcdfFile& file, const std::string& name, const std::string& type,
                          const std::vector<std::string>& dimensions, const std::string& units, const std::string& long_name,
                          int deflate_level = 0);
void define_twin_time(NetcdfFile& file, const RunConfig& config, Count size);
void define_network(NetcdfFile& file, Index reaches);
void define_attributes(NetcdfFile& file, Index reaches, const std::vector<std::string>& names);
void define_inflow(NetcdfFile& file, const RunConfig& config, Count rows, Index reaches, int deflate_level);
void define_observations(NetcdfFile& file, const RunConfig& config, Count intervals, Index gauges);
void define_true_parameters(NetcdfFile& file, Index reaches);

/// 0, step, 2 step, ...
std::vector<double> count_up(Count size, double step);

/// What a gauge reports for a true discharge: relative error with standard deviation synth.noise, never below 0, -9999 where
/// the discharge is not known.
double observed(const RunConfig& config, std::size_t gauge, Count interval, double discharge);

/// "00000001" for the first gauge.
std::string gauge_name(std::size_t gauge);

}  // namespace dpl
