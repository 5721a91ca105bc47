// One training over basins from its data to its scores: what train does once, and a series of trainings many times.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dpl/experiments/basin_contest.hpp"
#include "dpl/training/basin_trainer.hpp"
#include "dpl/training/checkpoint.hpp"

namespace dpl {

/// **Collective:** the network of a folder of a run (with a validation period the best one) or of one checkpoint.
Checkpoint read_basin_network(const Communicator& comm, const RunConfig& config, const std::string& path);

/// Statistics of the inputs as the checkpoint's network was trained with.
InputStatistics statistics_of(const Checkpoint& checkpoint);

/// One line of the log for each reason why places are left out.
void tell_left_out(const BasinProblem& problem);

/// **Collective:** all members. The communicator must outlive it.
class BasinTraining {
 public:
  /// Reads which basins take part and their attributes; refuses a checkpoint of another training.
  BasinTraining(const Communicator& comm, const RunConfig& config, std::optional<Checkpoint> checkpoint);

  const BasinProblem& problem() const { return problem_; }

  /// Reads the series, makes the network, takes network.start_from, then the checkpoint.
  void prepare();

  /// The remaining updates; tables and checkpoints go into the folder.
  TrainingEnd run(RunFolder& folder, const TrainingWatch& watch = {});

  /// Scores the test period and writes `files`.
  BasinReportScores score(RunFolder& folder, ContestFiles files);

  BasinTrainer& trainer() { return *trainer_; }

 private:
  std::optional<Checkpoint> checkpoint_;
  BasinProblem problem_;
  std::unique_ptr<BasinTrainer> trainer_;
  std::vector<NamedTensor> untrained_;
};

}  // namespace dpl
