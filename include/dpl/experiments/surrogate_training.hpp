// Two trainings: the surrogate on an archive of runs, and the parameter network through the frozen surrogate.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dpl/experiments/surrogate_archive.hpp"
#include "dpl/learning/sequence_network.hpp"
#include "dpl/learning/surrogate_network.hpp"
#include "dpl/training/basin_problem.hpp"

namespace dpl {

/// Means and deviations of the forcing over the training period: precipitation, temperature, PET.
InputStatistics surrogate_statistics(const BasinProblem& problem, const BasinSeries& series, const Period& period);

/// A window of own place, with parameters.
struct SurrogateRow {
  Index place = 0;      ///< own number, ascending in a list of rows
  Count first_day = 0;  ///< its warm-up included
};

/// The surrogate with what it reads of a problem's places.
class SurrogateModel {
 public:
  /// **Local.** All but `weights` must outlive it. @param history standardised by `statistics`
  SurrogateModel(const BasinProblem& problem, const BasinSeries& series, const InputStatistics& statistics,
                 SurrogateNetwork& network);

  /// **Local.** Rows of one block [rows][days] mm/day. @param shares [rows][parameters], with or without gradient
  at::Tensor forward(std::span<const SurrogateRow> rows, Count days, const at::Tensor& shares, Count gradient_from);

  /// **Local.** Own places over a period, [own place][run][day]; the same number of runs of each.
  /// @param shares [own place][run][parameter]
  std::vector<double> simulate(const Period& period, Count warmup, std::span<const double> shares, Index runs);

  /// Number of the block of an own place, the same on any number of ranks.
  Index block_of(Index own) const { return (problem_.first_own() + own) / problem_.blocks.block_size; }
  const BasinProblem& problem() const { return problem_; }
  const BasinSeries& series() const { return series_; }

 private:
  const BasinProblem& problem_;
  const BasinSeries& series_;
  SurrogateNetwork& network_;
  std::vector<float> history_;  // [own place][row of the series][channel]
};

/// What a training tells after each update; true asks to stop.
using SurrogateWatch = std::function<bool(Count update, double loss)>;

/// **Collective.** Trains the surrogate on the runs of own places: mean over windows of the squared error over
/// (deviation of the run + 0.1)^2. The newest part of a later round gives half of the windows. False where it was stopped.
/// @param parts [part][own place]  @param used [own place][part][run] whether the run trains
bool train_surrogate(SurrogateModel& model, SurrogateNetwork& network,
                     const std::vector<const std::vector<ArchivePart>*>& parts, const std::vector<std::uint8_t>& trains,
                     Index training_runs_first, Index round, const SurrogateWatch& watch);

/// g_A: attributes of own places -> shares of the ranges.
class ShareNetwork {
 public:
  explicit ShareNetwork(const RunConfig& config);
  /// [places][parameters], with autograd graph where gradients are on.
  at::Tensor forward(const BasinProblem& problem, std::span<const Index> own, const SequencePass& pass);
  /// **Local.** [own place][parameter], block after block.
  std::vector<double> shares(const BasinProblem& problem);
  SequenceNetwork& network() { return *network_; }

 private:
  std::unique_ptr<SequenceNetwork> network_;
};

/// **Collective.** Learns the network's weights through the frozen surrogate: experiment.* over the training period.
/// False where it was stopped.
bool learn_through(SurrogateModel& model, ShareNetwork& shares, Index round, const SurrogateWatch& watch);

/// **Collective.** Gradient of the loss of each own place over the training period by its shares [own place][parameter],
/// through the surrogate. The loss of a place: mean of (simulated - observed)^2 / (sigma + 0.1)^2.
std::vector<double> surrogate_slopes(SurrogateModel& model, std::span<const double> shares, const Period& period,
                                     Count warmup, std::span<const double> sigma);

}  // namespace dpl
