// Orders the cells of a piece and resolves its upstream lists to slots.
#include "dpl/physics/piece_layout.hpp"

#include <algorithm>
#include <numeric>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

// Cells in chain order before sorting: reach by reach, upstream sub-reach first.
struct Chain {
  std::vector<Index> first;    // [reach of the piece + 1] first cell
  std::vector<Index> depth;    // [cell]
};

Chain number_cells(const RankNetwork& network, const Piece& piece, const std::vector<Index>& sub_reaches) {
  Chain chain;
  chain.first.assign(1, 0);
  for (Index r = 0; r < piece.count; ++r) chain.first.push_back(chain.first.back() + sub_reaches[piece.first + r]);
  chain.depth.assign(chain.first.back(), -1);
  // Walk upstream from the outlets of the piece.
  std::vector<Index> stack;
  for (Index r = 0; r < piece.count; ++r)
    if (network.downstream[piece.first + r] < 0) stack.push_back(r);
  std::size_t seen = 0;
  while (!stack.empty()) {
    const Index r = stack.back();
    stack.pop_back();
    ++seen;
    const Index down = network.downstream[piece.first + r];
    Index depth = down < 0 ? 0 : chain.depth[chain.first[down - piece.first]] + 1;
    for (Index c = chain.first[r + 1] - 1; c >= chain.first[r]; --c) chain.depth[c] = depth++;
    for (Index k = network.upstream_start[piece.first + r]; k < network.upstream_start[piece.first + r + 1]; ++k)
      if (network.upstream[k] >= 0) stack.push_back(network.upstream[k] - piece.first);
  }
  if (seen != static_cast<std::size_t>(piece.count)) fail("routing: a piece of the network is not a forest");
  return chain;
}

// Sorted position of every chain cell; fills the per-cell arrays that need no neighbours.
std::vector<Index> sort_cells(PieceLayout& layout, const Chain& chain, const Piece& piece,
                              const std::vector<Index>& sub_reaches, const std::vector<Index>& state_start) {
  const auto deepest = chain.depth.empty() ? 0 : *std::max_element(chain.depth.begin(), chain.depth.end());
  layout.lags = deepest + 1;
  std::vector<Index> order(layout.cells);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return chain.depth[a] > chain.depth[b]; });
  std::vector<Index> position(layout.cells);
  for (Index k = 0; k < layout.cells; ++k) position[order[k]] = k;
  layout.lag.resize(layout.cells);
  layout.reach.resize(layout.cells);
  layout.state.resize(layout.cells);
  layout.share.resize(layout.cells);
  for (Index r = 0; r < piece.count; ++r)
    for (Index c = chain.first[r]; c < chain.first[r + 1]; ++c) {
      const Index k = position[c];
      layout.lag[k] = deepest - chain.depth[c];
      layout.reach[k] = piece.first + r;
      layout.state[k] = state_start[piece.first + r] + (c - chain.first[r]);
      layout.share[k] = 1.0 / sub_reaches[piece.first + r];
    }
  layout.lag_begin.assign(layout.lags + 1, 0);
  for (Index l : layout.lag) ++layout.lag_begin[l + 1];
  std::partial_sum(layout.lag_begin.begin(), layout.lag_begin.end(), layout.lag_begin.begin());
  return position;
}

void join_cells(PieceLayout& layout, const RankNetwork& network, const Piece& piece, const Chain& chain,
                const std::vector<Index>& position, const std::vector<Index>& slot_of_ghost) {
  layout.upstream0.assign(layout.cells, layout.zero_slot());
  layout.upstream1.assign(layout.cells, layout.zero_slot());
  layout.downstream.assign(layout.cells, layout.cells);
  for (Index r = 0; r < piece.count; ++r) {
    const Index own = piece.first + r;
    for (Index c = chain.first[r] + 1; c < chain.first[r + 1]; ++c) {
      layout.upstream0[position[c]] = position[c - 1];
      layout.downstream[position[c - 1]] = position[c];
    }
    layout.last_cell.push_back(position[chain.first[r + 1] - 1]);
    if (const Index down = network.downstream[own]; down >= 0)
      layout.downstream[layout.last_cell.back()] = position[chain.first[down - piece.first]];
    std::vector<Index> slots;
    for (Index k = network.upstream_start[own]; k < network.upstream_start[own + 1]; ++k) {
      const Index u = network.upstream[k];
      slots.push_back(u >= 0 ? position[chain.first[u - piece.first + 1] - 1] : slot_of_ghost[-1 - u]);
    }
    const Index head = position[chain.first[r]];
    if (!slots.empty()) layout.upstream0[head] = slots[0];
    if (slots.size() > 1) layout.upstream1[head] = slots[1];
    if (slots.size() > 2) layout.many.push_back({head, {slots.begin() + 2, slots.end()}});
  }
  std::sort(layout.many.begin(), layout.many.end(), [](const auto& a, const auto& b) { return a.cell < b.cell; });
}

}  // namespace

PieceLayout make_piece_layout(const RankNetwork& network, const Piece& piece, const std::vector<Index>& sub_reaches,
                              const std::vector<Index>& state_start) {
  PieceLayout layout;
  layout.first_reach = piece.first;
  layout.level = piece.level;
  const Chain chain = number_cells(network, piece, sub_reaches);
  layout.cells = chain.first.back();
  const auto position = sort_cells(layout, chain, piece, sub_reaches, state_start);
  const auto mine = [&](Index own) { return own >= piece.first && own < piece.first + piece.count; };
  std::vector<Index> slot_of_ghost(network.ghosts.size(), -1);
  for (std::size_t g = 0; g < network.ghosts.size(); ++g)
    if (mine(network.ghosts[g].into)) {
      slot_of_ghost[g] = layout.cells + static_cast<Index>(layout.ghosts.size());
      layout.ghosts.push_back(static_cast<Index>(g));
      layout.ghost_cell.push_back(position[chain.first[network.ghosts[g].into - piece.first]]);
    }
  join_cells(layout, network, piece, chain, position, slot_of_ghost);
  for (std::size_t e = 0; e < network.cut_out.size(); ++e)
    if (mine(network.cut_out[e])) {
      layout.cuts.push_back(static_cast<Index>(e));
      layout.cut_cell.push_back(layout.last_cell[network.cut_out[e] - piece.first]);
    }
  return layout;
}

}  // namespace dpl
