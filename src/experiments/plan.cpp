// The lines --validate prints.
#include "dpl/experiments/plan.hpp"

#include <algorithm>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/contest.hpp"
#include "dpl/training/gauge_clock.hpp"
#include "dpl/training/output.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {
namespace {

std::string bytes_text(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int u = 0;
  while (bytes >= 1024 && u < 4) bytes /= 1024, ++u;
  return fmt::format("{:.1f} {}", bytes, units[u]);
}

std::string period_text(const Period& period) {
  return fmt::format("{}..{} ({} days)", iso_date(period.start.day), iso_date(period.end.day), period.days());
}

void line(const std::string& what, const std::string& value) { log_info("  {:<22}{}", what, value); }

void print_training(const Problem& problem, const RoutedDomain& domain, Index steps_per_row) {
  const auto& train = problem.config.experiment;
  const auto rows = inflow_rows(problem, train.period, "the training period (experiment)");
  const Count window_rows = (rows.end - rows.first) / train.period.days() * train.rho_days;
  line("training period", period_text(train.period));
  line("window", fmt::format("{} days, {} of them warm-up, {} routing steps; {} possible starts", train.rho_days,
                             train.warmup_days, window_rows * steps_per_row, train.period.days() - train.rho_days + 1));
  line("updates", fmt::format("{} ({} epochs of {})", static_cast<Count>(train.epochs) * train.updates, train.epochs,
                              train.updates));
  if (train.windows > 1)
    line("windows per update",
         fmt::format("{}, shared by {} groups of ranks", train.windows, problem.config.parallel.replicas));
  line("gauges per window", train.batch_size == 0 || train.batch_size >= problem.observations->size()
                                ? "all"
                                : fmt::format("{}", train.batch_size));
  const double inflow = static_cast<double>(domain.own_reaches()) * static_cast<double>(rows.end - rows.first) *
                        (problem.config.precision == "double" ? 8 : 4);
  line("memory of rank 0", fmt::format("tape {}, lateral inflow {}", bytes_text(static_cast<double>(domain.tape_bytes(window_rows))),
                                       bytes_text(inflow)));
}

// The gauges and whether anything is scored; a training may be tested at other gauges than its own.
void print_test(const Problem& problem, bool training) {
  const RunConfig& config = problem.config;
  const auto observations =
      observations_at(problem, training ? config.experiment.gauges : config.test.gauges, config.test.gauges);
  check_scored(problem, observations, config.test.period, "the test period");
  line("gauges of the test", fmt::format("{}", observations.size()));
}

}  // namespace

void print_plan(const Problem& problem, bool training, bool scores) {
  const auto& config = problem.config;
  std::vector<Index> probes = further_reaches(problem);
  if (problem.observations)
    probes.insert(probes.end(), problem.observations->reach.begin(), problem.observations->reach.end());
  const auto reaches = reaches_above(problem.network, probes);
  const auto domain = make_routed_domain(problem.comm, config, problem.network, reaches, problem.blocks);
  const Index steps_per_row = domain->steps_per_row(problem.inflow);
  const auto& partition = domain->partition();
  const auto counts = sub_reach_counts(problem.comm, problem.network, config);
  Count cells = 0;
  for (Index r : reaches.active) cells += counts[r];

  log_info("{}: this would run", config.name);
  line("network", fmt::format("{} reaches, {} of them above the gauges, {} sub-reaches", problem.network.size(),
                              reaches.active.size(), cells));
  line("gauges", fmt::format("{}", problem.observations ? problem.observations->size() : 0));
  line("routing", fmt::format("{}, {} steps of {} s per inflow row, {} precision", config.routing.scheme, steps_per_row,
                              domain->step_s(), config.precision));
  line("ranks", fmt::format("{}; {}", problem.comm.size(), partition.summary()));
  if (problem.observations) make_gauge_clock(config, *problem.observations, domain->step_s());
  if (training) print_training(problem, *domain, steps_per_row);
  if (const auto& start = config.routing.initial_state; start != "hot" && start != "zero")
    read_state(problem.comm, start, problem, reaches);
  if (config.test.period.given()) {
    inflow_rows(problem, config.test.period, "the test period");
    if (scores && problem.observations) print_test(problem, training);
    line("test period", period_text(config.test.period));
  }
  log_info("configuration and file headers are valid; nothing was run");
}

}  // namespace dpl
