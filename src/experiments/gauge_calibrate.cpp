// The verb `calibrate` over a river: channel parameters gauge by gauge over the training period, then the test period.
#include <fmt/ranges.h>

#include <chrono>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/experiments/calibrate.hpp"
#include "dpl/experiments/contest.hpp"
#include "dpl/experiments/gauge_calibration.hpp"
#include "dpl/experiments/plan.hpp"
#include "dpl/experiments/run_start.hpp"

namespace dpl {
namespace {

void check(const VerbContext& context) {
  const RunConfig& c = context.config;
  if (!c.experiment.period.given())
    fail("{}: experiment.start_time and experiment.end_time are not set; calibration needs a period",
         context.config_path);
  if (c.data_sources.observations.empty()) fail("{}: data_sources.observations is not set", context.config_path);
  if (c.calibration.method != "sce_ua")
    fail("config: calibration.method is {}; a river is calibrated by sce_ua (train learns it by gradients)",
         c.calibration.method);
  const auto n = static_cast<Count>(c.network.learnable_parameters.size());
  const Count points = (2 * n + 1) * c.calibration.complexes;
  if (c.calibration.evaluations < points)
    fail("config: calibration.evaluations is {}; {} complexes of {} points for {} parameters need at least {}",
         c.calibration.evaluations, c.calibration.complexes, 2 * n + 1, n, points);
}

double score_of(const RunConfig& config, double value) {
  return config.calibration.objective == "rmse" ? value : 1 - value;
}

// Rows for people; the whole curves are in places/.
std::string table_of(const Problem& problem, const GaugeCalibration& calibration) {
  const RunConfig& config = problem.config;
  const auto& objective = config.calibration.objective;
  std::string csv = fmt::format("gauge_id,{},evaluations,reaches,gauges_above,{}\n",
                                objective == "rmse" ? "rmse_m3s" : objective,
                                fmt::join(config.network.learnable_parameters, ","));
  for (Index g = 0; g < problem.observations->size(); ++g)
    if (const auto& found = calibration.found()[g])
      csv += fmt::format("{},{},{},{},{},{}\n", problem.observations->gauge_id[g], score_of(config, found->value),
                         found->evaluations, calibration.areas().reaches[g], calibration.areas().above[g].size(),
                         fmt::join(found->values, ","));
  return csv;
}

}  // namespace

int run_gauge_calibrate(const VerbContext& context) {
  check(context);
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  check_run_folder(comm, config);
  const Problem problem = load_problem(comm, config, config.experiment.gauges, false);
  for (const auto& warning : problem.observations->warnings) log_warning("{}", warning);
  if (context.validate_only) {
    print_plan(problem, true, true);
    return 0;
  }
  std::optional<Problem> scored;  // checked before the search
  if (config.test.period.given()) {
    scored.emplace(problem);
    scored->observations = observations_at(problem, config.experiment.gauges, config.test.gauges);
    check_scored(*scored, *scored->observations, config.test.period, "the test period");
  }
  RunFolder folder = begin_run(comm, config);
  GaugeCalibration calibration(problem, folder);
  log_info("{} reaches, {} gauges on {} levels, {} parameters each ({}), {} ranks",
           calibration.domain().partition().piece.size(), calibration.gauges(), calibration.areas().levels(),
           config.network.learnable_parameters.size(), fmt::join(config.network.learnable_parameters, ", "),
           comm.size());
  const auto start = std::chrono::steady_clock::now();
  if (!calibration.run()) {
    log_info("stopped by a signal with {} of {} gauges calibrated; continue with resume={}", calibration.done(),
             calibration.gauges(), folder.path());
    return kStoppedBySignal;
  }
  folder.write_text(comm, "calibration.csv", table_of(problem, calibration));
  std::vector<double> values;
  for (const auto& found : calibration.found())
    if (found) values.push_back(score_of(config, found->value));
  log_info("training period: median {} {:.4f} of {} gauges, {}", config.calibration.objective, quantile(values, 0.5),
           values.size(), clock_text(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  const ContestEntry entry{calibration.theta(), std::nullopt, "calibration has no network", 0, "calibrated"};
  if (scored)
    hold_contest(*scored, config.test.period, entry,
                 [&](std::span<const double> theta) { return calibration.training_loss(theta); }, folder);
  else
    write_parameters(folder.file("parameters.nc"), problem, entry.learned);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
