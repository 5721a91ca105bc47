// Learned parameters against the baselines of the configuration, and the files that tell the outcome.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dpl/experiments/evaluation.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {

/// What the contest needs to know of the parameters; functions are **Collective**.
struct ContestEntry {
  std::vector<double> learned;                       ///< [block reaches][kReachParameters]
  std::optional<std::vector<double>> untrained;      ///< the network before its first update
  std::string untrained_reason;                      ///< why there is none
  Count update = 0;
  std::string name = "learned";                      ///< of the contender `learned`
};

/// **Collective:** scores everything over the test period, prints the table, writes metrics.json, metrics_by_gauge.csv,
/// discharge.nc, parameters.nc (and the final state where asked) into the folder. A stop signal ends the search for the
/// best uniform set, which is then absent.
/// @param training  loss over the training period for given parameters; null where training data are not at hand
void hold_contest(const Problem& problem, const Period& period, const ContestEntry& entry,
                  const std::function<double(std::span<const double>)>& training_loss, RunFolder& folder);

/// Reaches without a gauge whose discharge is written (output.discharge, output.reaches).
std::vector<Index> further_reaches(const Problem& problem);

}  // namespace dpl
