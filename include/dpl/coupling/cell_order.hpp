// The sub-reaches ("cells") of a rank in the order of its matrix rows: upstream first across all its pieces, so that the
// rank's block of the routing matrix is lower triangular.
#pragma once

#include <vector>

#include "dpl/base/rank_network.hpp"

namespace dpl {

struct CellOrder {
  std::vector<Index> state;      ///< [row] position in the rank's state (reach by reach, upstream sub-reach first)
  std::vector<Index> reach;      ///< [row] own reach
  std::vector<double> share;     ///< [row] 1 / number of sub-reaches of its reach
  std::vector<Index> first_row;  ///< [own] row of the uppermost sub-reach
  std::vector<Index> last_row;   ///< [own] row of the lowest sub-reach
  std::vector<Index> upstream_start;  ///< [row + 1] CSR
  std::vector<Index> upstream;        ///< value >= 0: row of this rank, value < 0: ghost -1 - value of another rank

  Index rows() const { return static_cast<Index>(state.size()); }
};

/// Edges cut between pieces of the same rank are edges like any other; only ghosts of other ranks stay ghosts.
/// @param rank         this rank
/// @param sub_reaches  [own] >= 1
/// Throws Error when the rank's reaches hold a cycle.
CellOrder make_cell_order(const RankNetwork& network, Index rank, const std::vector<Index>& sub_reaches);

}  // namespace dpl
