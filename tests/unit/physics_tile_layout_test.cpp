// Test of the tiles a rank's pieces are cut into, and of the order and the slots of their cells.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing_rules.hpp"
#include "dpl/physics/tile_layout.hpp"
#include "tests/support/adjoint_comparison.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

using namespace test;

struct Case {
  std::string name;
  RankNetwork network;
  std::vector<Index> sub_reaches, state_start;
  Index largest;
};

std::vector<Case> all_cases() {
  const std::vector<std::pair<std::string, Topology>> forests = {{"chain", chain(200)},
                                                                 {"star", star(3000)},
                                                                 {"comb", comb(151)},
                                                                 {"binary", binary(255)},
                                                                 {"bushy", random_forest(400, 3, 40, 60)},
                                                                 {"long", random_forest(300, 4, 3, 100)},
                                                                 {"singletons", singletons(70)}};
  std::vector<Case> cases;
  for (const auto& [name, topology] : forests)
    for (Index largest : {1, 3, 16, 17, 64, 768, 100000})
      for (Index pieces : {1, 6})
        for (Index most : {1, 4}) {
          Case c;
          c.name = name + ", tiles of " + std::to_string(largest) + ", " + std::to_string(pieces) +
                   " pieces, at most " + std::to_string(most) + " sub-reaches";
          c.network = make_rank_network(
              topology, make_partition(topology, std::vector<double>(topology.size(), 1.0), 1, pieces), 0);
          Draws draws(5);
          for (Index r = 0; r < c.network.size(); ++r)
            c.sub_reaches.push_back(1 + static_cast<Index>(draws.uniform(0, most)));
          if (most > 1) c.sub_reaches[c.network.size() / 2] = 90;  // more than some tiles may have
          c.state_start = state_starts(c.sub_reaches);
          c.largest = largest;
          cases.push_back(std::move(c));
        }
  return cases;
}

TEST(TileLayout, EveryReachStandsInOneTileOfItsPieceAndTilesComeUpstreamFirst) {
  for (const Case& c : all_cases()) {
    const RankNetwork& n = c.network;
    const Tiling t = make_tiling(n, c.sub_reaches, c.largest);
    std::vector<Index> piece_of(n.size(), -1), seen(n.size(), 0), last_tile(n.pieces.size(), -1);
    for (std::size_t p = 0; p < n.pieces.size(); ++p)
      for (Index r = 0; r < n.pieces[p].count; ++r) piece_of[n.pieces[p].first + r] = static_cast<Index>(p);
    Index last_piece = 0;
    for (std::size_t k = 0; k < t.tiles.size(); ++k) {
      ASSERT_FALSE(t.tiles[k].reaches.empty()) << c.name;
      ASSERT_GE(t.tiles[k].piece, last_piece) << c.name;
      last_piece = t.tiles[k].piece;
      for (std::size_t i = 0; i < t.tiles[k].reaches.size(); ++i) {
        const Index own = t.tiles[k].reaches[i];
        ++seen[own];
        ASSERT_EQ(t.tile_of[own], static_cast<Index>(k)) << c.name;
        ASSERT_EQ(t.position[own], static_cast<Index>(i)) << c.name;
        ASSERT_EQ(piece_of[own], t.tiles[k].piece) << c.name;
      }
    }
    ASSERT_EQ(std::count(seen.begin(), seen.end(), 1), n.size()) << c.name;
    std::set<Index> numbers;
    for (Index own = 0; own < n.size(); ++own) {
      const Index down = n.downstream[own];
      if (down < 0) {
        ASSERT_EQ(t.edge_below[own], -1) << c.name;
        continue;
      }
      ASSERT_LE(t.tile_of[own], t.tile_of[down]) << c.name;
      ASSERT_EQ(t.edge_below[own] >= 0, t.tile_of[own] != t.tile_of[down]) << c.name;
      if (t.edge_below[own] >= 0) numbers.insert(t.edge_below[own]);
    }
    const auto ghosts = static_cast<Index>(n.ghosts.size());
    ASSERT_EQ(t.edges - ghosts, static_cast<Index>(numbers.size())) << c.name;
    if (!numbers.empty()) {
      EXPECT_EQ(*numbers.begin(), ghosts) << c.name;
      EXPECT_EQ(*numbers.rbegin(), t.edges - 1) << c.name;
    }
  }
}

