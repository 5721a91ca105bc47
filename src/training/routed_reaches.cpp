// Which reaches a run routes, and into how many sub-reaches each is split.
#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {

Topology active_topology(const RiverNetwork& network, const std::vector<Index>& active) {
  std::vector<Index> position(network.size(), -1);
  for (std::size_t k = 0; k < active.size(); ++k) position[active[k]] = static_cast<Index>(k);
  std::vector<Index> downstream(active.size());
  std::vector<ReachId> id(active.size());
  for (std::size_t k = 0; k < active.size(); ++k) {
    const Index d = network.topology.downstream[active[k]];
    downstream[k] = d < 0 ? -1 : position[d];
    id[k] = network.reach_id[active[k]];
  }
  return make_topology(std::move(downstream), id);
}

RoutedReaches reaches_above(const RiverNetwork& network, std::vector<Index> probes) {
  std::vector<std::uint8_t> wanted(network.size(), 0);
  std::vector<Index> stack(probes.begin(), probes.end());
  for (Index r : stack) wanted[r] = 1;
  while (!stack.empty()) {
    const Index r = stack.back();
    stack.pop_back();
    for (Index u : network.topology.upstream_of(r))
      if (!wanted[u]) wanted[u] = 1, stack.push_back(u);
  }
  RoutedReaches out;
  for (Index r = 0; r < network.size(); ++r)
    if (wanted[r]) out.active.push_back(r);
  out.probes = std::move(probes);
  return out;
}

std::vector<Index> sub_reach_counts(const Communicator& comm, const RiverNetwork& network, const RunConfig& config) {
  const auto& split = config.routing.split;
  std::vector<Index> counts(network.size(), 1);
  if (split.method == "none") return counts;
  if (split.method == "courant" && !network.has_upstream_area)
    fail("{}: routing.split.method courant needs the variable upstream_area (km2); add it or use method max_length",
         network.path);
  const auto& start = config.params.defaults;
  std::fill(counts.begin(), counts.end(), 0);
  for (Index row = 0; row < network.rows(); ++row)
    counts[network.first_row + row] =
        split.method == "max_length"
            ? sub_reaches_by_length(network.length_m[row], split.max_length_m)
            : sub_reaches_by_courant(network.length_m[row], network.slope[row], start.at("n"), start.at("p"), start.at("q"),
                                     split.flow_m3s_per_km2 * network.upstream_area_km2[row],
                                     config.routing.dt_s / config.routing.substeps);
  constexpr Index kPart = 1 << 16;   // of the wider numbers that add up over the ranks
  for (Index first = 0; first < network.size(); first += kPart) {
    const Index size = std::min(kPart, network.size() - first);
    std::vector<std::int64_t> part(counts.begin() + first, counts.begin() + first + size);
    comm.sum(part);
    std::copy(part.begin(), part.end(), counts.begin() + first);
  }
  return counts;
}

}  // namespace dpl
