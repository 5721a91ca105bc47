// Orders reaches upstream first over the pieces of a rank and splits them into rows.
#include "dpl/coupling/cell_order.hpp"

#include "dpl/base/error.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

// Own reaches upstream of each own reach: value >= 0 an own reach, value < 0 a ghost of another rank.
std::vector<std::vector<Index>> upstream_lists(const RankNetwork& network, Index rank) {
  std::vector<std::vector<Index>> lists(network.size());
  for (Index r = 0; r < network.size(); ++r)
    for (Index k = network.upstream_start[r]; k < network.upstream_start[r + 1]; ++k) {
      Index u = network.upstream[k];
      if (u < 0)
        if (const GhostEdge& ghost = network.ghosts[-1 - u]; ghost.upstream_rank == rank)
          u = network.cut_out[ghost.upstream_slot];
      lists[r].push_back(u);
    }
  return lists;
}

std::vector<Index> upstream_first(const std::vector<std::vector<Index>>& lists) {
  const auto n = static_cast<Index>(lists.size());
  std::vector<Index> waits_for(n, 0), below(n, -1), order;
  for (Index r = 0; r < n; ++r)
    for (Index u : lists[r])
      if (u >= 0) {
        below[u] = r;
        ++waits_for[r];
      }
  for (Index r = 0; r < n; ++r)
    if (waits_for[r] == 0) order.push_back(r);
  for (std::size_t k = 0; k < order.size(); ++k)
    if (const Index d = below[order[k]]; d >= 0 && --waits_for[d] == 0) order.push_back(d);
  if (static_cast<Index>(order.size()) != n)
    fail("routing system: {} of {} own reaches lie on a cycle; check the downstream ids of the network", n - order.size(),
         n);
  return order;
}

}  // namespace

CellOrder make_cell_order(const RankNetwork& network, Index rank, const std::vector<Index>& sub_reaches) {
  const auto lists = upstream_lists(network, rank);
  const auto state_start = state_starts(sub_reaches);
  CellOrder cells;
  cells.first_row.resize(network.size());
  cells.last_row.resize(network.size());
  cells.upstream_start.assign(1, 0);
  for (Index r : upstream_first(lists)) {
    cells.first_row[r] = cells.rows();
    for (Index k = 0; k < sub_reaches[r]; ++k) {
      if (k > 0) cells.upstream.push_back(cells.rows() - 1);
      for (Index u : k == 0 ? lists[r] : std::vector<Index>()) cells.upstream.push_back(u >= 0 ? cells.last_row[u] : u);
      cells.upstream_start.push_back(static_cast<Index>(cells.upstream.size()));
      cells.state.push_back(state_start[r] + k);
      cells.reach.push_back(r);
      cells.share.push_back(1.0 / sub_reaches[r]);
    }
    cells.last_row[r] = cells.rows() - 1;
  }
  return cells;
}

}  // namespace dpl