TEST(TileLayout, TilesStayWithinTheirSizeWhereReachesAllowIt) {
  for (const Case& c : all_cases()) {
    const Tiling t = make_tiling(c.network, c.sub_reaches, c.largest);
    Index filled = 0;
    for (const auto& tile : t.tiles) {
      Index cells = 0;
      for (Index own : tile.reaches) cells += c.sub_reaches[own];
      EXPECT_TRUE(cells <= c.largest || tile.reaches.size() == 1) << c.name << ": " << cells;
      filled += cells;
    }
    ASSERT_EQ(filled, c.state_start.back()) << c.name;
    if (c.largest == 100000) {
      // Nothing needs to be cut but what can be routed before the rest of its piece.
      std::set<std::pair<Index, CutRole>> kinds;
      for (std::size_t p = 0; p < c.network.pieces.size(); ++p)
        for (Index r = c.network.pieces[p].first; r < c.network.pieces[p].first + c.network.pieces[p].count; ++r)
          kinds.insert({static_cast<Index>(p), c.network.role[r]});
      EXPECT_EQ(t.tiles.size(), kinds.size()) << c.name;
    }
  }
  EXPECT_THROW(make_tiling(all_cases().front().network, all_cases().front().sub_reaches, 0), Error);
}

// What a row of outflows holds in a slot, for the tests: the sub-reach or the edge whose outflow it is.
struct Source {
  Index state = -1, edge = -1;
  bool operator==(const Source&) const = default;
};

std::vector<Source> sources_of(const TileLayout& l, Index slot) {
  if (slot < l.cells) return {{l.state[slot], -1}};
  EXPECT_GE(slot, padded(l.cells)) << "a slot of the padding";
  if (slot < l.first_junction_slot()) return {{-1, l.inflows[slot - padded(l.cells)].number}};
  if (slot == l.zero_slot()) return {};
  const Index j = slot - l.first_junction_slot();
  EXPECT_LT(j, l.junctions());
  std::vector<Source> all;
  for (Index s = l.junction_begin[j]; s < l.junction_begin[j + 1]; ++s)
    for (const Source& source : sources_of(l, l.junction_source[s])) all.push_back(source);
  return all;
}

