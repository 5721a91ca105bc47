// Everything a run reads before it computes: network, gauges, inflow header, standardised attributes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/coupling/redistribution.hpp"
#include "dpl/data/attributes.hpp"
#include "dpl/data/observations.hpp"
#include "dpl/data/river_network.hpp"
#include "dpl/data/time_series.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// The input side of a run; the same on all ranks except `inputs`.
struct Problem {
  const Communicator& comm;
  RunConfig config;
  RiverNetwork network;
  BlockDistribution blocks;
  LateralInflowHeader inflow;
  std::optional<Observations> observations;
  AttributeStatistics statistics;         ///< empty without a parameter network
  std::vector<double> inputs;             ///< [block reaches of this rank][attributes], standardised
  std::string fingerprint;                ///< of the network (ids, downstream, lengths, slopes)
};

/// **Collective.** @param with_network  also read attributes and standardise them, with `statistics` (of a checkpoint)
/// where given, else with statistics of this domain. Observations of `gauges` (empty: all) are read where the config
/// names a file.
Problem load_problem(const Communicator& comm, const RunConfig& config, const std::vector<std::string>& gauges,
                     bool with_network, const AttributeStatistics* statistics = nullptr);

/// **Collective:** the observations of the gauges `wanted`; those of the problem, which are of the gauges `held`, where the
/// lists are the same, else read from the same file.
Observations observations_at(const Problem& problem, const std::vector<std::string>& held,
                             const std::vector<std::string>& wanted);

/// First and last day that the inflow file holds. Throws Error where its rows do not start at midnight.
Period days_of_inflow(const Problem& problem);

/// Whether the inflow file holds all days of a period; false for a period that is not given.
bool inflow_covers(const Problem& problem, const Period& period);

/// Rows of the inflow file that hold the days of a period. Throws Error when the file does not cover them, or its rows do
/// not start at midnight.
struct RowRange {
  Count first = 0, end = 0;
};
RowRange inflow_rows(const Problem& problem, const Period& period, const std::string& what);

}  // namespace dpl
