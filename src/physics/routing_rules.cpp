// Checks, floors, formulas and state places of a routing window.
#include "dpl/physics/routing_rules.hpp"

#include <limits>

#include "dpl/base/error.hpp"

namespace dpl {

void check_routing(const RankNetwork& network, const ReachProperties& p, const RoutingOptions& o) {
  const auto n = static_cast<std::size_t>(network.size());
  if (p.length_m.size() != n || p.slope.size() != n || p.sub_reaches.size() != n)
    fail("routing: properties of {} reaches for {} reaches", p.length_m.size(), n);
  for (std::size_t i = 0; i < n; ++i)
    if (!(p.length_m[i] > 0) || !(p.slope[i] > 0) || p.sub_reaches[i] < 1)
      fail("routing: own reach {} has length {} m, slope {} and {} sub-reaches; all must be positive", i, p.length_m[i],
           p.slope[i], p.sub_reaches[i]);
  if (!(o.dt_s > 0) || o.chunk_steps < 0) fail("routing: dt {} s and {} steps a chunk; the first must be positive, the second at least 0", o.dt_s, o.chunk_steps);
}

double smallest_flow(const RoutingOptions& options) {
  const bool floored = options.scheme != Scheme::conservative && options.scheme != Scheme::muskingum;
  return floored ? options.q_min_m3s : -std::numeric_limits<double>::infinity();
}

MuskingumCungeOptions discharge_formulas(const RoutingOptions& options) {
  switch (options.scheme) {
    case Scheme::published: return {false, false, false, options.x};
    case Scheme::exact_celerity: return {true, false, false, options.x};
    case Scheme::corrected: return {true, true, false, options.x};
    default: return {true, true, true, options.x};
  }
}

std::vector<Index> state_starts(const std::vector<Index>& sub_reaches) {
  std::vector<Index> starts(1, 0);
  for (const Index count : sub_reaches) starts.push_back(starts.back() + count);
  return starts;
}

template <class Real>
void share_lateral_adjoint(std::span<const Index> state_start, std::span<const Real> of_states, Count rows,
                           std::span<Real> of_reaches) {
  for (std::size_t r = 0; r + 1 < state_start.size(); ++r)
    for (Count row = 0; row < rows; ++row) {
      double sum = 0;
      for (Index s = state_start[r]; s < state_start[r + 1]; ++s) sum += of_states[s * rows + row];
      of_reaches[r * rows + row] = static_cast<Real>(sum / (state_start[r + 1] - state_start[r]));
    }
}

template void share_lateral_adjoint(std::span<const Index>, std::span<const float>, Count, std::span<float>);
template void share_lateral_adjoint(std::span<const Index>, std::span<const double>, Count, std::span<double>);

}  // namespace dpl
