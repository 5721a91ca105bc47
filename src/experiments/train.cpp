// The verb train: training, then the test period.
#include "dpl/experiments/train.hpp"

#include <filesystem>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/contest.hpp"
#include "dpl/experiments/plan.hpp"
#include "dpl/training/stored_training.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl {
namespace {

constexpr int kStoppedBySignal = 3;

// A run folder that was killed before its first checkpoint is continued from the beginning.
RunFolder open_folder(const Communicator& comm, const RunConfig& config, std::optional<Checkpoint>& checkpoint) {
  if (config.resume.empty()) return RunFolder::create(comm, config.output.folder, config.name);
  auto folder = RunFolder::open(comm, config.resume);
  const std::string newest = newest_checkpoint(comm, config.resume);
  if (newest.empty())
    log_warning("{}: no complete checkpoint yet, the training begins anew", config.resume);
  else
    checkpoint = read_stored_training(comm, newest);
  return folder;
}

// Where other gauges are scored than trained on. Read before the training: a mistake shows at once.
std::optional<Observations> test_observations(const Problem& problem) {
  const RunConfig& config = problem.config;
  if (!config.test.period.given() || config.test.gauges == config.experiment.gauges) return std::nullopt;
  return read_observations(problem.comm, config.data_sources.observations, problem.network, config.test.gauges);
}

}  // namespace

int run_train(const VerbContext& context) {
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  if (!config.experiment.period.given())
    fail("{}: experiment.start_time and experiment.end_time are not set; training needs a period", context.config_path);

  std::optional<Checkpoint> checkpoint;
  std::optional<RunFolder> folder;
  if (!context.validate_only) folder = open_folder(comm, config, checkpoint);
  const auto statistics = checkpoint ? std::optional(stored_statistics(*checkpoint)) : std::nullopt;
  Problem problem = load_problem(comm, config, config.experiment.gauges, true, statistics ? &*statistics : nullptr);
  if (problem.observations)
    for (const auto& warning : problem.observations->warnings) log_warning("{}", warning);
  const auto test = test_observations(problem);
  if (context.validate_only) {
    print_plan(problem, true);
    return 0;
  }
  agree_on_root(comm, "log", [&] { add_log_file(folder->file("log.txt")); });
  folder->write_text(comm, "config.yaml", resolved_yaml(config));
  log_info("run folder: {}", folder->path());

  Trainer trainer(problem);
  const auto untrained = trainer.theta();
  if (checkpoint) {
    trainer.restore(*checkpoint);
    log_info("resumed after update {}", trainer.update());
  }
  log_info("{} reaches, {} gauges, {} weights, {} ranks", trainer.domain().partition().piece.size(),
           problem.observations->size(), trainer.network().weight_count(), comm.size());
  if (trainer.run(*folder) == TrainingEnd::stopped_by_signal) {
    log_info("stopped by a signal after update {}; continue with resume={}", trainer.update(), folder->path());
    return kStoppedBySignal;
  }
  if (config.test.period.given()) {
    const ContestEntry entry{trainer.theta(), untrained, "", trainer.update()};
    const auto training_loss = [&](std::span<const double> theta) { return trainer.training_loss(theta); };
    Problem scored = problem;
    if (test) scored.observations = test;
    hold_contest(scored, config.test.period, entry, training_loss, *folder);
  } else {
    write_parameters(folder->file("parameters.nc"), problem, trainer.theta());
  }
  log_info("run folder: {}", folder->path());
  if (!comm.any(stop_requested())) return 0;
  log_info("stopped by a signal in the evaluation; resume={} makes it whole", folder->path());
  return kStoppedBySignal;
}

}  // namespace dpl
