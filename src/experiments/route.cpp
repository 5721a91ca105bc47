// The verb route: discharge for given parameters, with or without observations.
#include "dpl/experiments/route.hpp"

#include <cmath>
#include <filesystem>

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
  return days_of_inflow(problem);
}

// What would fail, or be rounded in silence, only after the river has been routed.
void check_output(const Problem& problem, const Period& period) {
  const RunConfig& config = problem.config;
  const double step_s = config.routing.dt_s / config.routing.substeps, tau_steps = config.params.tau_h * 3600 / step_s;
  if (std::abs(tau_steps - std::round(tau_steps)) > 1e-9)
    fail("config: params.tau ({} h) is not a whole number of routing steps ({} s)", config.params.tau_h, step_s);
  const auto hours = static_cast<double>(period.days() * 24);
  if (config.output.interval_h > hours)
    fail("config: output.interval_h is {}, the period to route has {} hours; make it shorter or the period longer",
         config.output.interval_h, hours);
  if (config.output.state.empty()) return;
  agree_on_root(problem.comm, "output.state", [&] {
    const auto folder = std::filesystem::absolute(config.output.state).parent_path();
    if (!std::filesystem::is_directory(folder))
      fail("config: output.state is {}, but there is no folder {}; make it first", config.output.state, folder.string());
  });
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
  RunFolder::check_creatable(context.comm, config.output.folder, config.name);
  const auto [problem, entry] = load_with_parameters(context.comm, config);
  const Period period = period_to_route(problem);
  check_output(problem, period);
  if (context.validate_only) {
    print_plan(problem, false, false);
    return 0;
  }
  auto folder = RunFolder::create(context.comm, config.output.folder, config.name);
  agree_on_root(context.comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  folder.write_text(context.comm, "config.yaml", resolved_yaml(config));

  Evaluation evaluation(problem, period, further_reaches(problem));
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
                    evaluation.intervals(), evaluation.gauge_offset_h(), gauges, evaluation.further());
    write_state(config.output.state.empty() ? folder.file("state.nc") : config.output.state, state);
  });
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
