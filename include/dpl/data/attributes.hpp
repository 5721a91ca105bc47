// Static attributes of the reaches, in the block distribution, and their standardisation.
#pragma once

#include <string>
#include <vector>

#include "dpl/data/river_network.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Attributes of the reaches first_reach..end_reach-1 of the domain's order.
struct Attributes {
  std::vector<std::string> names;
  Index first_reach = 0;
  Index count = 0;
  std::vector<double> values;   ///< [count][names], NaN where missing
};

/// Deviation of an attribute that is the same everywhere in training and tells nothing apart: its inputs become 0, also
/// at other places, where another value would meet a weight that was never trained.
constexpr double kNoSpread = 1e30;

/// Mean and standard deviation (divisor N) of each attribute over all reaches of the domain, missing values left out.
struct AttributeStatistics {
  std::vector<std::string> names;
  std::vector<double> mean, standard_deviation;
};

/// **Collective:** reads this rank's rows of the named attributes; rows are matched by reach_id, so the file's order may
/// differ from the network's. Throws Error for a missing variable (suggests the nearest name), wrong dimension, ids
/// without a row.
Attributes read_attributes(const Communicator& comm, const std::string& path, const RiverNetwork& network,
                           const std::vector<std::string>& names, Index first_reach, Index end_reach);

/// **Collective:** exact sums, the same bits on any number of ranks. A constant attribute gets kNoSpread.
AttributeStatistics attribute_statistics(const Communicator& comm, const Attributes& attributes);

/// (x - mean) / standard deviation, missing values become the mean (0). [count][names]
std::vector<double> standardise(const Attributes& attributes, const AttributeStatistics& statistics);

}  // namespace dpl
