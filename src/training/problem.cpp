// Reads the inputs of a run in a fixed order, so that every rank meets the same error first.
#include "dpl/training/problem.hpp"

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"

namespace dpl {
namespace {

// Lengths and slopes lie on many ranks: one after the other goes on where the rank before stopped.
std::string network_fingerprint(const Communicator& comm, const RiverNetwork& n) {
  Fingerprint f;
  f.add(std::span<const ReachId>(n.reach_id)).add(std::span<const Index>(n.topology.downstream));
  for (const auto* values : {&n.length_m, &n.slope})
    for (int rank = 0; rank < comm.size(); ++rank) {
      if (rank == comm.rank()) f.add(std::span<const double>(*values));
      std::int64_t bits[1] = {static_cast<std::int64_t>(f.value())};
      comm.broadcast(bits, rank);
      f = Fingerprint(static_cast<std::uint64_t>(bits[0]));
    }
  return f.hex();
}

void require_source(const std::string& path, const char* key) {
  if (path.empty()) fail("config: data_sources.{} is not set; give the path of a file in domain format 1", key);
}

}  // namespace

Problem load_problem(const Communicator& comm, const RunConfig& config, const std::vector<std::string>& gauges,
                     bool with_network, const AttributeStatistics* statistics) {
  require_source(config.data_sources.network, "network");
  const bool joint = is_joint_run(config);  // its inflow lies in no file
  if (!joint) require_source(config.data_sources.lateral_inflow, "lateral_inflow");
  Problem p{comm, config, {}, {}, {}, {}, {}, {}, {}};
  p.network = read_river_network(comm, config.data_sources.network, config.routing.slope_min, [&](Index reaches) {
    p.blocks = {reaches, block_size_of(reaches), comm.rank(), comm.size()};
    return std::pair{p.blocks.first_reach(), p.blocks.end_reach()};
  });
  p.fingerprint = network_fingerprint(comm, p.network);
  if (!joint) p.inflow = read_lateral_inflow_header(comm, config.data_sources.lateral_inflow, p.network);
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

Observations observations_at(const Problem& problem, const std::vector<std::string>& held,
                             const std::vector<std::string>& wanted) {
  if (wanted == held) return *problem.observations;
  return read_observations(problem.comm, problem.config.data_sources.observations, problem.network, wanted);
}

Period days_of_inflow(const Problem& problem) {
  const TimeAxis& time = problem.inflow.time;
  const Count day_s = 86400;
  if (day_s % time.step_s != 0 || time.start_s % day_s != 0)
    fail("{}: the time axis starts at {} with a step of {} s; it must start at midnight and its step divide a day",
         problem.inflow.path, iso_time(time.start_s), time.step_s);
  const Count first = time.start_s / day_s;
  return {{first}, {first + time.size * time.step_s / day_s - 1}};
}

bool inflow_covers(const Problem& problem, const Period& period) {
  const Period held = days_of_inflow(problem);
  return period.given() && period.start.day >= held.start.day && period.end.day <= held.end.day;
}

RowRange inflow_rows(const Problem& problem, const Period& period, const std::string& what) {
  const Period held = days_of_inflow(problem);
  if (!inflow_covers(problem, period))
    fail("{}: {} {}..{} is not covered by the lateral inflow, which holds {}..{}", problem.inflow.path, what,
         iso_date(period.start.day), iso_date(period.end.day), iso_date(held.start.day), iso_date(held.end.day));
  const Count per_day = 86400 / problem.inflow.time.step_s;
  return {(period.start.day - held.start.day) * per_day, (period.end.day + 1 - held.start.day) * per_day};
}

}  // namespace dpl
