// Into how many equal sub-reaches a reach is split.
#include <algorithm>
#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/physics/conservative_routing.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

Index sub_reaches_by_length(double length_m, double max_length_m) {
  if (!(length_m > 0) || !(max_length_m > 0))
    fail("splitting: a reach of {} m into sub-reaches of at most {} m; both must be positive", length_m, max_length_m);
  return std::max<Index>(1, static_cast<Index>(std::ceil(length_m / max_length_m - 1e-12)));
}

Index sub_reaches_by_courant(double length_m, double slope, double n, double p, double q, double discharge_m3s,
                             double dt_s) {
  // Depth at which the section carries the flow: the inverse of Q = A v, as at the start of a run.
  const double area = conservative_start(1.0, slope, n, p, q, std::max(discharge_m3s, 1e-6));
  const double depth = std::pow(area * (q + 1) / p, 1 / (q + 1));
  const double velocity = std::pow(depth / (q + 1), 2.0 / 3.0) * std::sqrt(slope) / n;
  const double celerity = velocity * (5 + 3 * q) / (3 * (1 + q));
  const double lambda = 3 * depth / ((5 + 3 * q) * slope);
  const double ideal = celerity * dt_s;
  // Lengths from ideal - lambda to ideal + lambda keep the physical diffusion: take the fewest sub-reaches in that band,
  // else the count nearest to Courant number 1.
  const double fewest = std::ceil(length_m / (ideal + lambda) - 1e-12);
  if (fewest >= 1 && std::abs(length_m / fewest - ideal) <= lambda) return static_cast<Index>(fewest);
  return std::max<Index>(1, static_cast<Index>(std::lround(length_m / ideal)));
}

}  // namespace dpl
