// Daily forcing of places (basins, hydrologic response units, grid cells): what forcing.nc says, and rows of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/data/river_network.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// The header of forcing.nc; cheap to read, the same on every rank. Places stand in the file's order; a place is named
/// by its position in it, draws and sums should go by its id.
struct ForcingHeader {
  std::string path;
  std::vector<std::string> place_id;                ///< text with leading zeros
  std::vector<double> latitude_deg, longitude_deg;  ///< [place], NaN where missing or not in the file
  std::vector<double> area_km2, elevation_m;        ///< the same
  std::vector<ReachId> reach_id;                    ///< [place] hru_reach, 0 = none; empty where the file has none
  std::vector<std::string> variables;               ///< all of dimensions place and time, in the file's order
  Count first_day = 0;                              ///< days since 1970-01-01
  Count days = 0;
  Index size() const { return static_cast<Index>(place_id.size()); }
  Count end_day() const { return first_day + days; }
};

/// **Collective.** Checks dimensions, ids, the daily axis and the units of every variable that docs/file_formats.md
/// names.
ForcingHeader read_forcing_header(const Communicator& comm, const std::string& path);

/// Reach of the network's order that the runoff of each place enters, -1 where hru_reach is 0 or missing. Throws Error
/// where the file has no hru_reach, or one names no reach of the network.
std::vector<Index> reaches_of_places(const ForcingHeader& header, const RiverNetwork& network);

/// Unit that a variable has after reading ("mm/day", "degC", ...); empty for variables that the format does not name.
std::string forcing_unit(const std::string& variable);

/// Days [first_day, first_day + days) of places: one array a variable.
struct Forcing {
  std::vector<Index> place;  ///< positions in the header, as asked for
  Count first_day = 0, days = 0;
  std::vector<std::string> variables;
  std::vector<std::vector<float>> values;  ///< [variable][day][place], converted to the format's units
  /// The array of a variable; throws Error for one that was not read.
  const std::vector<float>& of(const std::string& variable) const;
};

/// What becomes of values that are missing.
enum class Gaps { refuse, keep };

/// **Local:** rows of any places, each chunk of the file decompressed about once; a thread may read ahead with it.
/// Throws Error for a missing variable (suggests the nearest name), days outside the file, values that cannot be
/// (negative precipitation, temperatures outside -100..70 degC, ...) and, with Gaps::refuse, missing ones: each names
/// file, variable, place and day.
Forcing read_forcing_local(const ForcingHeader& header, std::span<const Index> places,
                           const std::vector<std::string>& variables, Count first_day, Count end_day,
                           Gaps gaps = Gaps::refuse);

/// **Collective:** the same, each rank its own places; what fails on one rank is everyone's Error.
Forcing read_forcing(const Communicator& comm, const ForcingHeader& header, std::span<const Index> places,
                     const std::vector<std::string>& variables, Count first_day, Count end_day,
                     Gaps gaps = Gaps::refuse);

/// A place that cannot take part, and why.
struct ExcludedPlace {
  std::string place_id;
  std::string reason;  ///< "precipitation is missing"
  std::string detail;  ///< "on 3 days, the first is 1981-02-03"; may be empty
};

/// Places that can take part and those that cannot, in the order in which they were asked for.
struct UsablePlaces {
  std::vector<Index> place;
  std::vector<ExcludedPlace> excluded;
  /// One line a reason for the log, with up to five ids each; empty where nothing is excluded.
  std::vector<std::string> messages(const std::string& path) const;
};

/// What a place must have to take part.
struct PlaceNeeds {
  std::vector<std::string> variables;  ///< forcing without gaps in the days below
  Count first_day = 0, end_day = 0;
  bool area = false, elevation = false, latitude = false;  ///< area positive, the others not missing
  std::string attributes;                                  ///< path of a file in which it has a row; empty: none
  std::string observations = {};        ///< path of a file with at least one value of `observed`; empty: none
  std::string observed = "streamflow";  ///< on days [first_observed_day, end_observed_day)
  Count first_observed_day = 0, end_observed_day = 0;
};

/// **Collective:** sorts out places by their needs; ranks share the reading, the result is the same on all. Throws
/// Error where no place is left.
UsablePlaces usable_places(const Communicator& comm, const ForcingHeader& header, std::span<const Index> places,
                           const PlaceNeeds& needs);

}  // namespace dpl
