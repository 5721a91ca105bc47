// A reference file of the routing schemes (docs/file_formats.md): inputs, expected values and gradients.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dpl/base/topology.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// Arrays are [reach] in the file's order, series [row][reach].
struct ReferenceCase {
  std::string path;
  std::string name;
  RoutingOptions options;
  std::vector<Index> downstream;                    ///< -1 at an outlet
  std::vector<double> length_m, slope;
  std::vector<double> a, b, c;                      ///< n, p, q (muskingum: K, X, zeros)
  std::vector<std::vector<double>> lateral_inflow;  ///< [step][reach]
  std::vector<std::vector<double>> discharge;       ///< expected, [row][reach]
  std::vector<std::vector<double>> storage;         ///< expected, [row][reach]; `conservative` only
  Index outlet = 0;                                 ///< J = mean of its squared discharge over all rows
  double J = 0;
  std::vector<double> dJ_da, dJ_db, dJ_dc;          ///< muskingum: of K, X, and empty where the file has none
  std::map<Count, std::vector<double>> dJ_dlateral; ///< step -> [reach]
};

/// Throws Error naming file and field: not JSON, a missing or misshapen field, a value outside its range, a network that is
/// no forest, a runoff case (runoff_reference_case.hpp).
ReferenceCase read_reference_case(const std::string& path);

}  // namespace dpl
