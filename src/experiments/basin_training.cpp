// From data to scores.
#include "dpl/experiments/basin_training.hpp"

#include <filesystem>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

BasinProblem load(const Communicator& comm, const RunConfig& config, const std::optional<Checkpoint>& checkpoint) {
  const auto statistics = checkpoint ? std::optional(statistics_of(*checkpoint)) : std::nullopt;
  BasinProblem problem = load_basin_problem(comm, config, BasinUse::train, statistics ? &*statistics : nullptr);
  tell_left_out(problem);
  if (checkpoint)
    refuse_other_training(problem.config, problem.fingerprint, "set of training basins", problem.forcing.path,
                          *checkpoint);
  return problem;
}

// Where the weights of the start are: the run's own copy once there is one, so that a resumed run needs no other folder.
std::string start_of(const Communicator& comm, const RunConfig& config) {
  const std::string kept = config.resume + "/checkpoints/start";
  const bool has_kept = comm.any(comm.is_root() && !config.resume.empty() && std::filesystem::exists(kept));
  return has_kept && !config.network.start_from.empty() ? kept : config.network.start_from;
}

}  // namespace

Checkpoint read_basin_network(const Communicator& comm, const RunConfig& config, const std::string& path) {
  const std::string best = path + "/checkpoints/best";
  const bool has_best = comm.any(comm.is_root() && std::filesystem::exists(best));
  return read_stored_training(comm, has_best && config.validation.period.given() ? best : path);
}

InputStatistics statistics_of(const Checkpoint& c) { return {c.attribute_names, c.attribute_mean, c.attribute_std}; }

void tell_left_out(const BasinProblem& problem) {
  UsablePlaces left_out{problem.place, problem.excluded};
  for (const auto& line : left_out.messages(problem.forcing.path)) log_warning("{}", line);
}

BasinTraining::BasinTraining(const Communicator& comm, const RunConfig& config, std::optional<Checkpoint> checkpoint)
    : checkpoint_(std::move(checkpoint)), problem_(load(comm, config, checkpoint_)) {}

void BasinTraining::prepare() {
  const RunConfig& config = problem_.config;
  trainer_ = std::make_unique<BasinTrainer>(problem_);
  for (const auto& warning : trainer_->series().warnings) log_warning("{}", warning);
  if (const std::string start = start_of(problem_.comm, config); !start.empty()) {
    const auto taken = trainer_->start_from(read_basin_network(problem_.comm, config, start));
    if (taken == 0)
      fail(
          "config: network.start_from is {}, whose checkpoint has no weight of the name and shape of one of this "
          "network",
          start);
    log_info("{} weight tensors are taken from {}", taken, start);
  }
  untrained_ = copies_of(trainer_->model().network().weights());
  if (checkpoint_) trainer_->restore(*checkpoint_);
}

TrainingEnd BasinTraining::run(RunFolder& folder, const TrainingWatch& watch) {
  if (!checkpoint_ && !problem_.config.network.start_from.empty()) trainer_->keep_start(folder);
  if (checkpoint_) log_info("resumed after update {}", trainer_->update());
  Count weights = 0;
  for (const auto& w : untrained_) weights += w.tensor.numel();
  log_info("{} basins, HBV {} with {} components, {} weights, {} ranks", problem_.size(),
           problem_.config.runoff.variant, trainer_->model().parameters().components, weights, problem_.comm.size());
  return trainer_->run(folder, watch);
}

BasinReportScores BasinTraining::score(RunFolder& folder, ContestFiles files) {
  BasinEntry entry =
      basin_entry(problem_.config, copies_of(trainer_->model().network().weights()), untrained_, trainer_->update());
  if (uniform_is_searched(problem_.config)) entry.uniform = best_uniform_set(problem_, trainer_->series());
  BasinProblem scored = load_basin_problem(problem_.comm, problem_.config, BasinUse::score, &problem_.statistics);
  tell_left_out(scored);
  return hold_basin_contest(scored, entry, folder, files);
}

}  // namespace dpl
