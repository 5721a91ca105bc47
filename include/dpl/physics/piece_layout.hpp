// How the sub-reaches ("cells") of a piece lie in memory for the skewed sweep.
//
// Cells are sorted by lag = (largest depth of the piece) - (own depth), depth counted in cells from the piece's outlets.
// In sweep k the cells of lag l handle step k - l: every upstream cell (lag l - 1) finished that step one sweep earlier, so
// all cells of a sweep are independent, each at its own time, and lie in one contiguous range.
#pragma once

#include <vector>

#include "dpl/base/rank_network.hpp"

namespace dpl {

/// A cell with more than two upstream slots; the rest is added one by one, in order.
struct ManyUpstream {
  Index cell;
  std::vector<Index> slots;   ///< from the third on
};

/// Slots: 0..cells-1 the cells, then the piece's ghosts, then one slot that always holds zero.
struct PieceLayout {
  Index cells = 0;
  Index lags = 1;                       ///< largest lag + 1
  std::vector<Index> lag_begin;         ///< [lags + 1] first cell of each lag
  std::vector<Index> lag;               ///< [cell]
  std::vector<Index> reach;             ///< [cell] own reach (position in RankNetwork::reach)
  std::vector<Index> state;             ///< [cell] position in the rank's state
  std::vector<double> share;            ///< [cell] 1 / number of sub-reaches of its reach
  std::vector<Index> upstream0, upstream1;   ///< [cell] slots
  std::vector<ManyUpstream> many;       ///< ascending cell
  std::vector<Index> downstream;        ///< [cell] cell, or `cells` (zero slot of adjoint arrays) at the piece's outlets
  std::vector<Index> ghosts;            ///< rank's ghost numbers of this piece
  std::vector<Index> ghost_cell;        ///< [ghosts] cell that receives it
  std::vector<Index> cuts;              ///< rank's cut_out numbers of this piece
  std::vector<Index> cut_cell;          ///< [cuts] last cell of the reach
  std::vector<Index> last_cell;         ///< [reach of the piece, from Piece::first] its downstream end
  Index first_reach = 0;                ///< Piece::first
  Index level = 0;

  Index ghost_slot(Index k) const { return cells + k; }
  Index zero_slot() const { return cells + static_cast<Index>(ghosts.size()); }
  Index slots() const { return zero_slot() + 1; }
};

/// @param sub_reaches [own]  @param state_start [own + 1]
PieceLayout make_piece_layout(const RankNetwork& network, const Piece& piece, const std::vector<Index>& sub_reaches,
                              const std::vector<Index>& state_start);

}  // namespace dpl
