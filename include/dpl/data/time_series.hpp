// Lateral inflow of the reaches over a period: header, and values of this rank's block of reaches.
#pragma once

#include <string>
#include <vector>

#include "dpl/data/calendar.hpp"
#include "dpl/data/river_network.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// What the header of lateral_inflow.nc says; cheap to read.
struct LateralInflowHeader {
  std::string path;
  TimeAxis time;
};

/// **Collective.** Checks file, variable, dimensions, units, ids and time axis.
LateralInflowHeader read_lateral_inflow_header(const Communicator& comm, const std::string& path,
                                               const RiverNetwork& network);

/// **Collective:** values of rows [first_row, end_row) for the reaches first_reach..end_reach-1 of the network's order,
/// as [reach][row] m3/s, read as InflowReader does. Throws Error for NaN, fill or negative values (names
/// file, reach id and time). Real: float or double, what the routing computes with.
template <class Real>
std::vector<Real> read_lateral_inflow(const Communicator& comm, const LateralInflowHeader& header,
                                       const RiverNetwork& network, Index first_reach, Index end_reach,
                                       Count first_row, Count end_row);

}  // namespace dpl
