// Reads the inputs of a run in a fixed order, so that every rank meets the same error first.
#include "dpl/training/problem.hpp"

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"

namespace dpl {
namespace {

std::string network_fingerprint(const RiverNetwork& n) {
  Fingerprint f;
  f.add(std::span<const ReachId>(n.reach_id)).add(std::span<const Index>(n.topology.downstream));
  f.add(std::span<const double>(n.length_m)).add(std::span<const double>(n.slope));
  return f.hex();
}

void require_source(const std::string& path, const char* key) {
  if (path.empty()) fail("config: data_sources.{} is not set; give the path of a file in domain format 1", key);
}

}  // namespace

Problem load_problem(const Communicator& comm, const RunConfig& config, const std::vector<std::string>& gauges,
                     bool with_network, const AttributeStatistics* statistics) {
  require_source(config.data_sources.network, "network");
  require_source(config.data_sources.lateral_inflow, "lateral_inflow");
  Problem p{comm, config, {}, {}, {}, {}, {}, {}, {}};
  p.network = read_river_network(comm, config.data_sources.network, config.routing.slope_min);
  p.fingerprint = network_fingerprint(p.network);
  p.blocks = {p.network.size(), block_size_of(p.network.size()), comm.rank(), comm.size()};
  p.inflow = read_lateral_inflow_header(comm, config.data_sources.lateral_inflow, p.network);
  if (!config.data_sources.observations.empty())
    p.observations = read_observations(comm, config.data_sources.observations, p.network, gauges);
  if (!with_network) return p;
  require_source(config.data_sources.attributes, "attributes");
  if (config.network.input_var_names.empty())
    fail("config: network.input_var_names is empty; list the attributes the parameter network reads");
  const auto attributes = read_attributes(comm, config.data_sources.attributes, p.network, config.network.input_var_names,
                                          p.blocks.first_reach(), p.blocks.end_reach());
  p.statistics = statistics ? *statistics : attribute_statistics(comm, attributes);
  p.inputs = standardise(attributes, p.statistics);
  return p;
}

RowRange inflow_rows(const Problem& problem, const Period& period, const std::string& what) {
  const TimeAxis& time = problem.inflow.time;
  const Count day_s = 86400;
  if (day_s % time.step_s != 0 || time.start_s % day_s != 0)
    fail("{}: the time axis starts at {} with a step of {} s; it must start at midnight and its step divide a day",
         problem.inflow.path, iso_time(time.start_s), time.step_s);
  const Count per_day = day_s / time.step_s, first_day = time.start_s / day_s, last_day = first_day + time.size / per_day - 1;
  if (period.start.day < first_day || period.end.day > last_day)
    fail("{}: {} {}..{} is not covered by the lateral inflow, which holds {}..{}", problem.inflow.path, what,
         iso_date(period.start.day), iso_date(period.end.day), iso_date(first_day), iso_date(last_day));
  return {(period.start.day - first_day) * per_day, (period.end.day + 1 - first_day) * per_day};
}

}  // namespace dpl
