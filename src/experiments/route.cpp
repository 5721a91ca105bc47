// The verb route: discharge for given parameters, with or without observations.
#include "dpl/experiments/route.hpp"

#include <cmath>
#include <filesystem>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/parameter_source.hpp"
#include "dpl/experiments/plan.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/route_progress.hpp"

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

void go_on(const RouteProgress& record, PeriodRouter& router, const TimeAxis& time) {
  if (const auto progress = record.read()) {
    router.restore(*progress);
    log_info("resumed at {}", iso_time(time.start_s + (router.first_row() + router.done_rows()) * time.step_s));
  } else {
    log_warning("no complete window yet, the routing begins anew");
  }
}

// discharge.nc is the last file of a run.
bool is_complete(const Communicator& comm, const std::string& run_folder) {
  std::int64_t complete = 0;
  agree_on_root(comm, "run folder", [&] {
    complete = std::filesystem::exists(run_folder + "/discharge.nc") && !std::filesystem::exists(run_folder + "/windows");
  });
  return comm.max(complete) != 0;
}

// Streamed discharge goes into the file by all ranks: from the windows on disk, or from the only one.
void write_results(const Problem& problem, const Evaluation& evaluation, const PeriodRouter& router, const Contender& routed,
                   const RouteProgress& record, const std::string& path) {
  std::vector<GaugeSeries> gauges;
  if (problem.observations)
    gauges = {{"discharge_simulated", "routed discharge", routed.means},
              {"discharge_observed", "observed discharge at the scored times", evaluation.observed()}};
  const Count start_s = evaluation.period().start.day * 86400;
  const auto& clock = evaluation.clock();
  const std::string temporary = path + ".tmp";
  if (router.streams()) {
    const Count intervals = evaluation.further().intervals, windows = router.windows_in_all();
    auto file = begin_discharge(temporary, problem, start_s, clock.interval_s, evaluation.intervals(),
                                evaluation.gauge_offset_h(), gauges, evaluation.further(), intervals / windows);
    if (windows == 1)
      write_streamed(file, problem, router.streamed(), 0);
    else
      record.copy_windows(file, intervals);
    file.put_attribute("", "complete", 1.0);
    file.close();
  }
  agree_on_root(problem.comm, "output", [&] {
    if (!router.streams())
      write_discharge(temporary, problem, start_s, clock.interval_s, evaluation.intervals(), evaluation.gauge_offset_h(), gauges,
                      evaluation.further());
    publish_file(temporary, path);
  });
}

}  // namespace

int run_route(const VerbContext& context) {
  RunConfig config = context.config;
  const Communicator& comm = context.comm;
  if (config.data_sources.observations.empty() && config.output.reaches.empty()) config.output.discharge = "all";
  check_run_folder(comm, config);
  if (!config.resume.empty() && is_complete(comm, config.resume)) {
    log_info("run folder: {} is complete, nothing is left to do", config.resume);
    return 0;
  }
  const auto [problem, entry] = load_with_parameters(comm, config);
  const Period period = period_to_route(problem);
  check_output(problem, period);
  if (context.validate_only) {
    print_plan(problem, false, false);
    return 0;
  }
  RunFolder folder = begin_run(comm, config);

  Evaluation evaluation(problem, period, further_reaches(problem),
                        config.output.discharge == "all" ? Further::streamed : Further::kept);
  const RouteProgress record(problem, evaluation.domain(), folder.path(), entry.learned);
  PeriodRouter router = evaluation.begin();
  if (!config.resume.empty()) go_on(record, router, problem.inflow.time);
  Progress progress("window", router.windows_in_all(), "rows", router.windows());
  while (!router.finished()) {
    if (comm.any(stop_requested())) {
      log_info("stopped by a signal after {} windows; continue with resume={}", router.windows(), folder.path());
      return kStoppedBySignal;
    }
    router.next(entry.learned);
    if (router.windows_in_all() > 1) record.write(router);
    progress.show(router.windows(), static_cast<double>(router.done_rows()), "");
  }
  const Contender routed = evaluation.ended("routed", router);
  report_water(evaluation.water());
  for (std::size_t g = 0; g < routed.scores.size(); ++g)
    if (routed.scores[g].count > 0)
      log_info("gauge {}: NSE {:.4f}, KGE {:.4f}, {} values", problem.observations->gauge_id[g],
               routed.scores[g].get("nse"), routed.scores[g].get("kge"), routed.scores[g].count);
  write_parameters(folder.file("parameters.nc"), problem, entry.learned);
  write_state(config.output.state.empty() ? folder.file("state.nc") : config.output.state, problem, evaluation.reaches(),
              (period.end.day + 1) * 86400, evaluation.domain().state());
  write_results(problem, evaluation, router, routed, record, folder.file("discharge.nc"));
  record.remove();
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
