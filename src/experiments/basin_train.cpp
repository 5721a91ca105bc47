// Training over basins, then the test period.
#include <filesystem>
#include <optional>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/basin_contest.hpp"
#include "dpl/experiments/basin_runs.hpp"
#include "dpl/training/basin_trainer.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

constexpr int kStoppedBySignal = 3;

// Nothing is written before the checkpoint is known to belong to this training.
std::optional<Checkpoint> checkpoint_to_resume(const Communicator& comm, const RunConfig& config) {
  if (config.resume.empty()) {
    RunFolder::check_creatable(comm, config.output.folder, config.name);
    return std::nullopt;
  }
  RunFolder::check_resumable(comm, config.resume);
  const std::string newest = newest_checkpoint(comm, config.resume);
  if (!newest.empty()) return read_stored_training(comm, newest);
  log_warning("{}: no complete checkpoint yet, the training begins anew", config.resume);
  return std::nullopt;
}

InputStatistics statistics_of(const Checkpoint& c) { return {c.attribute_names, c.attribute_mean, c.attribute_std}; }

void tell(const BasinProblem& problem) {
  UsablePlaces left_out{problem.place, problem.excluded};
  for (const auto& line : left_out.messages(problem.forcing.path)) log_warning("{}", line);
}

std::vector<NamedTensor> copies(const std::vector<NamedTensor>& weights) {
  std::vector<NamedTensor> out;
  for (const auto& w : weights) out.push_back({w.name, w.tensor.detach().clone()});
  return out;
}

void print_basin_plan(const BasinProblem& problem) {
  const auto& experiment = problem.config.experiment;
  log_info("configuration is valid; nothing was computed");
  log_info("{} basins take part, {} are left out; forcing {} to {}", problem.size(), problem.excluded.size(),
           iso_date(problem.forcing.first_day), iso_date(problem.forcing.end_day() - 1));
  log_info("{} updates of {} basins x {} days, HBV {}", Count{experiment.epochs} * experiment.updates,
           experiment.batch_size == 0 ? problem.size() : std::min(problem.size(), experiment.batch_size),
           experiment.rho_days, problem.config.runoff.variant);
}

void score(const Communicator& comm, const BasinProblem& training, const BasinEntry& entry, RunFolder& folder) {
  BasinProblem scored = load_basin_problem(comm, training.config, BasinUse::score, &training.statistics);
  tell(scored);
  hold_basin_contest(scored, entry, folder);
}

BasinEntry entry_of(const RunConfig& config, std::vector<NamedTensor> learned, std::vector<NamedTensor> untrained,
                    Count update) {
  BasinEntry entry{std::move(learned), std::move(untrained), std::nullopt, "not in baselines", update};
  if (basin_baseline_wanted(config, "uniform") && !(config.experiment.targets.streamflow > 0))
    entry.uniform_reason = "streamflow is no target";
  return entry;
}

bool search_uniform(const RunConfig& config) {
  return basin_baseline_wanted(config, "uniform") && config.experiment.targets.streamflow > 0;
}

// A folder of a run or one checkpoint; of a run with a validation period, the best one.
Checkpoint read_network(const Communicator& comm, const RunConfig& config, const std::string& path) {
  const std::string best = path + "/checkpoints/best";
  const bool has_best = comm.any(comm.is_root() && std::filesystem::exists(best));
  return read_stored_training(comm, has_best && config.validation.period.given() ? best : path);
}

}  // namespace

int run_basin_train(const VerbContext& context) {
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  const auto checkpoint = checkpoint_to_resume(comm, config);
  const auto statistics = checkpoint ? std::optional(statistics_of(*checkpoint)) : std::nullopt;
  BasinProblem problem = load_basin_problem(comm, config, BasinUse::train, statistics ? &*statistics : nullptr);
  tell(problem);
  if (checkpoint)
    refuse_other_training(config, problem.fingerprint, "set of training basins", problem.forcing.path, *checkpoint);
  if (context.validate_only) {
    print_basin_plan(problem);
    return 0;
  }
  BasinTrainer trainer(problem);
  for (const auto& warning : trainer.series().warnings) log_warning("{}", warning);
  if (!config.network.start_from.empty()) {
    const auto taken = trainer.start_from(read_network(comm, config, config.network.start_from));
    if (taken == 0)
      fail(
          "config: network.start_from is {}, whose checkpoint has no weight of the name and shape of one of this "
          "network",
          config.network.start_from);
    log_info("{} weight tensors are taken from {}", taken, config.network.start_from);
  }
  const auto untrained = copies(trainer.model().network().weights());
  if (checkpoint) trainer.restore(*checkpoint);
  RunFolder folder = config.resume.empty() ? RunFolder::create(comm, config.output.folder, config.name)
                                           : RunFolder::open(comm, config.resume);
  folder.write_text(comm, "config.yaml", resolved_yaml(config));
  agree_on_root(comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  log_info("run folder: {}", folder.path());
  if (checkpoint) log_info("resumed after update {}", trainer.update());
  Count weights = 0;
  for (const auto& w : untrained) weights += w.tensor.numel();
  log_info("{} basins, HBV {} with {} components, {} weights, {} ranks", problem.size(), config.runoff.variant,
           trainer.model().parameters().components, weights, comm.size());
  if (trainer.run(folder) == TrainingEnd::stopped_by_signal) {
    log_info("stopped by a signal after update {}; continue with resume={}", trainer.update(), folder.path());
    return kStoppedBySignal;
  }
  if (config.test.period.given()) {
    BasinEntry entry = entry_of(config, copies(trainer.model().network().weights()), untrained, trainer.update());
    if (search_uniform(config)) entry.uniform = best_uniform_set(problem, trainer.series());
    score(comm, problem, entry, folder);
  }
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
  RunFolder::check_creatable(comm, config.output.folder, config.name);
  if (paths.empty()) paths.push_back(config.params.source);
  std::vector<Checkpoint> networks;
  for (const auto& path : paths) networks.push_back(read_network(comm, config, path));
  const Checkpoint& checkpoint = networks.front();
  BasinProblem training{comm, config, {}, {}, {}, {}, {}, {}, statistics_of(checkpoint), {}, {}};
  if (context.validate_only) {
    print_basin_plan(load_basin_problem(comm, config, BasinUse::score, &training.statistics));
    return 0;
  }
  RunFolder folder = RunFolder::create(comm, config.output.folder, config.name);
  agree_on_root(comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  folder.write_text(comm, "config.yaml", resolved_yaml(config));
  BasinEntry entry = entry_of(config, checkpoint.weights, {}, checkpoint.update);
  if (!config.params.ensemble.empty()) entry.members = ensemble_members(config, paths, networks);
  if (search_uniform(config)) {
    if (config.experiment.period.given()) {
      BasinProblem trained = load_basin_problem(comm, config, BasinUse::train, &training.statistics);
      const BasinSeries series = read_basin_series(trained, config.experiment.period, config.experiment.warmup_days);
      entry.uniform = best_uniform_set(trained, series);
    } else {
      entry.uniform_reason = "no training period (experiment.start_time) to search it in";
    }
  }
  score(comm, training, entry, folder);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