TEST(TileLayout, CellsStandByLagAndFindTheirNeighbours) {
  for (const Case& c : all_cases()) {
    const RankNetwork& n = c.network;
    const Tiling t = make_tiling(n, c.sub_reaches, c.largest);
    for (std::size_t k = 0; k < t.tiles.size(); ++k) {
      const auto l = make_tile_layout(n, t, static_cast<Index>(k), c.sub_reaches, c.state_start);
      ASSERT_EQ(l.lag_begin.front(), 0);
      ASSERT_EQ(l.lag_begin.back(), l.cells);
      ASSERT_EQ(l.flow_stride() % kVectorCells, 0);
      ASSERT_GT(l.flow_stride(), l.zero_slot());
      std::vector<Index> cell_of(c.state_start.back(), -1);
      for (Index i = 0; i < l.cells; ++i) {
        ASSERT_EQ(cell_of[l.state[i]], -1) << c.name;
        cell_of[l.state[i]] = i;
        ASSERT_GE(i, l.lag_begin[l.lag[i]]) << c.name;
        ASSERT_LT(i, l.lag_begin[l.lag[i] + 1]) << c.name;
        ASSERT_EQ(l.share[i], 1.0 / c.sub_reaches[l.reach[i]]);
      }
      for (Index i = 0; i < l.cells; ++i) {
        const Index own = l.reach[i], place = l.state[i] - c.state_start[own];
        std::vector<Source> expected;
        if (place > 0)
          expected.push_back({l.state[i] - 1, -1});
        else
          for (Index u = n.upstream_start[own]; u < n.upstream_start[own + 1]; ++u) {
            const Index above = n.upstream[u];
            if (above < 0)
              expected.push_back({-1, -1 - above});
            else if (t.tile_of[above] != static_cast<Index>(k))
              expected.push_back({-1, t.edge_below[above]});
            else
              expected.push_back({c.state_start[above + 1] - 1, -1});
          }
        auto found = sources_of(l, l.upstream0[i]);
        for (const Source& source : sources_of(l, l.upstream1[i])) found.push_back(source);
        ASSERT_EQ(found, expected) << c.name << ", cell " << i;  // in the order of the sum
        for (const Source& source : found) {
          if (source.state < 0) continue;
          const Index above = cell_of[source.state];
          ASSERT_EQ(l.lag[i], l.lag[above] + 1) << c.name;
          ASSERT_EQ(l.downstream[above], i) << c.name;
        }
        const bool last = place == c.sub_reaches[own] - 1, leaves = t.edge_below[own] >= 0 || t.cut_below[own] >= 0;
        if (last && !leaves && n.downstream[own] < 0) {
          ASSERT_EQ(l.downstream[i], l.adjoint_zero_slot()) << c.name;
        }
      }
      for (std::size_t e = 0; e < l.inflows.size(); ++e)  // a reach's head takes what comes in
        ASSERT_EQ(l.state[l.inflows[e].cell], c.state_start[l.reach[l.inflows[e].cell]]) << c.name;
      for (std::size_t e = 0; e < l.cuts.size(); ++e) {
        const auto [number, cell] = l.cuts[e];
        ASSERT_EQ(n.cut_out[number], l.reach[cell]) << c.name;
        ASSERT_EQ(l.downstream[cell], l.cut_slot(static_cast<Index>(e))) << c.name;
      }
      for (std::size_t e = 0; e < l.outflows.size(); ++e) {
        const auto [number, cell] = l.outflows[e];
        ASSERT_EQ(t.edge_below[l.reach[cell]], number) << c.name;
        ASSERT_EQ(l.downstream[cell], l.outflow_slot(static_cast<Index>(e))) << c.name;
        ASSERT_EQ(l.state[cell], c.state_start[l.reach[cell] + 1] - 1) << c.name;
      }
    }
  }
}

// A junction is summed in the sweep of its cell: those of a lag must be the ones of its cells.
TEST(TileLayout, JunctionsStandByTheLagOfTheirCells) {
  int junctions = 0;
  for (const Case& c : all_cases()) {
    const Tiling t = make_tiling(c.network, c.sub_reaches, c.largest);
    for (std::size_t k = 0; k < t.tiles.size(); ++k) {
      const auto l = make_tile_layout(c.network, t, static_cast<Index>(k), c.sub_reaches, c.state_start);
      ASSERT_EQ(l.junction_lag_begin.back(), l.junctions()) << c.name;
      for (Index i = 0; i < l.cells; ++i) {
        const Index j = l.upstream0[i] - l.first_junction_slot();
        if (j < 0 || j >= l.junctions()) continue;
        ++junctions;
        ASSERT_GE(j, l.junction_lag_begin[l.lag[i]]) << c.name;
        ASSERT_LT(j, l.junction_lag_begin[l.lag[i] + 1]) << c.name;
      }
    }
  }
  EXPECT_GT(junctions, 100);
}

