// Networks of known shapes for the tests of cutting and routing.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "dpl/base/random.hpp"
#include "dpl/base/topology.hpp"

namespace dpl::test {

/// Reach ids are row numbers + 1.
inline Topology topology_of(std::vector<Index> downstream) {
  std::vector<ReachId> ids(downstream.size());
  std::iota(ids.begin(), ids.end(), 1);
  return make_topology(std::move(downstream), ids);
}

/// Every reach drains into the one before it.
inline Topology chain(Index n) {
  std::vector<Index> downstream(n);
  for (Index i = 0; i < n; ++i) downstream[i] = i - 1;
  return topology_of(std::move(downstream));
}

/// All drain into reach 0.
inline Topology star(Index n) {
  std::vector<Index> downstream(n, 0);
  downstream[0] = -1;
  return topology_of(std::move(downstream));
}

/// A chain of the even reaches with one headwater on each.
inline Topology comb(Index n) {
  std::vector<Index> downstream(n);
  for (Index i = 0; i < n; ++i) downstream[i] = i % 2 == 0 ? i - 2 : i - 1;
  downstream[0] = -1;
  return topology_of(std::move(downstream));
}

inline Topology singletons(Index n) { return topology_of(std::vector<Index>(n, -1)); }

/// Complete binary tree.
inline Topology binary(Index n) {
  std::vector<Index> downstream(n);
  for (Index i = 0; i < n; ++i) downstream[i] = i == 0 ? -1 : (i - 1) / 2;
  return topology_of(std::move(downstream));
}

/// Where reach i > 0 of a random forest drains: into one of the `span` rows before it (long, bushy rivers), about one
/// in `trees` nowhere.
inline std::vector<Index> random_downstream(Index n, std::uint64_t seed, Index span = 40, Index trees = 60) {
  std::vector<Index> downstream(n, -1);
  for (Index i = 1; i < n; ++i) {
    const RandomKey key{seed, Purpose::test, 0, static_cast<std::uint64_t>(i)};
    if (random_index(key, trees, 0) == 0) continue;
    downstream[i] = i - 1 - static_cast<Index>(random_index(key, i < span ? i : span, 1));
  }
  return downstream;
}

inline Topology random_forest(Index n, std::uint64_t seed, Index span = 40, Index trees = 60) {
  return topology_of(random_downstream(n, seed, span, trees));
}

}  // namespace dpl::test
