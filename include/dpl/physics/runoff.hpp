// Runoff of catchments by HBV, forward and adjoint, with its tables of variants, parameters and outputs.
//
// A catchment holds several components (parallel columns of hbv.hpp) that share its forcing; what leaves here is their
// mean. Arrays are [..][component][catchment]: the lanes of one vector loop are components times catchments.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

/// Variants of HBV (method section 3): 1.0; 1.1p adds capillary rise and the exponent of evaporation; 2.0 adds an
/// exchange of groundwater that depends on the catchment's area, and a snow threshold for high catchments.
enum class RunoffVariant { hbv_1_0, hbv_1_1p, hbv_2_0 };

/// Of `1.0`, `1.1p`, `2.0`. Throws Error naming all when the name is unknown.
RunoffVariant runoff_variant_from_name(const std::string& name);
const char* runoff_variant_name(RunoffVariant variant);
std::vector<std::string> runoff_variant_names();
/// Components that the literature uses: 16, 16, 4.
Index usual_components(RunoffVariant variant);

struct RunoffParameter {
  const char* name;
  const char* unit;
  double lower, upper;     ///< range in which the parameter is learned
};

/// Parameters of a variant in the order of the arrays: BETA, FC, K0, K1, K2, LP, PERC, UZL, TT, CFMAX, CFR, CWH; then
/// BETAET, C (1.1p, 2.0); then RT, AC (2.0). In 1.0 BETAET exists only where `dynamic` names it and comes last.
/// `dynamic`: parameters with one value a day, any order. Throws Error for a name that may not be dynamic, or twice.
/// `precipitation_factor`: empty, or the range of PCORR (HBV's correction of precipitation, Bergstroem 1992), which comes
/// last then. Throws Error where it is not two numbers above 0 that ascend and have 1 between them.
std::vector<RunoffParameter> runoff_parameters(RunoffVariant variant, const std::vector<std::string>& dynamic = {},
                                               const std::vector<double>& precipitation_factor = {});
/// Names that may be dynamic: BETA, BETAET in 1.0; BETA, K0, BETAET in 1.1p and 2.0.
std::vector<std::string> dynamic_runoff_parameters(RunoffVariant variant);

/// Series on request beside runoff; means over the components. Storages are those at the end of the day.
enum class RunoffOutput {
  evapotranspiration,   ///< mm/day
  soil_moisture,        ///< SM, mm
  soil_wetness,         ///< SM / FC, 1
  snow_water,           ///< SP + MW, mm
  recharge,             ///< from the soil to the upper zone, mm/day
  upper_zone_storage,   ///< SUZ, mm
  lower_zone_storage,   ///< SLZ, mm
  water_made            ///< made by the floors of SM and SLZ, and exchanged by 2.0, mm/day; has no adjoint
};
inline constexpr int kRunoffOutputs = 8;

struct RunoffOutputInfo {
  const char* name;            ///< in files: with its unit, `evapotranspiration_mm_day`
  const char* units;           ///< CF
  const char* standard_name;   ///< CF; empty where the table of CF names has none
  const char* long_name;
};
const RunoffOutputInfo& runoff_output_info(RunoffOutput output);
/// Throws Error naming all.
RunoffOutput runoff_output_from_name(const std::string& name);
std::vector<std::string> runoff_output_names();

/// Series [day][catchment] that are wanted; the others stay empty.
template <class Real>
using RunoffSeries = std::array<std::span<Real>, kRunoffOutputs>;

struct RunoffOptions {
  RunoffVariant variant = RunoffVariant::hbv_1_1p;
  Index catchments = 0;
  Index components = 16;
  std::vector<std::string> dynamic;           ///< parameters with one value a day
  std::vector<double> precipitation_factor;   ///< range of PCORR; empty = precipitation is taken as it is given
  std::vector<double> area_km2, elevation_m;  ///< [catchment], 2.0 only
  Count tape_bytes = 0;  ///< largest tape; 0 = no limit. Beyond it states are kept less often; same bits
  Device device = Device::cpu;
};

/// Daily forcing [day][catchment], rows contiguous. Read by forward() only (a copy serves the adjoint) where it lies on
/// the host.
template <class Real>
struct RunoffForcing {
  const Real *precipitation_mm_day = nullptr, *temperature_degc = nullptr, *pet_mm_day = nullptr;
  Count days = 0;
  bool on_device = false;  ///< it is memory of RunoffOptions::device, stays until adjoint() has run, and has been checked
                           ///< (runoff_checks.hpp); what makes it is queued before
};

