// The pieces of one rank, with the cut edges that lead into them and out of them.
#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/partition/partition.hpp"

namespace dpl {
namespace {

// Reaches sorted by piece, within a piece upstream first.
std::vector<Index> piecewise_order(const Topology& topology, const Partition& partition) {
  std::vector<Index> next(partition.owner.size() + 1, 0);
  for (const Index piece : partition.piece) ++next[piece + 1];
  for (std::size_t piece = 1; piece < next.size(); ++piece) next[piece] += next[piece - 1];
  std::vector<Index> order(partition.piece.size());
  for (const Index reach : upstream_first_order(topology)) order[next[partition.piece[reach]]++] = reach;
  return order;
}

struct Numbering {
  std::vector<Index> own;   // [reach] position on its owner
  std::vector<Index> slot;  // [reach] position in its owner's cut_out, -1 without a cut edge below
};

Numbering number_reaches(const Topology& topology, const Partition& partition, const std::vector<Index>& order) {
  Numbering numbers{std::vector<Index>(order.size(), -1), std::vector<Index>(order.size(), -1)};
  std::vector<Index> own(partition.ranks, 0), slot(partition.ranks, 0);
  for (const Index reach : order) {
    const Index rank = partition.owner[partition.piece[reach]];
    const Index below = topology.downstream[reach];
    numbers.own[reach] = own[rank]++;
    if (below >= 0 && partition.piece[below] != partition.piece[reach]) numbers.slot[reach] = slot[rank]++;
  }
  return numbers;
}

}  // namespace

RankNetwork make_rank_network(const Topology& topology, const Partition& partition, Index rank) {
  if (rank < 0 || rank >= partition.ranks)
    fail("partition: rank {} of a network cut for {} ranks was asked for", rank, partition.ranks);
  if (partition.role.size() != partition.piece.size())
    fail("partition: {} of {} reaches have a role; set_roles gives them theirs", partition.role.size(), partition.piece.size());
  const std::vector<Index> order = piecewise_order(topology, partition);
  const Numbering numbers = number_reaches(topology, partition, order);
  RankNetwork network;
  network.levels = partition.depth();
  network.rank = rank;
  network.load = partition.load;
  network.upstream_start.push_back(0);
  Index last_piece = -1;
  for (const Index reach : order) {
    const Index piece = partition.piece[reach];
    if (partition.owner[piece] != rank) continue;
    const Index own = numbers.own[reach];
    if (piece != last_piece) network.pieces.push_back({own, 0, partition.level[piece]});
    last_piece = piece;
    ++network.pieces.back().count;
    network.reach.push_back(reach);
    network.role.push_back(partition.role[reach]);
    const Index below = topology.downstream[reach];
    network.downstream.push_back(below >= 0 && partition.piece[below] == piece ? numbers.own[below] : -1);
    if (numbers.slot[reach] >= 0) {
      network.cut_out.push_back(own);
      network.cut_out_level.push_back(partition.level[partition.piece[below]]);
    }
    for (const Index above : topology.upstream_of(reach)) {
      const Index piece_above = partition.piece[above];
      if (piece_above == piece) {
        network.upstream.push_back(numbers.own[above]);
        continue;
      }
      network.upstream.push_back(-1 - static_cast<Index>(network.ghosts.size()));
      network.ghosts.push_back(
          {above, partition.owner[piece_above], numbers.slot[above], own, partition.level[piece_above]});
    }
    network.upstream_start.push_back(static_cast<Index>(network.upstream.size()));
  }
  return network;
}

}  // namespace dpl
