// HBV, unit hydrograph and soil moisture of a batch of windows, forward and adjoint, on shares of parameter ranges.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/physics/runoff.hpp"
#include "dpl/physics/series_windows.hpp"
#include "dpl/physics/unit_hydrograph.hpp"
#include "dpl/training/basin_problem.hpp"

namespace dpl {

/// What a parameter network gives for a place, each between 0 and 1 as a share of a range: [parameter][component] of
/// the runoff model, then a, b of the unit hydrograph, then a, b of the observed soil moisture a + b SM/FC.
struct BasinParameters {
  RunoffVariant variant = RunoffVariant::hbv_1_1p;
  std::vector<RunoffParameter> runoff;
  Index components = 16;
  std::vector<std::string> dynamic_names;
  std::vector<Index> dynamic;  ///< [dynamic parameter] its number in `runoff`
  bool hydrograph = true;
  double hydrograph_b = 6.5;   ///< upper end of b's range
  bool moisture = false;

  explicit BasinParameters(const RunConfig& config);
  /// In place: shares [place][output] -> physical values.
  void to_physical(std::span<double> shares) const;
  /// [output] name of its parameter as in parameters.nc; components of one share it.
  std::vector<std::string> output_names() const;
  Index outputs() const { return hydrograph_at() + (hydrograph ? 2 : 0) + (moisture ? 2 : 0); }
  Index hydrograph_at() const { return static_cast<Index>(runoff.size()) * components; }
  Index moisture_at() const { return hydrograph_at() + (hydrograph ? 2 : 0); }
};

/// Ranges of a [m3/m3] and b [m3/m3] of the observed soil moisture: the sum at saturation stays near the largest
/// porosity of mineral soils.
inline constexpr double kLargestMoistureOffset = 0.3, kLargestMoistureSlope = 0.5;

/// Of a run's runoff model for `catchments`; areas and elevations (2.0) are left empty.
RunoffOptions runoff_options(const RunConfig& config, const BasinParameters& parameters, Index catchments);

/// Bytes of a device's memory that a batch of windows takes there, without what a network and whole series take.
struct BasinBytes {
  Count tape = 0;
  Count daily = 0;    ///< parameters with one value a day, and derivatives by them
  Count series = 0;   ///< forcing, runoff, their derivatives, and what does not grow with the days
  Count all() const { return tape + daily + series; }
};
template <class Real>
BasinBytes basin_bytes(const Runoff<Real>& model, const BasinParameters& parameters, Count days, Count taped,
                       int further_outputs);

/// Windows of this rank's places.
struct BasinWindows {
  std::vector<Index> place;      ///< own numbers, ascending
  std::vector<Count> first_day;  ///< warm-up included
  Count days = 0, warmup = 0;
  bool operator==(const BasinWindows&) const = default;
  Index size() const { return static_cast<Index>(place.size()); }
  Count scored() const { return days - warmup; }
};

/// Simulated series [window][scored day].
struct BasinOutputs {
  std::vector<double> streamflow_mm_day, soil_moisture;  ///< soil_moisture: m3/m3, empty without that target
  std::map<RunoffOutput, std::vector<float>> further;    ///< those asked for
};

/// **Local.** A window's results are the same bits whatever the other windows of the call are.
template <class Real>
class BasinPhysics {
 public:
  /// Throws Error where the key `device` names one that is not there.
  BasinPhysics(const BasinProblem& problem, const BasinSeries& series);

  const BasinParameters& parameters() const { return parameters_; }
  Device device() const { return device_; }
  /// Windows with the copies that fill the last lanes up: the innermost extent of `daily` below.
  static Index padded(Index windows) { return (windows + kRound - 1) / kRound * kRound; }

  /// @param fixed     [window][output] shares
  /// @param daily     [day][dynamic parameter][component][padded window] physical values, in the memory of device();
  ///                  they stay until adjoint() has run
  /// @param tape_from as Runoff::forward
  /// Throws Error naming place and day where the runoff is not finite.
  BasinOutputs forward(const BasinWindows& windows, std::span<const Real> fixed, std::span<const Real> daily,
                       Count tape_from, const std::vector<RunoffOutput>& further);

  /// After forward with a tape: from derivatives [window][scored day] to those by what was given there, same shapes and
  /// places. An empty series is 0.
  void adjoint(std::span<const double> streamflow, std::span<const double> soil_moisture, std::span<Real> fixed,
               std::span<Real> daily);

  /// Of a device's memory, for these windows with or without a tape.
  BasinBytes bytes(const BasinWindows& windows, Count tape_from, std::size_t further);

 private:
  static constexpr Index kRound = 8;
  Runoff<Real>& model(const BasinWindows& windows);
  RunoffForcing<Real> gathered_here();
  RunoffForcing<Real> gathered_there(Count window_bytes);
  void scale_fixed(std::span<const Real> fixed);
  std::vector<double> scored(const std::vector<Real>& values, std::span<const Real> offset,
                             std::span<const Real> slope) const;
  [[noreturn]] void fail_not_finite(Count day, Index window) const;

  const BasinProblem& problem_;
  const BasinSeries& series_;
  BasinParameters parameters_;
  Device device_;
  UnitHydrograph<Real> unit_hydrograph_;  // of the last forward
  std::map<Index, Runoff<Real>> models_;  // by padded windows
  std::vector<Index> places_of_model_;    // 2.0
  BasinWindows windows_;
  Index width_ = 0;                                                                // padded windows of the last forward
  Runoff<Real>* model_ = nullptr;                                                  // of the last forward
  RunoffForcing<Real> forcing_;                                                    // one of the two that follow
  std::vector<Real> precipitation_, temperature_, pet_;                            // [day][padded]
  DeviceArray<Real> precipitation_there_, temperature_there_, pet_there_;          // the same, on the device
  WindowList window_list_;                                                         // there too
  std::vector<Real> fixed_;                                                        // physical values
  std::vector<Real> hydrograph_a_, hydrograph_b_, moisture_a_, moisture_b_;        // [padded]
  std::vector<Real> runoff_, flow_, wetness_, seed_, runoff_seed_, wetness_seed_;  // [day][padded]
  std::vector<Real> fixed_adjoint_;
};

extern template class BasinPhysics<float>;
extern template class BasinPhysics<double>;

}  // namespace dpl
