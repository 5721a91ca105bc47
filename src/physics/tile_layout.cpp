// Cuts pieces into tiles, orders the cells of a tile and resolves its upstream lists to slots.
#include "dpl/physics/tile_layout.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

// Fragments of one piece: connected parts of at most `largest` cells where reaches allow it.
struct Fragments {
  std::vector<Index> of;      // [reach of the piece]
  std::vector<Index> level;   // [fragment] fragments above it on its longest chain
  std::vector<Index> cells;   // [fragment]
  std::vector<CutRole> role;  // [fragment] of all its reaches
};

// Upstream first: a reach and what is still attached above it; where that is too much the largest branches are cut off, and
// so are those that can be routed before it.
std::vector<std::uint8_t> cut_branches(const RankNetwork& network, const Piece& piece, const std::vector<Index>& sub_reaches,
                                       Index largest) {
  std::vector<std::uint8_t> root(piece.count, 0);
  std::vector<Index> open(piece.count);
  std::vector<Index> branches;
  for (Index r = 0; r < piece.count; ++r) {
    const Index own = piece.first + r;
    branches.clear();
    Count sum = sub_reaches[own];
    for (Index k = network.upstream_start[own]; k < network.upstream_start[own + 1]; ++k)
      if (const Index u = network.upstream[k]; u >= 0) {
        if (u - piece.first >= r) fail("routing: the reaches of a piece are not in upstream-first order");
        if (network.role[u] != network.role[own]) {
          root[u - piece.first] = 1;
          continue;
        }
        branches.push_back(u - piece.first);
        sum += open[u - piece.first];
      }
    std::stable_sort(branches.begin(), branches.end(), [&](Index a, Index b) { return open[a] > open[b]; });
    for (auto b = branches.begin(); sum > largest && b != branches.end(); ++b) {
      root[*b] = 1;
      sum -= open[*b];
    }
    open[r] = static_cast<Index>(sum);
    if (network.downstream[own] < 0) root[r] = 1;
  }
  return root;
}

Fragments make_fragments(const RankNetwork& network, const Piece& piece, const std::vector<Index>& sub_reaches,
                         Index largest) {
  const auto root = cut_branches(network, piece, sub_reaches, largest);
  Fragments f;
  f.of.assign(piece.count, -1);
  for (Index r = piece.count - 1; r >= 0; --r) {
    const Index down = network.downstream[piece.first + r];
    if (root[r]) {
      f.of[r] = static_cast<Index>(f.cells.size());
      f.cells.push_back(0);
      f.role.push_back(network.role[piece.first + r]);
    } else {
      f.of[r] = f.of[down - piece.first];
    }
    f.cells[f.of[r]] += sub_reaches[piece.first + r];
  }
  f.level.assign(f.cells.size(), 0);
  for (Index r = 0; r < piece.count; ++r)
    if (const Index down = network.downstream[piece.first + r]; down >= 0 && root[r]) {
      Index& below = f.level[f.of[down - piece.first]];
      below = std::max(below, f.level[f.of[r]] + 1);
    }
  return f;
}

// Fragments of one level are independent: as many as fit make one tile, if they are alike in when they can be routed.
std::vector<Index> pack(const Fragments& f, Index largest, Index& tiles) {
  std::vector<Index> order(f.cells.size()), tile(f.cells.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return std::pair(f.level[a], f.role[a]) < std::pair(f.level[b], f.role[b]);
  });
  Count filled = 0;
  Index level = -1;
  CutRole role = CutRole::independent;
  for (Index fragment : order) {
    if (f.level[fragment] != level || f.role[fragment] != role || filled + f.cells[fragment] > largest) {
      ++tiles;
      filled = 0;
      level = f.level[fragment];
      role = f.role[fragment];
    }
    filled += f.cells[fragment];
    tile[fragment] = tiles - 1;
  }
  return tile;
}

// Cells in chain order before sorting: reach by reach, upstream sub-reach first; depths from the outlets of the tile.
struct Chain {
  std::vector<Index> first;    // [reach of the tile + 1] first cell
  std::vector<Index> depth;    // [cell]
  std::vector<Index> walk;     // [cell] number of its reach on a walk up the rivers
};