/// Physical values. Those of the parameters are read again by adjoint(): they must stay until it has run.
template <class Real>
struct RunoffParameters {
  std::span<const Real> fixed;  ///< [parameter][component][catchment], order of Runoff::parameters(); rows of dynamic
                                ///< parameters are not read
  std::span<const Real> dynamic;   ///< [day][dynamic parameter][component][catchment], order of RunoffOptions::dynamic
  bool dynamic_on_device = false;  ///< `dynamic` is memory of RunoffOptions::device; what makes it is queued before
};

/// Derivatives of a scalar with respect to the parameters, same shapes; an empty one is not wanted. Overwritten.
template <class Real>
struct RunoffGradient {
  std::span<Real> fixed;     ///< rows of dynamic parameters are set to 0
  std::span<Real> dynamic;   ///< days without tape are set to 0
  std::span<Real> states;    ///< [state][component][catchment] at the first day on tape
  bool dynamic_on_device = false;   ///< as RunoffParameters
};

/// What a window needs of a device's memory depends on:
struct RunoffWindow {
  Count days = 0, taped = 0;       ///< taped: days on tape; 0: none, and no adjoint
  int outputs = 0;                 ///< series beside runoff
  bool forcing_on_device = false;  ///< as RunoffForcing
  bool dynamic_on_device = false;  ///< as RunoffParameters, RunoffGradient
};

/// **Local.** Runs windows of days. Every catchment's results are the same bits whatever the other catchments of the
/// call, their order and number, and the tape's limit are.
template <class Real>
class Runoff {
 public:
  /// No tape is kept.
  static constexpr Count kNoTape = -1;

  /// Throws Error for sizes below 1, a parameter that may not be dynamic, missing or wrong areas and elevations (2.0),
  /// a device that is not there.
  explicit Runoff(RunoffOptions options);
  ~Runoff();
  Runoff(Runoff&&) noexcept;
  Runoff& operator=(Runoff&&) noexcept;

  const RunoffOptions& options() const;
  const std::vector<RunoffParameter>& parameters() const;
  Count lanes() const;         ///< components times catchments
  Count fixed_size() const;    ///< parameters times lanes
  Count dynamic_size(Count days) const;
  Count state_size() const;    ///< 5 lanes: SP, MW, SM, SUZ, SLZ [mm]

  /// @param states    [state][component][catchment] mm at the start; empty: 0.001 everywhere
  /// @param runoff    [day][catchment] mm/day
  /// @param outputs   further series, [day][catchment]
  /// @param tape_from first day that adjoint() goes back to (0: the whole window; the length of a warm-up: no gradient
  ///                  through it); kNoTape: adjoint() does not follow
  /// Throws Error for arrays that do not fit, forcing of the host that is not finite or negative (T may be), parameters
  /// that are not finite or outside the ranges by more than rounding, states below 0 (SM: below 1e-6): names variable,
  /// day, catchment. Dynamic parameters are not looked at one by one: what is not finite shows in first_not_finite().
  void forward(const RunoffForcing<Real>& forcing, const RunoffParameters<Real>& parameters,
               std::span<const Real> states, std::span<Real> runoff, const RunoffSeries<Real>& outputs,
               Count tape_from);

  /// After forward: states at the end, [state][component][catchment].
  std::span<const Real> final_states() const;

  /// Gradient of a scalar, given its derivatives.
  /// @param runoff  d/d runoff [day][catchment]; days before tape_from are not read
  /// @param outputs d/d the further series; an empty one is 0. Any series may be given, asked for in forward or not.
  /// Throws Error when there is no tape, or for arrays that do not fit.
  void adjoint(std::span<const Real> runoff, const RunoffSeries<const Real>& outputs,
               const RunoffGradient<Real>& gradient);

  /// Earliest day whose runoff is not finite after forward(), and the first catchment where; {-1, -1} if none.
  std::pair<Count, Index> first_not_finite() const;

  /// Bytes of tape kept for `days` days on tape.
  Count tape_bytes(Count days) const;

  /// Bytes of the device's memory that a window and its adjoint take here: not what is given there. 0 on the CPU.
  Count device_bytes(const RunoffWindow& window) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class Runoff<float>;
extern template class Runoff<double>;

}  // namespace dpl
