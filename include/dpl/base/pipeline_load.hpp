// What the ranks of a cut network have to route, as far as its order matters, and the order that follows from it. Pure.
#pragma once

#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// How a reach is tied to the cut edges of its piece.
enum class CutRole : unsigned char {
  fed,          ///< water came into its piece above it: routed chunk by chunk, as that water arrives
  before_cut,   ///< not fed; drains, in its piece, into a fed reach or over a cut edge: routed whole, before its first chunk
  independent,  ///< neither: routed whole, when the rank would wait otherwise
};

/// Work of all ranks, the same on all of them. Unit: sub-reaches.
struct PipelineLoad {
  struct Piece {
    Index rank = 0;
    Index level = 0;          ///< pieces above it on its longest chain
    double work[3] = {};      ///< [CutRole]
    double of(CutRole role) const { return work[static_cast<int>(role)]; }
  };
  std::vector<Piece> pieces;  ///< ascending level
  Index ranks = 1, levels = 1;
};

/// A window in supersteps. In superstep s a rank first routes what is whole and needed by now, then chunk s - l of the fed
/// reaches of its pieces of level l, sends, and then routes for as long as the fullest rank takes what is whole and left.
struct Supersteps {
  Count steps = 0, chunk = 1, chunks = 0;
  bool sources_in_chunks = false;   ///< before_cut reaches of level 0 go chunk by chunk too, so that others wait less for them
  std::vector<double> work;   ///< [superstep] of the fullest rank but for what can wait, sub-reaches x steps
  bool in_chunks(CutRole role, Index level) const {
    return role == CutRole::fed || (role == CutRole::before_cut && level == 0 && sources_in_chunks);
  }
  Count count() const { return static_cast<Count>(work.size()); }
  Count steps_of(Count c) const { return c + 1 < chunks ? chunk : steps - c * chunk; }
};

/// @param chunk  steps; at most the window's
Supersteps make_supersteps(const PipelineLoad& load, Count steps, Count chunk, bool sources_in_chunks);

/// The supersteps that take the least time: many chunks shorten the wait for the first one, few save messages and visits of
/// tiles whose arrays have left the caches. Depends on the load alone, so all ranks choose alike.
/// @param chunk  steps, 0 = chosen
Supersteps choose_supersteps(const PipelineLoad& load, Count steps, Count chunk);

/// Of one rank, [superstep], in the order of work: whole windows needed now, chunks, whole windows meanwhile. Unit: sub-reaches
/// x steps.
struct RankSteps {
  std::vector<double> needed, chunked, further;
};
RankSteps rank_steps(const PipelineLoad& load, const Supersteps& supersteps, Index rank);

}  // namespace dpl
