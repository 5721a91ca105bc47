// Training over basins, then the test period.
#include <algorithm>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/basin_folds.hpp"
#include "dpl/experiments/basin_runs.hpp"
#include "dpl/experiments/basin_training.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

void print_basin_plan(const BasinProblem& problem) {
  const auto& experiment = problem.config.experiment;
  log_info("configuration is valid; nothing was computed");
  log_info("{} basins take part, {} are left out; forcing {} to {}", problem.size(), problem.excluded.size(),
           iso_date(problem.forcing.first_day), iso_date(problem.forcing.end_day() - 1));
  log_info("{} updates of {} basins x {} days, HBV {}", Count{experiment.epochs} * experiment.updates,
           experiment.batch_size == 0 ? problem.size() : std::min(problem.size(), experiment.batch_size),
           experiment.rho_days, problem.config.runoff.variant);
}

}  // namespace

int run_basin_train(const VerbContext& context) {
  const RunConfig& config = context.config;
  if (has_folds(config)) return run_basin_folds(context);
  const Communicator& comm = context.comm;
  BasinTraining training(comm, config, checkpoint_to_resume(comm, config));
  if (context.validate_only) {
    print_basin_plan(training.problem());
    return 0;
  }
  training.prepare();
  RunFolder folder = begin_run(comm, config);
  if (training.run(folder) == TrainingEnd::stopped_by_signal) {
    log_info("stopped by a signal after update {}; continue with resume={}", training.trainer().update(),
             folder.path());
    return kStoppedBySignal;
  }
  if (config.test.period.given()) training.score(folder, ContestFiles::scores_and_series);
  log_info("run folder: {}", folder.path());
  return 0;
}

int run_basin_evaluate(const VerbContext& context) {
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  if (!config.test.period.given())
    fail("{}: test.start_time and test.end_time are not set; evaluate needs a period", context.config_path);
  std::vector<std::string> paths = config.params.ensemble;
  if (paths.empty() == config.params.source.empty())
    fail(
        "{}: {}; evaluating basins needs the run folder of a training or one of its checkpoints (params.source), or "
        "several of them (params.ensemble)",
        context.config_path,
        paths.empty() ? "params.source is not set" : "params.source and params.ensemble are both set");
  if (has_folds(config))
    fail("{}: basins.pub and basins.pur belong to train; evaluate scores one network: use the configuration in the "
         "folder of a fold",
         context.config_path);
  RunFolder::check_creatable(comm, config.output.folder, config.name);
  if (paths.empty()) paths.push_back(config.params.source);
  std::vector<Checkpoint> networks;
  for (const auto& path : paths) networks.push_back(read_basin_network(comm, config, path));
  const Checkpoint& checkpoint = networks.front();
  BasinProblem training{comm, config, {}, {}, {}, {}, {}, {}, statistics_of(checkpoint), {}, {}};
  if (context.validate_only) {
    print_basin_plan(load_basin_problem(comm, config, BasinUse::score, &training.statistics));
    return 0;
  }
  RunFolder folder = RunFolder::create(comm, config.output.folder, config.name);
  agree_on_root(comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  folder.write_text(comm, "config.yaml", resolved_yaml(config));
  BasinEntry entry = basin_entry(config, checkpoint.weights, {}, checkpoint.update);
  if (!config.params.ensemble.empty()) entry.members = ensemble_members(config, paths, networks);
  if (uniform_is_searched(config)) {
    if (config.experiment.period.given()) {
      BasinProblem trained = load_basin_problem(comm, config, BasinUse::train, &training.statistics);
      const BasinSeries series = read_basin_series(trained, config.experiment.period, config.experiment.warmup_days);
      entry.uniform = best_uniform_set(trained, series);
    } else {
      entry.uniform_reason = "no training period (experiment.start_time) to search it in";
    }
  }
  BasinProblem scored = load_basin_problem(comm, config, BasinUse::score, &training.statistics);
  tell_left_out(scored);
  hold_basin_contest(scored, entry, folder);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
