// Two walks over the forest: down for the levels, up for the areas.
#include "dpl/experiments/gauge_areas.hpp"

#include <algorithm>

namespace dpl {

Index GaugeAreas::levels() const { return level.empty() ? 0 : 1 + *std::max_element(level.begin(), level.end()); }

GaugeAreas gauge_areas(const Topology& topology, std::span<const Index> reach, std::span<const std::uint8_t> usable) {
  const auto gauges = static_cast<Index>(reach.size());
  GaugeAreas a;
  std::vector<Index> at(topology.downstream.size(), -1);  // [reach] used gauge on it
  for (Index g = gauges - 1; g >= 0; --g)
    if (usable[g]) at[reach[g]] = g;
  const auto order = upstream_first_order(topology);

  a.level.assign(gauges, -1);
  std::vector<Index> highest(at.size(), -1);  // level at or above
  for (const Index r : order) {
    if (at[r] >= 0) a.level[at[r]] = ++highest[r];
    if (const Index down = topology.downstream[r]; down >= 0) highest[down] = std::max(highest[down], highest[r]);
  }

  a.gauge_of_reach.assign(at.size(), -1);
  a.reaches.assign(gauges, 0);
  a.above.resize(gauges);
  for (auto r = order.rbegin(); r != order.rend(); ++r) {
    const Index down = topology.downstream[*r];
    const Index next = down < 0 ? -1 : a.gauge_of_reach[down];
    a.gauge_of_reach[*r] = at[*r] >= 0 ? at[*r] : next;
    if (a.gauge_of_reach[*r] >= 0) ++a.reaches[a.gauge_of_reach[*r]];
    if (at[*r] >= 0 && next >= 0) a.above[next].push_back(at[*r]);
  }
  for (auto& list : a.above) std::sort(list.begin(), list.end());
  return a;
}

}  // namespace dpl
