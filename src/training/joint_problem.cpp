// Reads network, gauges, units and attributes in a fixed order, so that every rank meets the same error first.
#include "dpl/training/joint_problem.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/coupling/place_inflow.hpp"
#include "dpl/data/basin_list.hpp"
#include "dpl/data/place_tables.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/routed_domain.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {
namespace {

void check_keys(const RunConfig& c, BasinUse use) {
  const auto refuse = [](bool wrong, const std::string& key, const std::string& value, const std::string& allowed) {
    if (wrong) fail("config: {} is {}; a run of runoff and routing together allows {}", key, value, allowed);
  };
  const DataSources& s = c.data_sources;
  if (!s.lateral_inflow.empty())
    fail("config: data_sources.forcing and data_sources.lateral_inflow are both set; the runoff of the forcing is the "
         "lateral inflow: leave one of them out");
  if (s.attributes.empty()) fail("config: data_sources.attributes is not set; it holds the attributes of the places");
  if (s.observations.empty())
    fail("config: data_sources.observations is not set; it holds the discharge observed at gauges");
  if (c.network.input_var_names.empty())
    fail("config: network.input_var_names is empty; list the attributes of the places the network reads");
  if (learns_channels(c) && s.reach_attributes.empty())
    fail("config: data_sources.reach_attributes is not set; channel_network.input_var_names reads them");
  refuse(c.parallel.replicas != 1, "parallel.replicas", fmt::format("{}", c.parallel.replicas), "1");
  refuse(c.experiment.windows != 1, "experiment.windows", fmt::format("{}", c.experiment.windows), "1");
  refuse(c.validation.period.given(), "validation.start_time", iso_date(c.validation.period.start.day), "none");
  refuse(c.experiment.targets.soil_moisture > 0, "experiment.targets.soil_moisture",
         fmt::format("{}", c.experiment.targets.soil_moisture), "0");
  refuse(c.routing.initial_state != "hot", "routing.initial_state", c.routing.initial_state, "hot");
  for (const auto& name : history_channels(c)) refuse(name == "observed_streamflow", "network.history_var_names", name,
                                                       "variables of the forcing");
  check_runoff(c);
  const Period& period = use == BasinUse::train ? c.experiment.period : c.test.period;
  const char* section = use == BasinUse::train ? "experiment" : "test";
  if (!period.given()) fail("config: {}.start_time and {}.end_time are not set", section, section);
}

// Runoff's view: no observations of places are read.
RunConfig places_config(RunConfig c) {
  c.experiment.targets = {0, 0, c.experiment.targets.soil_moisture_loss};
  return c;
}

RunConfig rivers_config(RunConfig c) {
  const Count warmup = routed_warmup(c);
  c.network = c.channel_network;
  c.data_sources.attributes = c.data_sources.reach_attributes;
  c.experiment.rho_days -= c.experiment.warmup_days - static_cast<Index>(warmup);
  c.experiment.warmup_days = static_cast<Index>(warmup);
  for (Period* period : {&c.experiment.period, &c.test.period})
    if (period->given()) period->start.day -= warmup;
  return c;
}

struct Gauges {
  std::vector<std::string> id, list;
};

std::set<std::string> ids_of_list(const Communicator& comm, const std::string& path, const Observations& all) {
  if (path.empty()) return {};
  const BasinList list = read_basin_list(comm, path);
  std::set<std::string> ids;
  for (const Index k : places_of(list, all.gauge_id, all.path)) ids.insert(all.gauge_id[static_cast<std::size_t>(k)]);
  return ids;
}

std::set<std::string> ids_of_key(const std::vector<std::string>& ids, const char* key, const Observations& all) {
  for (const auto& id : ids)
    if (std::find(all.gauge_id.begin(), all.gauge_id.end(), id) == all.gauge_id.end())
      fail("config: {} has {}, which is no gauge with a value in {}", key, id, all.path);
  return {ids.begin(), ids.end()};
}

Gauges gauges_of(const Communicator& comm, const RunConfig& c, const Observations& all, BasinUse use) {
  const auto held = ids_of_list(comm, c.basins.holdout, all);
  auto trained = !c.experiment.gauges.empty() ? ids_of_key(c.experiment.gauges, "experiment.gauges", all)
                                              : ids_of_list(comm, c.basins.train, all);
  if (trained.empty())
    for (const auto& id : all.gauge_id)
      if (!held.contains(id)) trained.insert(id);
  for (const auto& id : held)
    if (trained.contains(id))
      fail("{}: gauge {} is held out and trained on; leave it out of one of the lists", c.basins.holdout, id);
  std::set<std::string> wanted = trained;
  if (use == BasinUse::score) {
    if (c.test.gauges.empty())
      wanted.insert(held.begin(), held.end());
    else
      wanted = ids_of_key(c.test.gauges, "test.gauges", all);
  }
  Gauges out;
  for (const auto& id : all.gauge_id)  // ascending
    if (wanted.contains(id)) out.id.push_back(id), out.list.push_back(trained.contains(id) ? "train" : "holdout");
  if (out.id.empty()) fail("{}: no gauge is left to {}", all.path, use == BasinUse::train ? "train on" : "score");
  return out;
}

Observations only(const Observations& all, const std::vector<std::string>& ids) {
  Observations o;
  o.path = all.path;
  o.time = all.time;
  o.warnings = all.warnings;
  for (Index g = 0; g < all.size(); ++g) {
    if (!std::binary_search(ids.begin(), ids.end(), all.gauge_id[g])) continue;
    o.gauge_id.push_back(all.gauge_id[g]);
    o.reach.push_back(all.reach[g]);
    if (!all.utc_offset_h.empty()) o.utc_offset_h.push_back(all.utc_offset_h[g]);
    if (!all.latitude.empty()) o.latitude.push_back(all.latitude[g]), o.longitude.push_back(all.longitude[g]);
    const auto row = all.discharge_m3s.begin() + g * all.time.size;
    o.discharge_m3s.insert(o.discharge_m3s.end(), row, row + all.time.size);
  }
  return o;
}

void check_units_above_gauges(const JointProblem& p) {
  const RiverNetwork& network = p.rivers.network;
  std::vector<std::uint8_t> fed(network.size(), 0);
  for (const Index r : p.reach) fed[r] = 1;
  for (const Index r : upstream_first_order(network.topology))
    if (const Index down = network.topology.downstream[r]; fed[r] && down >= 0) fed[down] = 1;
  const Observations& o = *p.rivers.observations;
  for (Index g = 0; g < o.size(); ++g)
    if (!fed[o.reach[g]])
      fail("{}: no place drains into a reach at or above gauge {} (reach {}); leave the gauge out or correct hru_reach",
           p.places.forcing.path, o.gauge_id[g], network.reach_id[o.reach[g]]);
}

// Units into reaches at or above the gauges, ids ascending.
std::vector<Index> wanted_units(JointProblem& p, const std::vector<Index>& reach_of_unit) {
  const ForcingHeader& header = p.places.forcing;
  std::vector<std::uint8_t> active(p.rivers.network.size(), 0);
  for (const Index r : reaches_above(p.rivers.network, p.rivers.observations->reach).active) active[r] = 1;
  std::vector<Index> units;
  for (Index k = 0; k < header.size(); ++k) {
    const Index r = reach_of_unit[static_cast<std::size_t>(k)];
    if (r < 0) {
      ++p.units_nowhere;
      const double area = header.area_km2[static_cast<std::size_t>(k)];
      if (!std::isnan(area)) p.area_nowhere_km2 += area;
    } else if (active[r]) {
      units.push_back(k);
    } else {
      ++p.units_elsewhere;
    }
  }
  std::sort(units.begin(), units.end(), [&](Index a, Index b) {
    return header.place_id[static_cast<std::size_t>(a)] < header.place_id[static_cast<std::size_t>(b)];
  });
  return units;
}

PlaceNeeds needs_of(const RunConfig& c, const ForcingHeader& header, BasinUse use) {
  const Period& period = use == BasinUse::train ? c.experiment.period : c.test.period;
  const Count warmup = use == BasinUse::train ? c.experiment.warmup_days : evaluation_warmup(c) + routed_warmup(c);
  PlaceNeeds needs;
  needs.variables = forcing_variables(c);
  needs.first_day = std::max(header.first_day, period.start.day - warmup);
  needs.end_day = period.end.day + 1;
  needs.latitude = c.runoff.pet != "given";
  needs.elevation = c.runoff.variant == "2.0";
  needs.area = true;
  needs.attributes = c.data_sources.attributes;
  return needs;
}

void load_places(JointProblem& p, BasinUse use, const InputStatistics* statistics) {
  BasinProblem& b = p.places;
  const Communicator& comm = b.comm;
  const auto reach_of_unit = reaches_of_places(b.forcing, p.rivers.network);
  b.place = wanted_units(p, reach_of_unit);
  if (!b.place.empty()) {
    const UsablePlaces usable = usable_places(comm, b.forcing, b.place, needs_of(p.config, b.forcing, use));
    if (!usable.excluded.empty()) {
      const auto& first = usable.excluded.front();
      fail("{}: place {} drains into a reach above a gauge and cannot be run: {}{}{} ({} such place{}); its water would be "
           "missing: complete its data or set its hru_reach to 0",
           b.forcing.path, first.place_id, first.reason, first.detail.empty() ? "" : " ", first.detail,
           usable.excluded.size(), usable.excluded.size() == 1 ? "" : "s");
    }
  }
  Fingerprint fingerprint;
  fingerprint.add(p.rivers.fingerprint + "\n");
  for (const Index at : b.place) {
    const auto k = static_cast<std::size_t>(at);
    p.reach.push_back(reach_of_unit[k]);
    p.factor.push_back(b.forcing.area_km2[k] * kCubicMetresOfMillimetre);
    b.list.emplace_back("train");
    b.key.push_back(station_key(b.forcing.place_id[k]));
    fingerprint.add(b.forcing.place_id[k] + "\n");
  }
  check_units_above_gauges(p);
  for (const auto& id : p.rivers.observations->gauge_id) fingerprint.add(id + "\n");
  b.fingerprint = p.fingerprint = fingerprint.hex();
  b.blocks = {b.size(), places_of_block(b.size()), comm.rank(), comm.size()};
  const std::span<const Index> own(b.place.data() + b.first_own(), static_cast<std::size_t>(b.own()));
  const auto& names = b.config.network.input_var_names;
  const Attributes attributes = read_place_attributes(comm, b.config.data_sources.attributes, b.forcing, own, names);
  AttributeStatistics of_attributes;
  if (statistics) {
    const auto n = static_cast<std::ptrdiff_t>(names.size());
    if (statistics->names.size() < names.size() || !std::equal(names.begin(), names.end(), statistics->names.begin()))
      fail("checkpoint: the network was trained on other attributes than network.input_var_names; use the configuration of "
           "its run folder");
    of_attributes = {names,
                     {statistics->mean.begin(), statistics->mean.begin() + n},
                     {statistics->deviation.begin(), statistics->deviation.begin() + n}};
    b.statistics = *statistics;
  } else {
    of_attributes = attribute_statistics(comm, attributes);
    b.statistics = {of_attributes.names, of_attributes.mean, of_attributes.standard_deviation};
  }
  b.inputs = standardise(attributes, of_attributes);
}

}  // namespace