// Slots of each vector of cells, `none` standing for no slot. The window begins at the lowest cell; what lies outside, and
// all that is no cell (junctions, edges), is odd.
GatherWindows make_windows(const std::vector<Index>& slot0, const std::vector<Index>& slot1, Index none, Index stride) {
  constexpr int kMostOdd = kVectorCells / 2;
  GatherWindows w;
  const auto cells = static_cast<Index>(slot0.size());
  w.place0.assign(cells, 0);
  w.place1.assign(cells, 0);
  for (Index first = 0; first < cells; first += kVectorCells) {
    Index lowest = cells;
    for (Index i = first; i < first + kVectorCells; ++i) lowest = std::min({lowest, slot0[i], slot1[i]});
    const Index begin = std::min(lowest, stride - kWindowSlots);
    std::uint16_t some0 = 0, some1 = 0, odd = 0;
    for (Index c = 0; c < kVectorCells; ++c) {
      const auto place = [&](Index slot, Index& to, std::uint16_t& some) {
        if (slot == none) return;
        if (slot < cells && slot < begin + kWindowSlots)
          some |= 1u << c, to = slot - begin;
        else
          odd |= 1u << c;
      };
      place(slot0[first + c], w.place0[first + c], some0);
      place(slot1[first + c], w.place1[first + c], some1);
    }
    w.begin.push_back(std::popcount(odd) <= kMostOdd ? begin : -1);
    w.some0.push_back(some0);
    w.some1.push_back(some1);
    w.odd.push_back(odd);
  }
  return w;
}

class Builder {
 public:
  Builder(const RankNetwork& network, const Tiling& tiling, Index tile, const std::vector<Index>& sub_reaches,
          const std::vector<Index>& state_start, TileLayout& layout)
      : network_(network), tiling_(tiling), tile_(tile), sub_reaches_(sub_reaches), state_start_(state_start),
        layout_(layout) {
    layout.reaches = tiling.tiles[tile].reaches;
    number_cells();
    sort_cells();
  }

  void join() {
    collect_edges();
    std::vector<std::pair<Index, std::vector<Index>>> junctions;   // cell, sources but the last
    const Index unset = -1;
    layout_.upstream0.assign(padded(layout_.cells), unset);
    layout_.upstream1.assign(padded(layout_.cells), unset);
    layout_.downstream.assign(padded(layout_.cells), unset);
    for (std::size_t r = 0; r < layout_.reaches.size(); ++r) {
      for (Index c = chain_.first[r] + 1; c < chain_.first[r + 1]; ++c) {
        layout_.upstream0[position_[c]] = position_[c - 1];
        layout_.downstream[position_[c - 1]] = position_[c];
      }
      const auto slots = upstream_slots(layout_.reaches[r]);
      const Index head = layout_.first_cell[r];
      if (slots.size() > 2) {
        junctions.push_back({head, {slots.begin(), slots.end() - 1}});
        layout_.upstream1[head] = slots.back();
        continue;
      }
      if (!slots.empty()) layout_.upstream0[head] = slots[0];
      if (slots.size() > 1) layout_.upstream1[head] = slots[1];
    }
    set_junctions(std::move(junctions));
    for (auto* slots : {&layout_.upstream0, &layout_.upstream1})
      std::replace(slots->begin(), slots->end(), unset, layout_.zero_slot());
    set_downstream();
    layout_.upstream_window =
        make_windows(layout_.upstream0, layout_.upstream1, layout_.zero_slot(), layout_.flow_stride());
    const std::vector<Index> nothing(layout_.downstream.size(), layout_.adjoint_zero_slot());
    layout_.downstream_window =
        make_windows(layout_.downstream, nothing, layout_.adjoint_zero_slot(), layout_.least_adjoint_stride());
  }

 private:
  void number_cells() {
    chain_.first.assign(1, 0);
    for (Index own : layout_.reaches) chain_.first.push_back(chain_.first.back() + sub_reaches_[own]);
    layout_.cells = chain_.first.back();
    chain_.depth.assign(layout_.cells, 0);
    for (Index r = static_cast<Index>(layout_.reaches.size()) - 1; r >= 0; --r) {  // downstream first
      const Index down = below_in_tile(layout_.reaches[r]);
      Index depth = down < 0 ? 0 : chain_.depth[chain_.first[down]] + 1;
      for (Index c = chain_.first[r + 1] - 1; c >= chain_.first[r]; --c) chain_.depth[c] = depth++;
    }
    walk_up();
  }

  void walk_up() {
    chain_.walk.assign(layout_.cells, 0);
    Index next = 0;
    std::vector<Index> stack;
    for (auto r = static_cast<Index>(layout_.reaches.size()) - 1; r >= 0; --r)
      if (below_in_tile(layout_.reaches[r]) < 0) stack.push_back(r);
    while (!stack.empty()) {
      const Index r = stack.back(), own = layout_.reaches[r];
      stack.pop_back();
      std::fill(chain_.walk.begin() + chain_.first[r], chain_.walk.begin() + chain_.first[r + 1], next++);
      for (Index k = network_.upstream_start[own + 1] - 1; k >= network_.upstream_start[own]; --k)
        if (const Index u = network_.upstream[k]; u >= 0 && tiling_.edge_below[u] < 0)
          stack.push_back(tiling_.position[u]);
    }
  }

