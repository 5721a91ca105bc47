// The river network as a plain forest of indices, shared by partition, physics and coupling.
#pragma once

#include <span>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// A forest: every reach drains into at most one other reach.
struct Topology {
  std::vector<Index> downstream;      ///< [reach] index of the reach it drains into, -1 at an outlet
  std::vector<Index> upstream_start;  ///< [reach + 1] first entry of a reach in `upstream`
  std::vector<Index> upstream;        ///< upstream reaches, those of one reach in ascending reach id
  std::vector<Index> depth;           ///< [reach] number of edges down to the outlet (0 at an outlet)

  Index size() const { return static_cast<Index>(downstream.size()); }
  std::span<const Index> upstream_of(Index reach) const {
    return {upstream.data() + upstream_start[reach],
            static_cast<std::size_t>(upstream_start[reach + 1] - upstream_start[reach])};
  }
};

/// Builds the upstream lists and depths. `reach_id` fixes the order in which upstream flows are added, so that
/// sums do not depend on the row order of a file.
/// Throws Error when the network has a cycle (names up to five of its reaches) or an index is out of range.
Topology make_topology(std::vector<Index> downstream, std::span<const ReachId> reach_id);

/// Reaches from the headwaters to the outlets (every reach after all reaches upstream of it).
std::vector<Index> upstream_first_order(const Topology& topology);

}  // namespace dpl
