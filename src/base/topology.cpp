// Upstream lists, depths and the check for cycles.
#include "dpl/base/topology.hpp"

#include <algorithm>
#include <numeric>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

void check_indices(std::span<const Index> downstream, std::span<const ReachId> reach_id) {
  const auto n = static_cast<Index>(downstream.size());
  if (reach_id.size() != downstream.size())
    fail("topology: {} reach ids for {} reaches", reach_id.size(), downstream.size());
  for (Index i = 0; i < n; ++i)
    if (downstream[i] < -1 || downstream[i] >= n)
      fail("topology: reach {} drains into index {}, outside 0..{}", reach_id[i], downstream[i], n - 1);
}

void fill_upstream_lists(Topology& t, std::span<const ReachId> reach_id) {
  const Index n = t.size();
  t.upstream_start.assign(n + 1, 0);
  for (Index d : t.downstream)
    if (d >= 0) ++t.upstream_start[d + 1];
  std::partial_sum(t.upstream_start.begin(), t.upstream_start.end(), t.upstream_start.begin());
  t.upstream.resize(t.upstream_start[n]);
  std::vector<Index> next(t.upstream_start.begin(), t.upstream_start.end() - 1);
  for (Index i = 0; i < n; ++i)
    if (t.downstream[i] >= 0) t.upstream[next[t.downstream[i]]++] = i;
  for (Index i = 0; i < n; ++i)
    std::sort(t.upstream.begin() + t.upstream_start[i], t.upstream.begin() + t.upstream_start[i + 1],
              [&](Index a, Index b) { return reach_id[a] < reach_id[b]; });
}

[[noreturn]] void fail_with_cycle(const Topology& t, std::span<const ReachId> reach_id) {
  Index i = static_cast<Index>(std::find(t.depth.begin(), t.depth.end(), -1) - t.depth.begin());
  for (Index step = 0; step < t.size(); ++step) i = t.downstream[i];  // now certainly on the cycle
  // Begin at the smallest id, so that the message does not depend on the row order.
  Index first = i;
  for (Index j = t.downstream[i]; j != i; j = t.downstream[j])
    if (reach_id[j] < reach_id[first]) first = j;
  std::string names = std::to_string(reach_id[first]);
  Index length = 1;
  for (Index j = t.downstream[first]; j != first; j = t.downstream[j], ++length)
    if (length < 5) names += " -> " + std::to_string(reach_id[j]);
  names += length > 5 ? " -> ..." : " -> " + std::to_string(reach_id[first]);
  fail("the river network has a cycle of {} reach{}: {}; every reach must drain to an outlet", length,
       length == 1 ? "" : "es", names);
}

}  // namespace

Topology make_topology(std::vector<Index> downstream, std::span<const ReachId> reach_id) {
  check_indices(downstream, reach_id);
  Topology t;
  t.downstream = std::move(downstream);
  fill_upstream_lists(t, reach_id);
  const Index n = t.size();
  t.depth.assign(n, -1);
  std::vector<Index> queue;
  queue.reserve(n);
  for (Index i = 0; i < n; ++i)
    if (t.downstream[i] < 0) t.depth[i] = 0, queue.push_back(i);
  for (std::size_t k = 0; k < queue.size(); ++k)
    for (Index u : t.upstream_of(queue[k])) t.depth[u] = t.depth[queue[k]] + 1, queue.push_back(u);
  if (static_cast<Index>(queue.size()) != n) fail_with_cycle(t, reach_id);
  return t;
}

std::vector<Index> upstream_first_order(const Topology& topology) {
  std::vector<Index> order(topology.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return topology.depth[a] > topology.depth[b]; });
  return order;
}

}  // namespace dpl
