// Attributes and observations of places (basins, hydrologic response units, grid cells), matched by place_id.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/data/attributes.hpp"
#include "dpl/data/forcing.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// **Collective:** attributes of this rank's places, first_reach 0 and count = places; attribute_statistics and
/// standardise take them. Throws Error for a place without a row, a missing variable (suggests the nearest name), wrong
/// dimensions, an infinite value.
Attributes read_place_attributes(const Communicator& comm, const std::string& path, const ForcingHeader& header,
                                 std::span<const Index> places, const std::vector<std::string>& names);

/// One observed variable of places on days of the forcing's calendar.
struct PlaceObservations {
  std::string path, variable, unit;  ///< streamflow: mm/day
  std::vector<Index> place;          ///< positions in the forcing's header, as asked for
  Count first_day = 0, days = 0;
  std::vector<float> values;          ///< [day][place], NaN where missing
  std::vector<Count> present;         ///< [place] values that are not missing
  std::vector<std::string> warnings;  ///< negative values taken as missing, places without a value: which and how many
};

/// **Collective:** this rank's places on days [first_day, end_day); days before and after the record are missing, so is
/// a place without a row or without a value, which a warning names (each rank its own). Flow in m3/s or ft3/s becomes
/// mm/day by the header's area. Throws Error for a missing variable, units that are not known, a flow with no area to
/// divide by.
PlaceObservations read_place_observations(const Communicator& comm, const std::string& path,
                                          const std::string& variable, const ForcingHeader& header,
                                          std::span<const Index> places, Count first_day, Count end_day);

}  // namespace dpl
