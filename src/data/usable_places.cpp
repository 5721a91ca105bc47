// Sorts out places that lack something they need.
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/forcing.hpp"
#include "dpl/data/place_tables.hpp"
#include "place_rows.hpp"

namespace dpl {
namespace {

constexpr Count kValuesAtOnce = Count{1} << 24;
constexpr std::size_t kShown = 5;

using Reason = std::pair<std::string, std::string>;  // and detail

std::string missing_number(const ForcingHeader& header, Index place, const PlaceNeeds& needs) {
  if (needs.area && std::isnan(header.area_km2[place])) return "area_km2 is missing";
  if (needs.area && header.area_km2[place] == 0) return "area_km2 is 0";
  if (needs.elevation && std::isnan(header.elevation_m[place])) return "elevation_m is missing";
  if (needs.latitude && std::isnan(header.latitude_deg[place])) return "latitude is missing";
  return {};
}

// Reason and detail of the first variable with a gap at each of the places; empty where there is none.
std::vector<Reason> gaps_of(const ForcingHeader& header, std::span<const Index> places, const PlaceNeeds& needs) {
  std::vector<Reason> gaps(places.size());
  for (const auto& variable : needs.variables) {
    const Forcing forcing = read_forcing_local(header, places, {variable}, needs.first_day, needs.end_day, Gaps::keep);
    const auto& values = forcing.values.front();
    std::vector<Count> missing(places.size()), first(places.size());
    for (Count day = forcing.days - 1; day >= 0; --day)
      for (std::size_t k = 0; k < places.size(); ++k)
        if (std::isnan(values[static_cast<std::size_t>(day) * places.size() + k])) ++missing[k], first[k] = day;
    for (std::size_t k = 0; k < places.size(); ++k)
      if (missing[k] > 0 && gaps[k].first.empty())
        gaps[k] = {variable + " is missing",
                   missing[k] == forcing.days
                       ? fmt::format("on all {} days", forcing.days)
                       : fmt::format("on {} day{}, the first is {}", missing[k], missing[k] == 1 ? "" : "s",
                                     iso_date(forcing.first_day + first[k]))};
  }
  return gaps;
}

// This rank's share of the places: positions [first, end).
struct Share {
  Count first, end;
};

Share share_of(const Communicator& comm, std::size_t places) {
  const auto n = static_cast<Count>(places);
  return {n * comm.rank() / comm.size(), n * (comm.rank() + 1) / comm.size()};
}

// Lines "position<tab>reason<tab>detail" of gaps in the forcing of the share.
std::string gaps_of_share(const ForcingHeader& header, std::span<const Index> places, const Share& share,
                          const PlaceNeeds& needs) {
  const Count each = std::max<Count>(1, kValuesAtOnce / std::max<Count>(1, needs.end_day - needs.first_day));
  std::string lines;
  for (Count first = share.first; first < share.end; first += each) {
    const auto count = static_cast<std::size_t>(std::min(each, share.end - first));
    const auto gaps = gaps_of(header, places.subspan(static_cast<std::size_t>(first), count), needs);
    for (std::size_t k = 0; k < gaps.size(); ++k)
      if (!gaps[k].first.empty())
        lines += fmt::format("{}\t{}\t{}\n", first + static_cast<Count>(k), gaps[k].first, gaps[k].second);
  }
  return lines;
}

// The same of places of the share that nothing was observed at.
std::string unobserved_of_share(const Communicator& comm, const ForcingHeader& header, std::span<const Index> places,
                                const Share& share, const PlaceNeeds& needs) {
  const auto mine =
      places.subspan(static_cast<std::size_t>(share.first), static_cast<std::size_t>(share.end - share.first));
  const auto observed = read_place_observations(comm, needs.observations, needs.observed, header, mine,
                                                needs.first_observed_day, needs.end_observed_day);
  std::string lines;
  for (std::size_t k = 0; k < mine.size(); ++k)
    if (observed.present[k] == 0)
      lines += fmt::format("{}\t{} has no value from {} to {}\t\n", share.first + static_cast<Count>(k), needs.observed,
                           iso_date(needs.first_observed_day), iso_date(needs.end_observed_day - 1));
  return lines;
}

// What each rank's lines say about its share, for all ranks; a reason that a place has already stays.
void gather(const Communicator& comm, const std::string& mine, const std::vector<std::size_t>& position,
            std::vector<Reason>& why) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    std::istringstream lines(comm.broadcast(mine, rank));
    for (std::string number, reason, detail;
         std::getline(lines, number, '\t') && std::getline(lines, reason, '\t') && std::getline(lines, detail);)
      if (Reason& of = why[position[std::stoul(number)]]; of.first.empty()) of = {reason, detail};
  }
}

}  // namespace

std::vector<std::string> UsablePlaces::messages(const std::string& path) const {
  std::map<std::string, std::pair<Count, std::string>> by_reason;
  for (const auto& place : excluded) {
    auto& [count, ids] = by_reason[place.reason];
    if (count++ < static_cast<Count>(kShown))
      ids += (ids.empty() ? "" : ", ") + place.place_id + (place.detail.empty() ? "" : " (" + place.detail + ")");
  }
  std::vector<std::string> lines;
  for (const auto& [reason, found] : by_reason)
    lines.push_back(fmt::format("{}: {} place{} left out, {}: {}{}", path, found.first,
                                found.first == 1 ? " is" : "s are", reason, found.second,
                                found.first > static_cast<Count>(kShown) ? ", ..." : ""));
  return lines;
}

UsablePlaces usable_places(const Communicator& comm, const ForcingHeader& header, std::span<const Index> places,
                           const PlaceNeeds& needs) {
  std::vector<Reason> why(places.size());
  std::unordered_map<std::string, Index> rows;
  if (!needs.attributes.empty()) {
    const auto file = NetcdfFile::open(comm, needs.attributes);
    const auto ids = read_place_ids(file);
    agree(comm, "attributes", [&] { rows = rows_of_place_ids(ids, needs.attributes); });
  }
  std::vector<Index> asked;           // whose forcing must be looked at
  std::vector<std::size_t> position;  // of these in `places`
  for (std::size_t k = 0; k < places.size(); ++k) {
    why[k].first = missing_number(header, places[k], needs);
    if (why[k].first.empty() && !needs.attributes.empty() && !rows.contains(header.place_id[places[k]]))
      why[k].first = "it has no row in " + needs.attributes;
    if (why[k].first.empty()) asked.push_back(places[k]), position.push_back(k);
  }
  const Share share = share_of(comm, asked.size());
  std::string gaps;
  agree(comm, "forcing", [&] { gaps = gaps_of_share(header, asked, share, needs); });
  gather(comm, gaps, position, why);
  if (!needs.observations.empty()) gather(comm, unobserved_of_share(comm, header, asked, share, needs), position, why);
  UsablePlaces usable;
  for (std::size_t k = 0; k < places.size(); ++k)
    if (why[k].first.empty())
      usable.place.push_back(places[k]);
    else
      usable.excluded.push_back({header.place_id[places[k]], why[k].first, why[k].second});
  if (usable.place.empty())
    fail("{}", usable.excluded.empty() ? header.path + ": no place was asked for"
                                       : "no place is left: " + joined(usable.messages(header.path), "; "));
  return usable;
}

}  // namespace dpl
