// What a run leaves behind in netCDF: discharge, parameters, state (docs/file_formats.md). Written by rank 0.
#pragma once

#include <span>
#include <string>
#include <vector>

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
  std::vector<double> values;
};

/// **Local** (rank 0): CF-1.8 time series file. Times of reaches are the starts of the intervals; those of gauges are the
/// observations' own (an interval starts gauge_offset_h [gauge] later on the run's clock). Either part may be empty.
void write_discharge(const std::string& path, const Problem& problem, Count start_s, Count gauge_interval_s,
                     Count gauge_intervals, const std::vector<double>& gauge_offset_h,
                     const std::vector<GaugeSeries>& gauges, const ReachSeries& reaches);

/// **Collective:** parameters of all reaches of the domain with their place along the river.
/// @param theta [block reaches of this rank][kReachParameters]
void write_parameters(const std::string& path, const Problem& problem, std::span<const double> theta);

/// **Collective:** reads a parameters.nc, rows matched by reach id. Throws Error for reaches without a row, values that are
/// not finite or outside (0, inf) for n and p, negative q.
std::vector<double> read_parameters(const std::string& path, const Problem& problem);

/// Full routing state at the end of a run.
struct RoutingState {
  std::string scheme;
  Count time_s = 0;                       ///< seconds since 1970-01-01
  std::vector<ReachId> reach_id;          ///< active reaches in network order
  std::vector<Index> sub_reaches;
  std::vector<double> values;             ///< sub-reaches of the reaches, reach by reach; m3 or m3/s
};

/// **Local** (rank 0).
void write_state(const std::string& path, const RoutingState& state);

/// **Collective:** values for the given active reaches, as RoutedWindow::initial_state wants them. Throws Error where
/// the scheme, a reach or its number of sub-reaches differs.
std::vector<double> read_state(const Communicator& comm, const std::string& path, const Problem& problem,
                               const RoutedReaches& reaches);

}  // namespace dpl
