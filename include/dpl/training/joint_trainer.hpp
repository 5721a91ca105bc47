// Training of runoff and channel parameters through one loss at the gauges of a river network.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dpl/coupling/place_inflow.hpp"
#include "dpl/learning/optimizer.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/checkpoint.hpp"
#include "dpl/training/gauge_clock.hpp"
#include "dpl/training/joint_channel.hpp"
#include "dpl/training/joint_problem.hpp"
#include "dpl/training/routed_domain.hpp"
#include "dpl/training/run_folder.hpp"
#include "dpl/training/sampler.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl {

/// All members are **Collective**. The problem must outlive the trainer.
class JointTrainer {
 public:
  /// Reads the forcing of the training period. Throws Error where it is not covered.
  explicit JointTrainer(JointProblem& problem);

  /// Continues from a checkpoint; refuses one of other units, reaches, gauges or another configuration.
  void restore(const Checkpoint& checkpoint);
  /// Runs the remaining updates; writes tables and checkpoints into the folder.
  TrainingEnd run(RunFolder& folder);

  Count update() const { return update_; }
  Count updates_in_all() const;
  /// Of both networks: those of the places, then those of the channels ("channel.*").
  const std::vector<NamedTensor>& weights() const { return weights_; }
  BasinModel& runoff() { return *runoff_; }
  const RoutedDomain& domain() const { return *domain_; }

  /// Loss and its derivatives by weights() of an update, for the present weights, without an optimizer step.
  struct Gradient {
    double loss = 0;
    std::vector<std::vector<double>> weights;
  };
  Gradient gradient_of_update(Count update);

 private:
  struct Targets;
  Sample sample_of(Count update) const;
  void step();
  void write(const RunFolder& folder);

  JointProblem& problem_;
  const Communicator& comm_;
  BasinSeries series_;
  std::unique_ptr<BasinModel> runoff_;
  RoutedReaches reaches_;
  std::unique_ptr<RoutedDomain> domain_;
  std::unique_ptr<JointChannel> channel_;
  std::unique_ptr<PlaceInflow> inflow_;
  std::vector<NamedTensor> weights_;
  std::unique_ptr<Optimizer> optimizer_;
  GaugeClock clock_;
  std::vector<double> sigma_;  // [gauge] observed deviation in the training period
  Count update_ = 0;
  TrainingRow last_;  // of the newest update; reach_hours holds place-days
};

/// Statistics as a checkpoint holds them: those of the reaches' attributes under names that begin with kChannelPrefix.
JointStatistics joint_statistics(const Checkpoint& checkpoint);

/// Copies the stored weights of both networks; channel weights take no part where the scheme has no parameters.
void restore_joint_weights(const std::vector<NamedTensor>& weights, const std::vector<NamedTensor>& stored,
                           bool learns_channels);

}  // namespace dpl
