// The training loop over basins: draws, parameters, runoff, loss, adjoint, exact gradient, optimizer.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dpl/learning/optimizer.hpp"
#include "dpl/learning/target_loss.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/basin_sampler.hpp"
#include "dpl/training/checkpoint.hpp"
#include "dpl/training/run_folder.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl {

/// **Local** on every rank, before each update, with the updates and place-days done; true asks all ranks to stop, as a
/// signal does.
using TrainingWatch = std::function<bool(Count update, double place_days)>;

/// Trains the parameter network of places. All members are **Collective**. The problem must outlive the trainer.
class BasinTrainer {
 public:
  /// Reads the series of the training (and validation) period. Throws Error where a period is not covered.
  explicit BasinTrainer(BasinProblem& problem);

  /// Continues from a checkpoint; refuses one of other basins or another configuration, naming the first difference.
  void restore(const Checkpoint& checkpoint);
  /// Takes the weights of a checkpoint that have the names and shapes of own ones; returns how many tensors.
  std::size_t start_from(const Checkpoint& checkpoint);
  /// The present weights as checkpoints/start of the folder, for a run that begins from those of another.
  void keep_start(const RunFolder& folder) { write(folder, "start"); }

  /// Runs the remaining updates; writes tables and checkpoints into the folder, and with a validation period the best
  /// weights as checkpoints/best, which the network holds at the end.
  TrainingEnd run(RunFolder& folder, const TrainingWatch& watch = {});

  Count update() const { return update_; }
  Count updates_in_all() const;
  double place_days() const { return last_.reach_hours; }  ///< seen so far: windows times their days, warm-up included
  BasinModel& model() { return *model_; }
  const BasinSeries& series() const { return series_; }

  /// Loss and derivatives of an update for the present weights, without an optimizer step.
  struct Gradient {
    double loss = 0;
    std::vector<std::vector<double>> weights;
  };
  Gradient gradient_of_update(Count update);

 private:
  struct Validation {
    BasinSeries series;
    std::unique_ptr<BasinModel> model;
    double best = -std::numeric_limits<double>::infinity();
    Count best_update = 0, looks_since = 0;
  };
  struct Targets;
  void step();
  double validation_skill();
  bool look(const RunFolder& folder);
  Checkpoint checkpoint() const;
  void write(const RunFolder& folder, const std::string& name);
  void take_best(const RunFolder& folder);

  BasinProblem& problem_;
  const Communicator& comm_;
  BasinSeries series_;
  std::unique_ptr<BasinModel> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Validation> validation_;
  std::vector<double> flow_sigma_, moisture_sigma_;      // [place] observed deviation in the training period
  std::map<std::string, std::vector<double>> sigma_of_;  // of the windows of an update, by target
  Count update_ = 0;
  TrainingRow last_;  // of the newest update; reach_hours holds place-days
};

}  // namespace dpl
