// The training loop: windows, parameters, routing, loss, adjoint, exact gradient, optimizer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dpl/learning/optimizer.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/parallel/replicas.hpp"
#include "dpl/training/checkpoint.hpp"
#include "dpl/training/gauge_clock.hpp"
#include "dpl/training/network_blocks.hpp"
#include "dpl/training/parameter_field.hpp"
#include "dpl/training/problem.hpp"
#include "dpl/training/routed_domain.hpp"
#include "dpl/training/run_folder.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {

enum class TrainingEnd { finished, stopped_by_signal };

/// Trains the parameter network of a problem. All members are **Collective** over the problem's ranks, which are one
/// group of the replicas; `run` over all ranks. The problem must outlive the trainer.
class Trainer {
 public:
  /// Loads the training period's inflow. Throws Error where the period is not covered or holds no observation.
  explicit Trainer(const Problem& problem) : Trainer(problem, Replicas(problem.comm)) {}

  /// The same, for one of several groups, each with its problem on `replicas.group()`: a group takes its windows of
  /// every update, and all groups keep the same weights, bit for bit those of one group that takes all windows.
  Trainer(const Problem& problem, Replicas replicas);

  /// Continues from a checkpoint; refuses one of another network or another configuration, naming the first difference.
  void restore(const Checkpoint& checkpoint);

  /// Runs the remaining updates; writes tables and checkpoints into the folder.
  TrainingEnd run(RunFolder& folder);

  Count update() const { return update_; }
  Count updates_in_all() const;
  ParameterNetwork& network() { return *network_; }
  const ParameterField& field() const { return field_; }
  RoutedDomain& domain() { return *domain_; }

  /// n, p, q of this rank's block reaches for the present weights.
  std::vector<double> theta();

  /// Loss over the whole training period in one window (hot start, warm-up days left out) for given parameters.
  double training_loss(std::span<const double> theta);

  /// Loss and its derivative with respect to every weight tensor; how many reaches were routed for it.
  struct Gradient {
    double loss = 0;
    std::vector<std::vector<double>> weights;
    Count reaches = 0;
  };
  /// Of one window, for the present weights, without an optimizer step.
  Gradient gradient(const Sample& sample);
  /// Of an update: the means over its windows (of all groups; `reaches` is their sum), without an optimizer step.
  /// **Collective** over all ranks. The same bits for any number of groups and ranks. Throws Error where it is not
  /// finite.
  Gradient gradient_of_update(Count update);
  /// Window number `window` of an update: the first draw that holds an observation.
  Sample sample_of(Count update, Index window) const;

 private:
  struct Targets;
  void step();
  Gradient gradient(const Sample& sample, std::span<const double> learned_values, bool keep_graph);
  RoutedWindow window(Count first_day, Count days) const;
  double learning_rate(Count update) const;
  std::optional<Count> first_day_after(Count update, Index w) const;
  void write(const RunFolder& folder);
  [[noreturn]] void fail_not_finite(const Sample* sample);

  const Problem& problem_;
  Replicas replicas_;
  const Communicator& comm_;  // of this group
  ParameterField field_;
  std::unique_ptr<ParameterNetwork> network_;
  std::unique_ptr<RoutedDomain> domain_;
  std::unique_ptr<NetworkBlocks> blocks_;
  std::unique_ptr<Optimizer> optimizer_;
  GaugeClock clock_;
  std::vector<double> sigma_;       // [gauge] observed deviation in the training period
  Count rows_per_day_ = 1;
  Count update_ = 0;
  TrainingRow last_;                // of the newest update
  std::optional<Count> next_first_day_;   // of the window after the present one
};

}  // namespace dpl