  // Position in the tile of the reach below, or -1.
  Index below_in_tile(Index own) const {
    const Index down = network_.downstream[own];
    return down >= 0 && tiling_.tile_of[down] == tile_ ? tiling_.position[down] : -1;
  }

  void sort_cells() {
    const auto deepest = layout_.cells == 0 ? 0 : *std::max_element(chain_.depth.begin(), chain_.depth.end());
    layout_.lags = deepest + 1;
    std::vector<Index> order(layout_.cells);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](Index a, Index b) {
      return chain_.depth[a] != chain_.depth[b] ? chain_.depth[a] > chain_.depth[b] : chain_.walk[a] < chain_.walk[b];
    });
    position_.resize(layout_.cells);
    for (Index k = 0; k < layout_.cells; ++k) position_[order[k]] = k;
    layout_.lag.resize(layout_.cells);
    layout_.reach.resize(layout_.cells);
    layout_.state.resize(layout_.cells);
    layout_.share.resize(layout_.cells);
    for (std::size_t r = 0; r < layout_.reaches.size(); ++r) {
      const Index own = layout_.reaches[r];
      for (Index c = chain_.first[r]; c < chain_.first[r + 1]; ++c) {
        const Index k = position_[c];
        layout_.lag[k] = deepest - chain_.depth[c];
        layout_.reach[k] = own;
        layout_.state[k] = state_start_[own] + (c - chain_.first[r]);
        layout_.share[k] = 1.0 / sub_reaches_[own];
      }
      layout_.first_cell.push_back(position_[chain_.first[r]]);
      layout_.last_cell.push_back(position_[chain_.first[r + 1] - 1]);
    }
    layout_.lag_begin.assign(layout_.lags + 1, 0);
    for (Index l : layout_.lag) ++layout_.lag_begin[l + 1];
    std::partial_sum(layout_.lag_begin.begin(), layout_.lag_begin.end(), layout_.lag_begin.begin());
  }

  // Inflows in the order in which upstream_slots asks for them.
  void collect_edges() {
    for (std::size_t r = 0; r < layout_.reaches.size(); ++r) {
      const Index own = layout_.reaches[r];
      for (Index k = network_.upstream_start[own]; k < network_.upstream_start[own + 1]; ++k) {
        const Index u = network_.upstream[k];
        if (u < 0)
          layout_.inflows.push_back({-1 - u, layout_.first_cell[r]});
        else if (tiling_.edge_below[u] >= 0)
          layout_.inflows.push_back({tiling_.edge_below[u], layout_.first_cell[r]});
      }
      if (tiling_.edge_below[own] >= 0) layout_.outflows.push_back({tiling_.edge_below[own], layout_.last_cell[r]});
      if (tiling_.cut_below[own] >= 0) layout_.cuts.push_back({tiling_.cut_below[own], layout_.last_cell[r]});
    }
  }

  std::vector<Index> upstream_slots(Index own) {
    std::vector<Index> slots;
    for (Index k = network_.upstream_start[own]; k < network_.upstream_start[own + 1]; ++k) {
      const Index u = network_.upstream[k];
      slots.push_back(u >= 0 && tiling_.edge_below[u] < 0 ? layout_.last_cell[tiling_.position[u]]
                                                          : layout_.inflow_slot(next_inflow_++));
    }
    return slots;
  }

  void set_junctions(std::vector<std::pair<Index, std::vector<Index>>> junctions) {
    std::stable_sort(junctions.begin(), junctions.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    layout_.junction_begin.assign(1, 0);
    layout_.junction_lag_begin.assign(layout_.lags + 1, 0);
    for (std::size_t j = 0; j < junctions.size(); ++j) {
      const auto& [cell, sources] = junctions[j];
      layout_.junction_source.insert(layout_.junction_source.end(), sources.begin(), sources.end());
      layout_.junction_begin.push_back(static_cast<Index>(layout_.junction_source.size()));
      layout_.upstream0[cell] = layout_.first_junction_slot() + static_cast<Index>(j);
      ++layout_.junction_lag_begin[layout_.lag[cell] + 1];
    }
    std::partial_sum(layout_.junction_lag_begin.begin(), layout_.junction_lag_begin.end(),
                     layout_.junction_lag_begin.begin());
  }

  void set_downstream() {
    for (std::size_t r = 0; r < layout_.reaches.size(); ++r)
      if (const Index down = below_in_tile(layout_.reaches[r]); down >= 0)
        layout_.downstream[layout_.last_cell[r]] = layout_.first_cell[down];
    for (std::size_t e = 0; e < layout_.cuts.size(); ++e)
      layout_.downstream[layout_.cuts[e].cell] = layout_.cut_slot(static_cast<Index>(e));
    for (std::size_t e = 0; e < layout_.outflows.size(); ++e)
      layout_.downstream[layout_.outflows[e].cell] = layout_.outflow_slot(static_cast<Index>(e));
    std::replace(layout_.downstream.begin(), layout_.downstream.end(), Index(-1), layout_.adjoint_zero_slot());
  }

  const RankNetwork& network_;
  const Tiling& tiling_;
  Index tile_;
  const std::vector<Index>&sub_reaches_, &state_start_;
  TileLayout& layout_;
  Chain chain_;
  std::vector<Index> position_;    // chain cell -> cell
  Index next_inflow_ = 0;
};

}  // namespace

