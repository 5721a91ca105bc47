// The verb train: training, then the test period.
#include "dpl/experiments/train.hpp"

#include <optional>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/basin_runs.hpp"
#include "dpl/experiments/contest.hpp"
#include "dpl/experiments/joint_runs.hpp"
#include "dpl/experiments/plan.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/training/stored_training.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl {
namespace {

// The statistics of the checkpoint, where they are of the configured attributes; other attributes are refused later.
Problem load(const Communicator& comm, const RunConfig& config, const std::optional<Checkpoint>& checkpoint) {
  const bool usable = checkpoint && checkpoint->attribute_names == config.network.input_var_names;
  const auto statistics = usable ? std::optional(stored_statistics(*checkpoint)) : std::nullopt;
  Problem problem = load_problem(comm, config, config.experiment.gauges, true, statistics ? &*statistics : nullptr);
  if (checkpoint) refuse_other_training(problem, *checkpoint);
  return problem;
}

// Read and checked before the training: a mistake shows at once.
std::optional<Observations> observations_to_score(const Problem& problem) {
  const RunConfig& config = problem.config;
  if (!config.test.period.given()) return std::nullopt;
  auto observations = observations_at(problem, config.experiment.gauges, config.test.gauges);
  check_scored(problem, observations, config.test.period, "the test period");
  return observations;
}

// By one group of ranks: it holds the whole domain.
void test(const Problem& problem, const Observations& observations, Trainer& trainer,
          const std::vector<double>& untrained, RunFolder& folder) {
  const ContestEntry entry{trainer.theta(), untrained, "", trainer.update()};
  Problem test = problem;
  test.observations = observations;
  hold_contest(
      test, problem.config.test.period, entry,
      [&](std::span<const double> theta) { return trainer.training_loss(theta); }, folder);
}

int stopped(const Trainer& trainer, const RunFolder& folder) {
  log_info("stopped by a signal after update {}; continue with resume={}", trainer.update(), folder.path());
  return kStoppedBySignal;
}

}  // namespace

int run_train(const VerbContext& context) {
  const RunConfig& config = context.config;
  if (is_basin_run(config)) return run_basin_train(context);
  if (is_joint_run(config)) return run_joint_train(context);
  const Communicator& comm = context.comm;
  if (!config.experiment.period.given())
    fail("{}: experiment.start_time and experiment.end_time are not set; training needs a period", context.config_path);
  if (config.data_sources.observations.empty()) fail("{}: data_sources.observations is not set", context.config_path);

  const Replicas replicas(comm, config.parallel.replicas);
  const auto checkpoint = checkpoint_to_resume(comm, config);
  std::optional<Problem> loaded;
  replicas.together([&] { loaded.emplace(load(replicas.group(), config, checkpoint)); });
  const Problem& problem = *loaded;
  for (const auto& warning : problem.observations->warnings) log_warning("{}", warning);
  if (!config.params.source.empty())
    log_warning("params.source is not read by train, which starts at params.defaults; resume continues a training");
  if (context.validate_only) {
    replicas.together([&] { print_plan(problem, true, true); });
    return 0;
  }
  std::optional<Trainer> built;
  std::optional<Observations> scored;
  replicas.together([&] {
    built.emplace(problem, replicas);
    scored = observations_to_score(problem);
  });
  Trainer& trainer = *built;
  RunFolder folder = begin_run(comm, config);

  const auto untrained = trainer.theta();
  if (checkpoint) {
    trainer.restore(*checkpoint);
    log_info("resumed after update {}", trainer.update());
  }
  log_info("{} reaches, {} gauges, {} weights, {} ranks", trainer.domain().partition().piece.size(),
           problem.observations->size(), trainer.network().weight_count(), comm.size());
  if (replicas.count() > 1)
    log_info("{} replicas of {} ranks share {} windows an update", replicas.count(), replicas.group().size(),
             config.experiment.windows);
  if (problem.comm.size() > 1) log_info("partition: {}", trainer.domain().partition().summary());
  if (trainer.run(folder) == TrainingEnd::stopped_by_signal) return stopped(trainer, folder);
  replicas.together([&] {
    if (replicas.index() != 0) return;  // group 0 writes; the others wait
    if (scored)
      test(problem, *scored, trainer, untrained, folder);
    else
      write_parameters(folder.file("parameters.nc"), problem, trainer.theta());
  });
  log_info("run folder: {}", folder.path());
  if (!comm.any(stop_requested())) return 0;
  log_info("stopped by a signal in the evaluation; resume={} makes it whole", folder.path());
  return kStoppedBySignal;
}

}  // namespace dpl
