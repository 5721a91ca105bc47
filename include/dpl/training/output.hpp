// What a run leaves behind in netCDF: discharge, parameters, state (docs/file_formats.md).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/observations.hpp"
#include "dpl/training/problem.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {

/// Discharge at gauges: named series [gauge][interval], m3/s, NaN where not known.
struct GaugeSeries {
  std::string name;        ///< variable name, e.g. discharge_simulated
  std::string long_name;
  std::vector<double> values;
};

/// Discharge at reaches without observations, [reach][interval].
struct ReachSeries {
  std::vector<Index> reaches;     ///< network index
  Count interval_s = 86400;
  Count offset_s = 0;             ///< the first interval starts so long after the run (tau)
  Count intervals = 0;
  std::vector<double> values;     ///< empty where they are streamed
};

/// **Local** (rank 0): CF-1.8 time series file. Times of reaches are the starts of the intervals; those of gauges are the
/// observations' own (an interval starts gauge_offset_h [gauge] later on the run's clock). Either part may be empty.
void write_discharge(const std::string& path, const Problem& problem, Count start_s, Count gauge_interval_s,
                     Count gauge_intervals, const std::vector<double>& gauge_offset_h,
                     const std::vector<GaugeSeries>& gauges, const ReachSeries& reaches);

/// **Collective:** the same as a file of all ranks, without the values of `reaches`, which are all reaches of the domain and
/// are written by write_slab(kReachDischarge, ...) afterwards, in chunks of a rank's blocks and `chunk_intervals` intervals.
/// Its attribute `complete` is 0.
NetcdfFile begin_discharge(const std::string& path, const Problem& problem, Count start_s, Count gauge_interval_s,
                           Count gauge_intervals, const std::vector<double>& gauge_offset_h,
                           const std::vector<GaugeSeries>& gauges, const ReachSeries& reaches, Count chunk_intervals);
inline constexpr const char* kReachDischarge = "discharge";

/// **Collective:** parameters of all reaches of the domain with their place along the river.
/// @param theta [block reaches of this rank][kReachParameters]
void write_parameters(const std::string& path, const Problem& problem, std::span<const double> theta);

/// **Collective:** reads a parameters.nc, rows matched by reach id. Throws Error for reaches without a row, values that are
/// not finite or outside (0, inf) for n and p, negative q.
std::vector<double> read_parameters(const std::string& path, const Problem& problem);

/// **Collective:** full routing state at `time_s` (seconds since 1970-01-01); every rank writes the rows of its blocks,
/// `values` as RoutedDomain::state gives them. The file appears under its name when it is complete.
void write_state(const std::string& path, const Problem& problem, const RoutedReaches& reaches, Count time_s,
                 std::span<const double> values);

/// **Collective:** values for the given active reaches of this rank's blocks, as RoutedDomain::set_state wants them. Throws Error where
/// the scheme, a reach or its number of sub-reaches differs.
std::vector<double> read_state(const Communicator& comm, const std::string& path, const Problem& problem,
                               const RoutedReaches& reaches);

}  // namespace dpl