namespace {

Tiling no_tiles(const RankNetwork& network) {
  Tiling t;
  t.tile_of.assign(network.size(), -1);
  t.position.assign(network.size(), 0);
  t.edge_below.assign(network.size(), -1);
  t.cut_below.assign(network.size(), -1);
  for (std::size_t e = 0; e < network.cut_out.size(); ++e) t.cut_below[network.cut_out[e]] = static_cast<Index>(e);
  t.edges = static_cast<Index>(network.ghosts.size());
  return t;
}

// Reaches in their order, upstream first; edges to other tiles of the piece.
void fill(Tiling& t, const RankNetwork& network, Index p, const Fragments& fragments, const std::vector<Index>& tile_of) {
  const Piece& piece = network.pieces[p];
  for (Index r = 0; r < piece.count; ++r) {
    const Index own = piece.first + r, fragment = fragments.of[r], number = tile_of[fragment];
    auto& tile = t.tiles[number];
    t.tile_of[own] = number;
    t.position[own] = static_cast<Index>(tile.reaches.size());
    tile.piece = p;
    tile.role = fragments.role[fragment];
    tile.reaches.push_back(own);
  }
  for (Index own = piece.first; own < piece.first + piece.count; ++own)
    if (const Index down = network.downstream[own]; down >= 0 && t.tile_of[down] != t.tile_of[own])
      t.edge_below[own] = t.edges++;
}

}  // namespace

Tiling make_tiling(const RankNetwork& network, const std::vector<Index>& sub_reaches, Index largest) {
  if (largest < 1) fail("routing: tiles of {} sub-reaches; at least 1 is needed", largest);
  Tiling t = no_tiles(network);
  for (std::size_t p = 0; p < network.pieces.size(); ++p) {
    const auto fragments = make_fragments(network, network.pieces[p], sub_reaches, largest);
    Index tiles = 0;
    auto tile = pack(fragments, largest, tiles);
    const auto first = static_cast<Index>(t.tiles.size());
    t.tiles.resize(first + tiles);
    for (Index& number : tile) number += first;
    fill(t, network, static_cast<Index>(p), fragments, tile);
  }
  return t;
}

Tiling make_whole_tiling(const RankNetwork& network, const std::vector<Index>& sub_reaches,
                         std::span<const std::uint8_t> wanted) {
  Tiling t = no_tiles(network);
  using Key = std::tuple<Index, Index, CutRole>;   // level of the piece, level within it: upstream first
  std::map<Key, Index> tile_of;
  std::vector<std::pair<Index, Fragments>> pieces;
  for (std::size_t p = 0; p < network.pieces.size(); ++p)
    if (network.pieces[p].count > 0 && (wanted.empty() || wanted[p]))
      pieces.emplace_back(static_cast<Index>(p), make_fragments(network, network.pieces[p], sub_reaches,
                                                                std::numeric_limits<Index>::max()));
  const auto key = [&](Index piece, const Fragments& f, std::size_t k) {
    return Key{network.pieces[piece].level, f.level[k], f.role[k]};
  };
  for (const auto& [piece, f] : pieces)
    for (std::size_t k = 0; k < f.cells.size(); ++k) tile_of.emplace(key(piece, f, k), 0);
  for (Index number = 0; auto& [_, tile] : tile_of) tile = number++;
  t.tiles.resize(tile_of.size());
  for (const auto& [piece, f] : pieces) {
    std::vector<Index> tile;
    for (std::size_t k = 0; k < f.cells.size(); ++k) tile.push_back(tile_of.at(key(piece, f, k)));
    fill(t, network, piece, f, tile);
  }
  return t;
}

TileLayout make_tile_layout(const RankNetwork& network, const Tiling& tiling, Index tile,
                            const std::vector<Index>& sub_reaches, const std::vector<Index>& state_start) {
  TileLayout layout;
  Builder builder(network, tiling, tile, sub_reaches, state_start, layout);
  builder.join();
  return layout;
}

}  // namespace dpl
