// Pieces of a rank cut into tiles that stay in the core's caches, and how the sub-reaches ("cells") of a tile lie in memory
// for the skewed sweep.
//
// Cells are sorted by lag = (largest depth of the tile) - (own depth), depth counted in cells from the tile's outlets.
// In sweep k the cells of lag l handle step k - l: every upstream cell (lag l - 1) finished that step one sweep earlier, so
// all cells of a sweep are independent, each at its own time, and lie in one contiguous range.
//
// Within a lag, cells stand in the order of a walk up the rivers: the cells upstream of a vector of cells lie side by side, in
// the same order, so that two loads and a permutation gather their outflows.
//
// Between tiles, whole blocks of steps are handed on: the tiles of a piece run one after the other, upstream first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "dpl/base/rank_network.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

/// Tiles of a rank. Edges between tiles are numbered from RankNetwork::ghosts.size() on: the ghosts come first.
struct Tiling {
  struct Tile {
    std::vector<Index> reaches;    ///< own reaches, upstream first
    Index piece = 0;
    CutRole role = CutRole::independent;
  };
  std::vector<Tile> tiles;         ///< pieces in their order, within a piece upstream first
  std::vector<Index> tile_of;      ///< [own]
  std::vector<Index> position;     ///< [own] in the reaches of its tile
  std::vector<Index> cut_below;    ///< [own] position in RankNetwork::cut_out, or -1
  std::vector<Index> edge_below;   ///< [own] number of the edge by which a reach drains into another tile of its piece, or -1
  Index edges = 0;                 ///< ghosts and edges between tiles
};

/// @param sub_reaches [own]  @param largest cells of a tile, at least 1 (a reach is never cut: it may have more sub-reaches)
Tiling make_tiling(const RankNetwork& network, const std::vector<Index>& sub_reaches, Index largest);

/// The fewest tiles, for GPUs: reaches of all pieces of a level that can be routed at the same time make one. Its `piece` is
/// one of them.
/// @param wanted [piece] 0: left out (its reaches have no tile, -1); empty: none is
Tiling make_whole_tiling(const RankNetwork& network, const std::vector<Index>& sub_reaches,
                         std::span<const std::uint8_t> wanted);

/// For vectors of kVectorCells cells most of whose slots lie within kWindowSlots: where, and which. (The others gather one by
/// one.)
struct GatherWindows {
  std::vector<Index> begin;             ///< [vector] first slot, -1: not within a window
  std::vector<Index> place0, place1;    ///< [cell, padded] slot - begin
  std::vector<std::uint16_t> some0, some1;   ///< [vector] bit of a cell: it has such a slot in the window, the sum takes 0 where it has not
  std::vector<std::uint16_t> odd;            ///< [vector] bit of a cell: it has a slot outside and is gathered for itself
};

/// Slots of a row of outflows: the cells, padding, what comes over edges, junctions, one slot that always holds zero.
/// Slots of a row of adjoints: the cells, padding, one slot that always holds zero, cuts.
struct TileLayout {
  Index cells = 0;
  Index lags = 1;                       ///< largest lag + 1
  std::vector<Index> lag_begin;         ///< [lags + 1] first cell of each lag
  std::vector<Index> lag;               ///< [cell]
  std::vector<Index> reach;             ///< [cell] own reach (position in RankNetwork::reach)
  std::vector<Index> state;             ///< [cell] position in the rank's state
  std::vector<double> share;            ///< [cell] 1 / number of sub-reaches of its reach
  std::vector<Index> upstream0, upstream1;   ///< [cell, padded] slots; of more than two: junction and the last one
  std::vector<Index> junction_lag_begin;     ///< [lags + 1]
  std::vector<Index> junction_begin;         ///< [junctions + 1]
  std::vector<Index> junction_source;        ///< slots
  std::vector<Index> downstream;        ///< [cell, padded] slot of an adjoint row
  GatherWindows upstream_window, downstream_window;   ///< where vectors of cells find those slots

  struct Edge {
    Index number;                       ///< of the rank's edges (inflow), or of its cuts or edges (outflow)
    Index cell;                         ///< that receives it, or that sends it
  };
  std::vector<Edge> inflows;            ///< over ghosts and from other tiles
  std::vector<Edge> cuts;               ///< number: of RankNetwork::cut_out
  std::vector<Edge> outflows;           ///< into other tiles; number: of the edges
  std::vector<Index> first_cell, last_cell;   ///< [reach of the tile]
  std::vector<Index> reaches;           ///< own reaches of the tile, upstream first

  Index junctions() const { return static_cast<Index>(junction_begin.size()) - 1; }
  Index inflow_slot(Index k) const { return padded(cells) + k; }
  Index first_junction_slot() const { return padded(cells) + static_cast<Index>(inflows.size()); }
  Index zero_slot() const { return first_junction_slot() + junctions(); }
  Index flow_stride() const { return std::max(kWindowSlots, padded(zero_slot() + 1)); }
  Index adjoint_zero_slot() const { return padded(cells); }
  Index cut_slot(Index k) const { return padded(cells) + 1 + k; }                                   ///< of `cuts`
  Index outflow_slot(Index k) const { return cut_slot(static_cast<Index>(cuts.size()) + k); }       ///< of `outflows`
  Index least_adjoint_stride() const { return std::max(kWindowSlots, padded(first_seed_slot())); }   ///< without seeds
  Index first_seed_slot() const { return outflow_slot(static_cast<Index>(outflows.size())); }
};

TileLayout make_tile_layout(const RankNetwork& network, const Tiling& tiling, Index tile,
                            const std::vector<Index>& sub_reaches, const std::vector<Index>& state_start);

}  // namespace dpl
