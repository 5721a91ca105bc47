// Learned parameters of basins against baselines over the test period, and the files that tell the outcome.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dpl/learning/input_statistics.hpp"
#include "dpl/learning/metrics.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/checkpoint.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {

/// One line of the comparison, of one observed variable.
struct BasinContender {
  std::string name;             ///< learned, untrained, uniform
  std::vector<Metrics> scores;  ///< [place]; empty where it is absent
  std::string reason;           ///< why
};

/// A stored network that takes part in an ensemble.
struct BasinMember {
  std::string name;  ///< member_1, member_2, ... in the order given
  std::string path;
  std::uint64_t seed = 0;
  Count update = 0;
  InputStatistics statistics;  ///< of its training
  std::vector<NamedTensor> weights;
};

struct BasinReport {
  const BasinProblem& problem;
  Count update = 0;
  std::map<std::string, std::vector<BasinContender>> contenders;  ///< by variable: streamflow, soil_moisture
  std::vector<BasinMember> members = {};                          ///< of an ensemble
  std::string primary() const { return contenders.contains("streamflow") ? "streamflow" : "soil_moisture"; }
};

/// metrics.json, metrics_by_basin.csv, lines of a table (docs/basins.md).
std::string basin_metrics_json(const BasinReport& report, const std::map<std::string, std::string>& checksums);
std::string basin_metrics_csv(const BasinReport& report);
std::vector<std::string> basin_metrics_table(const BasinReport& report);

/// One set of parameters for all places, one component: physical values of the runoff model, then of the unit
/// hydrograph.
struct UniformSet {
  std::vector<double> shares;  ///< of the ranges, between 0 and 1
  double loss = 0;
  Index evaluations = 0;
};

/// **Collective:** the set with the least loss of streamflow over the training period, by the simplex method from the
/// middle of the ranges.
UniformSet best_uniform_set(const BasinProblem& training, const BasinSeries& series);

/// **Collective:** streamflow [own place][day] of a uniform set over a period.
std::vector<double> uniform_streamflow(const BasinProblem& problem, const BasinSeries& series, const UniformSet& set,
                                       const Period& period);

/// **Collective:** scores over the test period, [place] on all ranks. @param observed [own place][day of the series]
/// @param simulated [own place][day of the period]
std::vector<Metrics> basin_scores(const BasinProblem& problem, const BasinSeries& series,
                                  const std::vector<float>& observed, const std::vector<double>& simulated);

/// Members of params.ensemble in its order. Throws Error for one trained with another runoff model or PET.
std::vector<BasinMember> ensemble_members(const RunConfig& config, const std::vector<std::string>& paths,
                                          const std::vector<Checkpoint>& networks);

using OnMember = std::function<void(const BasinMember&, const BasinOutputs&)>;

/// **Collective:** series of own places over the test period, the mean over the members: sums in double in their order,
/// a day at a time, so the same bits on any number of ranks. `on_member` is told the series of each.
BasinOutputs simulate_ensemble(const BasinProblem& problem, const std::vector<BasinMember>& members,
                               const std::vector<RunoffOutput>& further, const OnMember& on_member);

/// What takes part. Weights are those of the network of the problem's configuration.
struct BasinEntry {
  std::vector<NamedTensor> learned;
  std::vector<NamedTensor> untrained;  ///< empty: absent
  std::optional<UniformSet> uniform;
  std::string uniform_reason;
  Count update = 0;
  std::vector<BasinMember> members = {};  ///< of an ensemble, which takes the place of `learned`
};

/// What a contest writes beside metrics.json and metrics_by_basin.csv.
enum class ContestFiles { scores, scores_and_series };

/// Scores of the learned parameters at one basin.
struct BasinScore {
  std::string place_id, list;
  Metrics metrics;
};
using BasinReportScores = std::vector<BasinScore>;

/// **Collective:** scores everything over the test period, prints the table, writes metrics.json, metrics_by_basin.csv,
/// and with the series runoff.nc and parameters.nc (an ensemble has no one set of parameters: none is written). Returns
/// the learned parameters' scores of the primary variable.
BasinReportScores hold_basin_contest(BasinProblem& scored, const BasinEntry& entry, RunFolder& folder,
                                     ContestFiles files = ContestFiles::scores_and_series);

/// Whether test.baselines names a baseline.
bool basin_baseline_wanted(const RunConfig& config, const std::string& name);

/// Whether the configuration asks for the uniform set and has streamflow to search it with.
bool uniform_is_searched(const RunConfig& config);

/// An entry without a uniform set, and why it has none.
BasinEntry basin_entry(const RunConfig& config, std::vector<NamedTensor> learned, std::vector<NamedTensor> untrained,
                       Count update);

}  // namespace dpl
