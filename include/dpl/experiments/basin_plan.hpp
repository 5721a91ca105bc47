// The verb `plan` over basins: what a training takes of a GPU's memory, without running it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/experiments/verb.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {

/// For one number of ranks, one GPU each: of the rank that holds most places.
struct BasinPlanRow {
  Index ranks = 1, places = 0;
  Count series_bytes = 0;   ///< forcing and history of its places, whole (SeriesOnDevice)
  Index windows = 0;        ///< of an update: its share of experiment.batch_size
  BasinBytes window_bytes;  ///< of these
  Index windows_fit = 0;    ///< beside the series, in plan.gpu_memory_gib; without what a network takes
};

struct BasinPlan {
  Count days = 0, taped = 0;  ///< of a window
  Index components = 0;
  std::vector<BasinPlanRow> rows;
  /// Bytes of a component-day of runoff, of the first row's windows.
  double per_component_day(Count BasinBytes::* part) const;
};

/// What a batch of `windows` takes on a device, from the formulas of the model that runs it.
BasinBytes planned_bytes(const RunConfig& config, Index windows);

/// @param blocks of the places  @param series_days that a training reads
BasinPlan plan_basins(const RunConfig& config, const BlockDistribution& blocks, Count series_days,
                      std::span<const Index> ranks);
std::vector<std::string> basin_plan_table(const BasinPlan& plan, const PlanConfig& config);
std::string basin_plan_json(const BasinPlan& plan, const PlanConfig& config);

/// **Collective.** Prints it and writes plan.json into a run folder. Returns the exit status.
int run_basin_plan(const VerbContext& context);

}  // namespace dpl
