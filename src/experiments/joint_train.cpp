// Training of runoff and routing together, then the test period; and scoring of stored networks.
#include <optional>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/evaluation.hpp"
#include "dpl/experiments/joint_contest.hpp"
#include "dpl/experiments/joint_runs.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

void tell(const JointProblem& problem) {
  for (const auto& line : problem.rivers.observations->warnings) log_warning("{}", line);
  for (const auto& line : joint_messages(problem)) log_warning("{}", line);
}

void check_test(const JointProblem& p) {
  check_scored(p.rivers, *p.rivers.observations, p.rivers.config.test.period, "the test period");
}

void print_joint_plan(const JointProblem& p) {
  const TrainConfig& experiment = p.config.experiment;
  log_info("configuration is valid; nothing was computed");
  log_info("{} places drain into reaches above {} gauges; forcing {} to {}", p.places.size(),
           p.rivers.observations->size(), iso_date(p.places.forcing.first_day),
           iso_date(p.places.forcing.end_day() - 1));
  log_info("{} updates of {} days, {} of them routed; HBV {}, {} routing, channels {}",
           Count{experiment.epochs} * experiment.updates, experiment.rho_days, p.rivers.config.experiment.rho_days,
           p.config.runoff.variant, p.config.routing.scheme, learns_channels(p.config) ? "learned" : "given");
}

void score(const Communicator& comm, const RunConfig& config, const JointStatistics& statistics, const JointEntry& entry,
           RunFolder& folder) {
  JointProblem scored = load_joint_problem(comm, config, BasinUse::score, &statistics);
  hold_joint_contest(scored, entry, folder);
}

}  // namespace

int run_joint_train(const VerbContext& context) {
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  const auto checkpoint = checkpoint_to_resume(comm, config);
  const auto statistics = checkpoint ? std::optional(joint_statistics(*checkpoint)) : std::nullopt;
  JointProblem problem = load_joint_problem(comm, config, BasinUse::train, statistics ? &*statistics : nullptr);
  tell(problem);
  // Read and checked before the training: a mistake shows at once.
  const JointStatistics own{problem.places.statistics, problem.rivers.statistics};
  if (config.test.period.given()) check_test(load_joint_problem(comm, config, BasinUse::score, &own));
  if (checkpoint)
    refuse_other_training(config, problem.fingerprint, "network, set of places or of gauges", problem.places.forcing.path,
                          *checkpoint);
  if (context.validate_only) {
    print_joint_plan(problem);
    return 0;
  }
  JointTrainer trainer(problem);
  const auto untrained = copies_of(trainer.weights());
  if (checkpoint) trainer.restore(*checkpoint);
  RunFolder folder = begin_run(comm, config);
  if (checkpoint) log_info("resumed after update {}", trainer.update());
  Count weights = 0;
  for (const auto& w : untrained) weights += w.tensor.numel();
  log_info("{} places, {} reaches, {} gauges, HBV {} with {} components, {} weights, channels {}, {} ranks",
           problem.places.size(), trainer.domain().partition().piece.size(), problem.rivers.observations->size(),
           config.runoff.variant, trainer.runoff().parameters().components, weights,
           learns_channels(config) ? "learned" : "given", comm.size());
  if (trainer.run(folder) == TrainingEnd::stopped_by_signal) {
    log_info("stopped by a signal after update {}; continue with resume={}", trainer.update(), folder.path());
    return kStoppedBySignal;
  }
  if (config.test.period.given())
    score(comm, config, {problem.places.statistics, problem.rivers.statistics},
          {copies_of(trainer.weights()), untrained, trainer.update()}, folder);
  log_info("run folder: {}", folder.path());
  return 0;
}

int run_joint_evaluate(const VerbContext& context) {
  const Communicator& comm = context.comm;
  RunConfig config = context.config;
  if (config.params.source.empty())
    fail("{}: params.source is not set; evaluating runoff and routing needs the run folder of a training or one of its "
         "checkpoints",
         context.config_path);
  RunFolder::check_creatable(comm, config.output.folder, config.name);
  const Checkpoint checkpoint = read_stored_training(comm, config.params.source);
  const JointStatistics statistics = joint_statistics(checkpoint);
  // What channels are given is the training's.
  config.params.source = parse_config(checkpoint.config_yaml, config.params.source).params.source;
  JointProblem problem = load_joint_problem(comm, config, BasinUse::score, &statistics);
  tell(problem);
  check_test(problem);
  if (context.validate_only) {
    print_joint_plan(problem);
    return 0;
  }
  RunFolder folder = RunFolder::create(comm, config.output.folder, config.name);
  agree_on_root(comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  folder.write_text(comm, "config.yaml", resolved_yaml(context.config));
  hold_joint_contest(problem, {checkpoint.weights, {}, checkpoint.update}, folder);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
