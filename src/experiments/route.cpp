// The verb route: discharge for given parameters, with or without observations.
#include "dpl/experiments/route.hpp"

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/parameter_source.hpp"
#include "dpl/experiments/plan.hpp"

namespace dpl {
namespace {

// The test period, else the training period, else everything the inflow covers.
Period period_to_route(const Problem& problem) {
  if (problem.config.test.period.given()) return problem.config.test.period;
  if (problem.config.experiment.period.given()) return problem.config.experiment.period;
  const auto& time = problem.inflow.time;
  return {{time.start_s / 86400}, {time.end_s() / 86400 - 1}};
}

// The balance is relative to the inflow; in a dry period to what ran out of storage.
void report_water(const WaterVolumes& w) {
  const double error = w.lateral_inflow + w.created_by_floor - w.outflow - w.storage_change;
  const double scale = w.lateral_inflow > 0 ? w.lateral_inflow : w.outflow;
  log_info("water: inflow {:.6e} m3, outflow {:.6e}, storage change {:.6e}, created by the flow floor {:.3e}; balance {:.1e}",
           w.lateral_inflow, w.outflow, w.storage_change, w.created_by_floor,
           scale > 0 ? error / scale : error);
}

}  // namespace

int run_route(const VerbContext& context) {
  RunConfig config = context.config;
  if (config.data_sources.observations.empty() && config.output.reaches.empty()) config.output.discharge = "all";
  const auto [problem, entry] = load_with_parameters(context.comm, config);
  if (context.validate_only) {
    print_plan(problem, false);
    return 0;
  }
  auto folder = RunFolder::create(context.comm, config.output.folder, config.name);
  agree_on_root(context.comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  folder.write_text(context.comm, "config.yaml", resolved_yaml(config));

  Evaluation evaluation(problem, period_to_route(problem), further_reaches(problem));
  const Contender routed = evaluation.routed("routed", entry.learned);
  report_water(evaluation.water());
  for (std::size_t g = 0; g < routed.scores.size(); ++g)
    if (routed.scores[g].count > 0)
      log_info("gauge {}: NSE {:.4f}, KGE {:.4f}, {} values", problem.observations->gauge_id[g],
               routed.scores[g].get("nse"), routed.scores[g].get("kge"), routed.scores[g].count);
  const RoutingState state = evaluation.final_state();
  write_parameters(folder.file("parameters.nc"), problem, entry.learned);
  agree_on_root(context.comm, "output", [&, &p = problem] {
    std::vector<GaugeSeries> gauges;
    if (p.observations)
      gauges = {{"discharge_simulated", "routed discharge", routed.means},
                {"discharge_observed", "observed discharge at the scored times", evaluation.observed()}};
    write_discharge(folder.file("discharge.nc"), p, evaluation.period().start.day * 86400, evaluation.clock().interval_s,
                    evaluation.intervals(), gauges, evaluation.further());
    write_state(config.output.state.empty() ? folder.file("state.nc") : config.output.state, state);
  });
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
