// Learned runoff and channels against baselines at the gauges over the test period, and the files that tell the outcome.
#pragma once

#include <vector>

#include "dpl/training/joint_problem.hpp"
#include "dpl/training/joint_trainer.hpp"

namespace dpl {

/// Weights of both networks, in the order of JointTrainer::weights().
struct JointEntry {
  std::vector<NamedTensor> learned;
  std::vector<NamedTensor> untrained;  ///< empty: absent
  Count update = 0;
};

/// **Collective:** scores the test period: the learned networks; the untrained ones; the learned runoff summed without
/// routing. Prints the table, writes metrics.json, metrics_by_gauge.csv, discharge.nc, parameters.nc (places) and
/// reach_parameters.nc.
void hold_joint_contest(JointProblem& scored, const JointEntry& entry, RunFolder& folder);

}  // namespace dpl
