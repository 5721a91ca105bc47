// The river network file of domain format 1: reaches, where they drain, length and slope.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dpl/base/topology.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// The reaches of the domain in file order. Every rank holds the topology of all and the properties of its own rows.
struct RiverNetwork {
  std::vector<ReachId> reach_id;
  Index first_row = 0;                     ///< properties are of reaches first_row.., [reach - first_row]
  std::vector<double> length_m;
  std::vector<double> slope;               ///< as in the file, then raised to slope_min
  bool has_upstream_area = false, has_muskingum_k = false, has_muskingum_x = false;
  std::vector<double> upstream_area_km2;   ///< empty where the file has none
  std::vector<double> muskingum_k_s;       ///< empty where the file has none
  std::vector<double> muskingum_x;
  Topology topology;
  std::unordered_map<ReachId, Index> index_of;
  std::string path;
  Index size() const { return static_cast<Index>(reach_id.size()); }
  Index rows() const { return static_cast<Index>(length_m.size()); }
};

/// **Collective:** reads and checks the file. Throws Error (same text on all ranks) for a missing file or variable, a
/// wrong dimension or unit, duplicate ids, the id 0, cycles, lengths or slopes that are not usable.
/// A downstream id that is 0, -1 or missing is an outlet. Any other that is not in the table is an Error: one typing
/// mistake would cut a basin in two without a word.
/// @param rows_of_rank  first and end row whose properties this rank keeps, of so many reaches; empty: all
RiverNetwork read_river_network(const Communicator& comm, const std::string& path, double slope_min,
                                const std::function<std::pair<Index, Index>(Index reaches)>& rows_of_rank = {});

}  // namespace dpl
