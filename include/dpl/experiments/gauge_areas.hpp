// The river between gauges: which reaches drain to which gauge first, and which gauges can be searched together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dpl/base/topology.hpp"

namespace dpl {

/// Incremental areas of gauges.
struct GaugeAreas {
  std::vector<Index> gauge_of_reach;      ///< [reach] first used gauge at or below it; -1 below all of them
  std::vector<Index> level;               ///< [gauge] longest chain of used gauges above it; -1: not used
  std::vector<Index> reaches;             ///< [gauge] of its area; 0: not used
  std::vector<std::vector<Index>> above;  ///< [gauge] used gauges whose water comes next, ascending
  Index levels() const;
};

/// @param reach  [gauge] reach that the gauge stands on
/// @param usable [gauge] 0: the gauge is none here; of usable gauges on one reach the first is used
GaugeAreas gauge_areas(const Topology& topology, std::span<const Index> reach, std::span<const std::uint8_t> usable);

}  // namespace dpl
