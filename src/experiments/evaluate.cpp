// The verb evaluate: scores stored or constant parameters over the test period.
#include "dpl/experiments/evaluate.hpp"

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/basin_runs.hpp"
#include "dpl/experiments/joint_runs.hpp"
#include "dpl/experiments/parameter_source.hpp"
#include "dpl/experiments/plan.hpp"
#include "dpl/learning/loss.hpp"

namespace dpl {
namespace {

// The configured loss over the whole training period, for the best uniform parameters.
class TrainingLoss {
 public:
  explicit TrainingLoss(const Problem& problem)
      : problem_(problem),
        evaluation_(problem, problem.config.experiment.period),
        sigma_(observed_deviation(*problem.observations, problem.config.experiment.period)) {}

  double operator()(std::span<const double> theta) {
    return loss_at_gauges(problem_.config.experiment, evaluation_.routed("", theta).means, evaluation_.observed(),
                          evaluation_.intervals(), sigma_)
        .value;
  }

 private:
  const Problem& problem_;
  Evaluation evaluation_;
  std::vector<double> sigma_;
};

// The same with the gauges of the training, whatever gauges are scored.
Problem with_training_gauges(const Problem& problem) {
  Problem training = problem;
  const RunConfig& config = problem.config;
  try {
    training.observations = observations_at(problem, config.test.gauges, config.experiment.gauges);
  } catch (const Error& error) {  // another observations file than the training's
    log_warning("{}; the best uniform set is searched at the scored gauges", error.what());
  }
  return training;
}

}  // namespace

int run_evaluate(const VerbContext& context) {
  const RunConfig& config = context.config;
  if (is_basin_run(config)) return run_basin_evaluate(context);
  if (is_joint_run(config)) return run_joint_evaluate(context);
  if (!config.test.period.given())
    fail("{}: test.start_time and test.end_time are not set; evaluate needs a period", context.config_path);
  if (config.data_sources.observations.empty())
    fail("{}: data_sources.observations is not set; evaluate needs observed discharge (route does not)",
         context.config_path);
  RunFolder::check_creatable(context.comm, config.output.folder, config.name);
  const auto [problem, entry] = load_with_parameters(context.comm, config);
  for (const auto& warning : problem.observations->warnings) log_warning("{}", warning);
  if (context.validate_only) {
    print_plan(problem, false, true);
    return 0;
  }
  check_scored(problem, *problem.observations, config.test.period, "the test period");
  auto folder = RunFolder::create(context.comm, config.output.folder, config.name);
  agree_on_root(context.comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  folder.write_text(context.comm, "config.yaml", resolved_yaml(config));
  std::optional<Problem> training_problem;
  std::optional<TrainingLoss> training;
  std::function<double(std::span<const double>)> training_loss;
  if (inflow_covers(problem, config.experiment.period)) {
    training_problem.emplace(with_training_gauges(problem));
    training.emplace(*training_problem);
    training_loss = [&](std::span<const double> theta) { return (*training)(theta); };
  }
  hold_contest(problem, config.test.period, entry, training_loss, folder);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