Count routed_warmup(const RunConfig& config) {
  return std::min<Count>(config.experiment.routing_warmup_days, config.experiment.warmup_days);
}

bool learns_channels(const RunConfig& config) {
  return has_channel_parameters(config) && !config.channel_network.input_var_names.empty();
}

JointProblem load_joint_problem(const Communicator& comm, const RunConfig& config, BasinUse use,
                                const JointStatistics* statistics) {
  check_keys(config, use);
  const bool learns = learns_channels(config);
  if (statistics && learns && statistics->reaches.names != config.channel_network.input_var_names)
    fail("checkpoint: the channel network was trained on other attributes than channel_network.input_var_names; use the "
         "configuration of its run folder");
  // On its own: what throws inside a list of members leaves them half built.
  Problem rivers = load_problem(comm, rivers_config(config), {}, learns, statistics ? &statistics->reaches : nullptr);
  BasinProblem places{comm, places_config(config), {}, {}, {}, {}, {}, {}, {}, {}, {}};
  JointProblem p{config, std::move(places), std::move(rivers), {}, {}, {}, 0, 0, 0, {}};
  const Gauges gauges = gauges_of(comm, config, *p.rivers.observations, use);
  p.rivers.observations = only(*p.rivers.observations, gauges.id);
  p.list = gauges.list;
  p.places.forcing = read_forcing_header(comm, config.data_sources.forcing);
  const Count before = routed_warmup(config);
  p.rivers.inflow = {p.places.forcing.path,
                     {(p.places.forcing.first_day - before) * 86400, 86400, p.places.forcing.days + before}};
  load_places(p, use, statistics ? &statistics->places : nullptr);
  return p;
}

std::vector<std::string> joint_messages(const JointProblem& p) {
  std::vector<std::string> lines;
  if (p.units_nowhere > 0)
    lines.push_back(fmt::format("{}: {} place{} ({:.0f} km2) drain into no reach (hru_reach 0 or missing): not run",
                                p.places.forcing.path, p.units_nowhere, p.units_nowhere == 1 ? "" : "s",
                                p.area_nowhere_km2));
  if (p.units_elsewhere > 0)
    lines.push_back(fmt::format("{}: {} place{} drain into reaches above no gauge: not run", p.places.forcing.path,
                                p.units_elsewhere, p.units_elsewhere == 1 ? "" : "s"));
  if (p.config.runoff.unit_hydrograph && !is_summed(p.config) && p.config.runoff.hydrograph_b > 2)
    lines.push_back(fmt::format(
        "runoff.hydrograph_b is {}: with routed rivers the unit hydrograph should hold the hillslopes' travel time only, "
        "else that of the rivers is counted twice; 1 is usual",
        p.config.runoff.hydrograph_b));
  return lines;
}

}  // namespace dpl
