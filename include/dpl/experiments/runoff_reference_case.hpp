// A reference file of the runoff model (docs/file_formats.md): one component of one catchment, and its unit hydrograph.
#pragma once

#include <string>
#include <vector>

#include "dpl/physics/runoff.hpp"

namespace dpl {

/// Series are [day].
struct RunoffReferenceCase {
  std::string path;
  std::string name;
  RunoffOptions options;                                         ///< variant, area and elevation
  std::vector<double> precipitation_mm_day, temperature_degc, pet_mm_day;
  std::vector<double> positions;  ///< of each parameter in its range, 0 .. 1, in the model's order
  double route_a = 0, route_b = 0;                               ///< positions of the unit hydrograph's a, b
  std::vector<double> runoff, evapotranspiration, routed_runoff; ///< expected, mm/day
  std::vector<std::vector<double>> states;  ///< expected after each day, [day][SP, MW, SM, SUZ, SLZ] mm
  double J = 0;                                                  ///< mean square of routed runoff
  std::vector<double> gradient;  ///< expected by position: parameters, then route_a, route_b
};

/// Whether the file is one: it has a field `variant`. Throws Error for a file that cannot be read.
bool is_runoff_case(const std::string& path);

/// Throws Error naming file and field: a missing or misshapen field, an unknown variant, a value outside its range.
RunoffReferenceCase read_runoff_reference_case(const std::string& path);

}  // namespace dpl
