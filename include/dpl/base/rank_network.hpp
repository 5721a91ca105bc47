// The reaches one rank routes: its pieces, and the cut edges that join them to pieces of other ranks or its own.
#pragma once

#include <vector>

#include "dpl/base/pipeline_load.hpp"
#include "dpl/base/types.hpp"

namespace dpl {

/// An edge cut by the partition, seen from below: discharge of `upstream_reach` enters own reach `into`.
struct GhostEdge {
  Index upstream_reach;  ///< index of the upstream reach in the whole network
  Index upstream_rank;   ///< rank that routes it
  Index upstream_slot;   ///< its position in that rank's `cut_out`
  Index into;            ///< own reach (position in RankNetwork::reach) that receives it
  Index upstream_level;  ///< level of the upstream reach's piece
};

/// A piece: the run of own reaches first..first + count - 1.
struct Piece {
  Index first = 0;
  Index count = 0;
  Index level = 0;  ///< pieces above it on its longest chain
};

/// All reaches of a rank. "Own index" = position in `reach`.
struct RankNetwork {
  std::vector<Index> reach;           ///< [own] index in the whole network
  std::vector<Index> downstream;      ///< [own] own index of the downstream reach IN THE SAME PIECE, else -1
  std::vector<Index> upstream_start;  ///< [own + 1] CSR
  std::vector<Index> upstream;        ///< ascending reach id; value >= 0: own index, value < 0: ghost -1 - value
  std::vector<Piece> pieces;          ///< upstream pieces first
  std::vector<GhostEdge> ghosts;      ///< inflow over cut edges (also from own pieces)
  std::vector<Index> cut_out;         ///< own indices of the reaches that drain into another piece
  std::vector<Index> cut_out_level;   ///< [cut_out] level of the piece each drains into
  Index levels = 1;                   ///< of the whole partition, equal on all ranks
  Index rank = 0;
  std::vector<CutRole> role;          ///< [own]
  PipelineLoad load;                  ///< of all ranks

  Index size() const { return static_cast<Index>(reach.size()); }
};

}  // namespace dpl
