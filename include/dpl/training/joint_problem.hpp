// What a run of runoff and routing together reads before it computes (docs/joint.md): units, reaches, gauges.
#pragma once

#include <string>
#include <vector>

#include "dpl/training/basin_problem.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// Statistics that inputs of both networks are standardised with.
struct JointStatistics {
  InputStatistics places;
  AttributeStatistics reaches;
};

/// Units (places of the forcing) that drain into reaches at or above the gauges, and these reaches. The same on all ranks
/// but the inputs of the networks.
struct JointProblem {
  RunConfig config;
  BasinProblem places;  ///< its observations are not those of places: none are read
  /// The routing's view: periods begin `routing_warmup` days earlier and windows hold the routed days only, of which as
  /// many are not scored; `inflow` is the daily axis of the runoff, which lies in no file.
  Problem rivers;
  std::vector<Index> reach;       ///< [place] reach of the network it drains into
  std::vector<double> factor;     ///< [place] m3/s of a runoff of 1 mm/day
  std::vector<std::string> list;  ///< [gauge of rivers.observations] train | holdout
  Count units_nowhere = 0;        ///< units whose hru_reach is 0 or missing: they drain into no reach
  double area_nowhere_km2 = 0;
  Count units_elsewhere = 0;      ///< units below or beside the gauges, which are not run
  std::string fingerprint;        ///< of river network, units and gauges of the training

  Count day_of_row(Count row) const { return rivers.inflow.time.start_s / 86400 + row; }
  Count row_of_day(Count day) const { return day - rivers.inflow.time.start_s / 86400; }
};

/// Days before a scored period that are routed: the smaller of experiment.routing_warmup and experiment.warmup.
Count routed_warmup(const RunConfig& config);

/// Whether a channel network learns parameters of the routing.
bool learns_channels(const RunConfig& config);

/// **Collective.** Gauges of a training: experiment.gauges, else the list basins.train, else all of the observations
/// without the list basins.holdout; scored are test.gauges, else those of the training and of basins.holdout. Throws
/// Error for keys and files that do not fit, a unit whose hru_reach is no reach, a unit above the gauges that lacks area,
/// attributes or forcing (its water would be missing), a gauge with no unit above it.
JointProblem load_joint_problem(const Communicator& comm, const RunConfig& config, BasinUse use,
                                const JointStatistics* statistics = nullptr);

/// Lines for the log on units that take no part.
std::vector<std::string> joint_messages(const JointProblem& problem);

}  // namespace dpl
