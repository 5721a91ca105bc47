// Cuts a river network into pieces (subbasins) for the ranks: pure functions, no MPI.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/base/topology.hpp"
#include "dpl/base/types.hpp"
#include "dpl/base/rank_network.hpp"

namespace dpl {

/// How a network is cut. Pieces are numbered so that a piece comes after all pieces upstream of it.
struct Partition {
  Index ranks = 1;
  std::vector<Index> piece;        ///< [reach] piece of a reach
  std::vector<Index> owner;        ///< [piece] rank
  std::vector<Index> level;        ///< [piece] pieces above it on its longest chain (0: no piece drains into it)
  std::vector<Index> cut_reach;    ///< reaches that drain into another piece, ascending
  double imbalance = 0;            ///< largest load of a rank / mean load - 1
  std::vector<CutRole> role;       ///< [reach]
  PipelineLoad load;
  Index depth() const;             ///< largest level + 1
  std::string summary() const;     ///< "11 pieces, 20 cut edges, pipeline depth 5, imbalance 0.0 %"
};

/// Cuts the forest so that loads are balanced first, the pipeline is shallow second, cut edges are few third: of about 40
/// candidates (equal runs of a walk, subtrees, long stems) the one of least cost = imbalance + 0.01 depth + cut edges /
/// reaches, where imbalance beyond 5 % outweighs everything else. Linear in the reaches but for sorting.
/// @param weight   [reach] work of a reach (number of sub-reaches)
/// @param pieces_per_rank  0 = chosen (1 on one rank)
/// Throws Error for ranks < 1. Ranks may end up without a piece where there are fewer reaches than ranks.
Partition make_partition(const Topology& topology, std::span<const double> weight, Index ranks,
                         Index pieces_per_rank = 0);

/// Sets `role` and `load` of a partition whose pieces, owners and levels are known; make_partition has done so.
void set_roles(const Topology& topology, std::span<const double> weight, Partition& partition);

/// The pieces of one rank with their ghosts. Pure: every rank computes its own.
RankNetwork make_rank_network(const Topology& topology, const Partition& partition, Index rank);

}  // namespace dpl