void expect_windows(const GatherWindows& w, const std::vector<Index>& slot0, const std::vector<Index>& slot1,
                    Index none, Index stride, int& within, const std::string& name) {
  const auto cells = static_cast<Index>(slot0.size());
  ASSERT_EQ(w.begin.size(), slot0.size() / kVectorCells) << name;
  for (std::size_t v = 0; v < w.begin.size(); ++v) {
    int odd = 0;
    for (Index c = 0; c < kVectorCells; ++c) {
      const auto i = v * kVectorCells + c;
      bool outside = false;
      const auto expect = [&](Index slot, Index place, bool some) {
        if (some) {
          ASSERT_EQ(w.begin[v] < 0 ? slot : w.begin[v] + place, slot) << name;
          ASSERT_NE(slot, none) << name;
        }
        ASSERT_GE(place, 0) << name;
        ASSERT_LT(place, kWindowSlots) << name;
        outside = outside || (slot != none && !some);
      };
      expect(slot0[i], w.place0[i], w.some0[v] >> c & 1);
      expect(slot1[i], w.place1[i], w.some1[v] >> c & 1);
      ASSERT_EQ(outside, (w.odd[v] >> c & 1) == 1) << name;
      odd += outside;
      // Cells are odd for a reason: junctions and edges, or further away than a window reaches.
      for (Index slot : {slot0[i], slot1[i]})
        if (outside && slot != none && slot < cells && w.begin[v] >= 0 && slot - w.begin[v] < kWindowSlots) {
          ASSERT_GE(std::max(slot0[i], slot1[i]), std::min(cells, w.begin[v] + kWindowSlots)) << name;
        }
    }
    if (w.begin[v] < 0) {
      ASSERT_GT(odd, kVectorCells / 2) << name;
      continue;
    }
    ++within;
    ASSERT_LE(w.begin[v] + kWindowSlots, stride) << name;
  }
}

TEST(TileLayout, WindowsDescribeTheSameSlots) {
  int upstream = 0, downstream = 0;
  for (const Case& c : all_cases()) {
    const Tiling t = make_tiling(c.network, c.sub_reaches, c.largest);
    for (std::size_t k = 0; k < t.tiles.size(); ++k) {
      const auto l = make_tile_layout(c.network, t, static_cast<Index>(k), c.sub_reaches, c.state_start);
      expect_windows(l.upstream_window, l.upstream0, l.upstream1, l.zero_slot(), l.flow_stride(), upstream, c.name);
      const std::vector<Index> nothing(l.downstream.size(), l.adjoint_zero_slot());
      expect_windows(l.downstream_window, l.downstream, nothing, l.adjoint_zero_slot(), l.least_adjoint_stride(),
                     downstream, c.name);
    }
  }
  EXPECT_GT(upstream, 1000);
  EXPECT_GT(downstream, 1000);
}

// One tile for all that can be routed at the same time: upstream first, of the wanted pieces only.
TEST(TileLayout, WholeTilesHoldEveryReachThatIsWantedOnce) {
  for (const Case& c : all_cases()) {
    if (c.largest != 1) continue;   // of tiles cut by size
    const RankNetwork& n = c.network;
    std::vector<std::uint8_t> wanted(n.pieces.size(), 1);
    wanted.back() = n.pieces.size() < 3;
    const Tiling t = make_whole_tiling(n, c.sub_reaches, wanted);
    std::vector<Index> seen(n.size(), 0);
    for (std::size_t k = 0; k < t.tiles.size(); ++k)
      for (std::size_t i = 0; i < t.tiles[k].reaches.size(); ++i) {
        const Index own = t.tiles[k].reaches[i];
        ++seen[own];
        ASSERT_EQ(t.tile_of[own], static_cast<Index>(k)) << c.name;
        ASSERT_EQ(t.position[own], static_cast<Index>(i)) << c.name;
        ASSERT_EQ(t.tiles[k].role, n.role[own]) << c.name;
      }
    std::set<std::pair<Index, CutRole>> kinds;
    for (std::size_t p = 0; p < n.pieces.size(); ++p)
      for (Index own = n.pieces[p].first; own < n.pieces[p].first + n.pieces[p].count; ++own) {
        ASSERT_EQ(seen[own], wanted[p]) << c.name;
        if (!wanted[p]) continue;
        kinds.emplace(n.pieces[p].level, n.role[own]);
        ASSERT_EQ(n.pieces[t.tiles[t.tile_of[own]].piece].level, n.pieces[p].level) << c.name;
        const Index down = n.downstream[own];
        ASSERT_EQ(t.edge_below[own] >= 0, down >= 0 && n.role[down] != n.role[own]) << c.name;
        if (t.edge_below[own] >= 0) ASSERT_LT(t.tile_of[own], t.tile_of[down]) << c.name;
      }
    // A role may come back below another one: a few more tiles than kinds, not one a piece or branch.
    EXPECT_LE(t.tiles.size(), 3 * kinds.size()) << c.name;
  }
}

}  // namespace
}  // namespace dpl
