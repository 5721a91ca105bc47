// The verb scaling: skill and cost of learning against the number of places trained on (docs/basins.md).
#pragma once

#include "dpl/experiments/basin_series_run.hpp"
#include "dpl/experiments/verb.hpp"

namespace dpl {

/// One point of the curve: a nested subset of one seed.
struct ScalingPoint {
  double fraction = 0;
  std::uint64_t seed = 0;
  std::vector<std::string> core;  ///< the seed's smallest subset: basins that all its trainings see
};

/// Members of the series and the points they belong to, fractions ascending, seeds within them.
struct ScalingSeries {
  std::vector<SeriesMember> members;
  std::vector<ScalingPoint> points;
};

/// The series over `ids` (ascending): the basins out of the sample are drawn by config.seed alone, so all members have
/// the same; each seed draws its own nested subsets of the others. Updates follow scaling.budget.
ScalingSeries scaling_series(const RunConfig& config, const std::vector<std::string>& ids);

/// scaling.csv: one row a point. `days`: of the training period.
std::string scaling_csv(const ScalingSeries& series, const std::vector<MemberResult>& results, Count days);

/// **Collective.** Returns the exit status.
int run_scaling(const VerbContext& context);

}  // namespace dpl
