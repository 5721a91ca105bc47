// Reads attributes.nc in blocks; standardises by exact sums.
#include "dpl/data/attributes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"
#include "dpl/parallel/exact_sum.hpp"

namespace dpl {

Attributes read_attributes(const Communicator& comm, const std::string& path, const RiverNetwork& network,
                           const std::vector<std::string>& names, Index first_reach, Index end_reach) {
  const auto file = NetcdfFile::open(comm, path);
  check_dimensions(file, "reach_id", {"reach"});
  for (const auto& name : names) check_dimensions(file, name, {"reach"});
  const auto ids = file.read_integers("reach_id");
  std::vector<Count> rows;
  agree(comm, "attributes", [&] {
    rows = rows_of_ids(file, ids, {network.reach_id.begin() + first_reach, network.reach_id.begin() + end_reach});
  });
  // The smallest run of file rows that holds mine: exactly my block where the file has the network's order.
  const Count first = rows.empty() ? 0 : *std::min_element(rows.begin(), rows.end());
  const Count count = rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end()) - first + 1;
  Attributes a{names, first_reach, end_reach - first_reach, {}};
  a.values.resize(static_cast<std::size_t>(a.count) * names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto column = file.read(names[k], std::vector<Count>{first}, std::vector<Count>{count});
    for (Index r = 0; r < a.count; ++r) {
      const double value = column[rows[r] - first];
      a.values[r * names.size() + k] = std::isfinite(value) ? value : std::numeric_limits<double>::quiet_NaN();
    }
  }
  return a;
}

AttributeStatistics attribute_statistics(const Communicator& comm, const Attributes& attributes) {
  const std::size_t k = attributes.names.size();
  AttributeStatistics s{attributes.names, std::vector<double>(k), std::vector<double>(k)};
  for (std::size_t j = 0; j < k; ++j) {
    std::vector<double> values;
    for (Index r = 0; r < attributes.count; ++r)
      if (const double v = attributes.values[r * k + j]; !std::isnan(v)) values.push_back(v);
    const auto count = comm.sum(static_cast<std::int64_t>(values.size()));
    if (count == 0) fail("attributes: {} is missing everywhere; leave it out of network.input_var_names", s.names[j]);
    s.mean[j] = exact_sum(comm, values) / static_cast<double>(count);
    for (double& v : values) v = (v - s.mean[j]) * (v - s.mean[j]);
    s.standard_deviation[j] = std::sqrt(exact_sum(comm, values) / static_cast<double>(count));
    if (!(s.standard_deviation[j] > 1e-12 * std::abs(s.mean[j]))) s.standard_deviation[j] = kNoSpread;
  }
  return s;
}

std::vector<double> standardise(const Attributes& attributes, const AttributeStatistics& statistics) {
  if (attributes.names != statistics.names) fail("attributes: the statistics are of other attributes than the values");
  const std::size_t k = attributes.names.size();
  std::vector<double> inputs(attributes.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double value = attributes.values[i];
    inputs[i] = std::isnan(value) ? 0.0 : (value - statistics.mean[i % k]) / statistics.standard_deviation[i % k];
  }
  return inputs;
}

}  // namespace dpl
