// Observed discharge at gauges, replicated on every rank.
#pragma once

#include <string>
#include <vector>

#include "dpl/data/calendar.hpp"
#include "dpl/data/river_network.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Gauges in ascending order of their id (not of the file), so that sums over gauges do not depend on the file.
struct Observations {
  std::string path;
  std::vector<std::string> gauge_id;      ///< strings with their leading zeros
  std::vector<Index> reach;               ///< [gauge] reach in the network's order
  std::vector<double> utc_offset_h;       ///< empty where the file has none
  std::vector<double> latitude, longitude; ///< empty where the file has none
  TimeAxis time;
  std::vector<double> discharge_m3s;      ///< [gauge][time], NaN where missing
  std::vector<std::string> warnings;      ///< e.g. gauges left out because they have no value at all
  Index size() const { return static_cast<Index>(gauge_id.size()); }
  double at(Index gauge, Count row) const { return discharge_m3s[gauge * time.size + row]; }
};

/// **Collective.** Char or string station ids; `only` keeps the listed ids (empty = all; an unknown one is an Error that
/// names the nearest). Throws Error for a gauge on a reach that does not exist, duplicate ids, wrong units.
Observations read_observations(const Communicator& comm, const std::string& path, const RiverNetwork& network,
                               const std::vector<std::string>& only = {});

}  // namespace dpl
