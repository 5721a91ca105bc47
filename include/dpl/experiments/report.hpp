// The comparison of contenders as metrics.json, metrics_by_gauge.csv and a table for the terminal.
#pragma once

#include <string>
#include <vector>

#include "dpl/experiments/evaluation.hpp"

namespace dpl {

/// Everything the report says; equal on all ranks.
struct Report {
  const Problem& problem;
  const Evaluation& evaluation;
  std::vector<Contender> contenders;     ///< in the order of the table
  WaterVolumes water;                    ///< of the routed contender named first
  Count update = 0;                      ///< updates of the learned parameters, 0 without
  std::vector<std::string> list = {};    ///< [gauge] train | holdout; empty where gauges are told apart by nothing
};

/// metrics.json, format in docs/file_formats.md. `checksums`: one per input file.
std::string metrics_json(const Report& report, const std::map<std::string, std::string>& checksums);

/// One row a contender and gauge.
std::string metrics_by_gauge_csv(const Report& report);

/// Aligned table: contender, median NSE, KGE, bias, RMSE, gauges.
std::vector<std::string> metrics_table(const Report& report);

/// **Collective:** fingerprint of each input file: its size and (up to 64 MiB from both ends of) its bytes.
std::map<std::string, std::string> input_checksums(const Communicator& comm, const DataSources& sources);

}  // namespace dpl
