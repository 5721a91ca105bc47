// How the catchments of a call are cut into panels and tiles, and series laid out for them.
#pragma once

#include <algorithm>
#include <vector>

#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/runoff_kernels.hpp"

namespace dpl {

/// Tiles that go through the same days one after another, before the next days come: their dynamic parameters lie side
/// by side, so that a page of memory is not left after one tile's part of it.
inline constexpr Index kGroupTiles = 8;

/// Catchments whose rows lie together. Fewer than a tile: one panel of all, whose tiles run over component after
/// component. More: panels of at most a tile, each component of which is a tile. Groups of tiles come in an order in
/// which the components of a catchment do.
class Panels {
 public:
  Panels(Index catchments, Index components) : catchments_(catchments) {
    if (catchments < kTileLanes) {
      width_ = catchments;
      stride_ =
          catchments + kTileLanes;  // a row goes on from its beginning: the lanes of a tile find theirs in one run
    } else {
      const Index panels = (catchments + kTileLanes - 1) / kTileLanes, even = (catchments + panels - 1) / panels;
      width_ = (even + kVectorLanes - 1) / kVectorLanes * kVectorLanes;
      stride_ = kTileLanes;
    }
    count_ = (catchments + width_ - 1) / width_;
    const Count lanes = static_cast<Count>(catchments) * components;
    if (catchments < kTileLanes) {
      for (Count lane = 0; lane < lanes; lane += kTileLanes)
        tiles_.push_back({lane, static_cast<Index>(std::min<Count>(kTileLanes, lanes - lane)), 0,
                          static_cast<Index>(lane % catchments)});
      const auto tiles = static_cast<Count>(tiles_.size());
      for (Count tile = 0; tile < tiles; tile += kGroupTiles) groups_.push_back(tile);
      groups_.push_back(tiles);
      return;
    }
    for (Index first = 0; first < count_; first += kGroupTiles)
      for (Count k = 0; k < components; ++k) {
        groups_.push_back(static_cast<Count>(tiles_.size()));
        for (Index panel = first; panel < std::min(count_, first + kGroupTiles); ++panel)
          tiles_.push_back({k * catchments + first_of(panel), size_of(panel), panel, 0});
      }
    groups_.push_back(static_cast<Count>(tiles_.size()));
  }

  struct Tile {
    Count lane;        // first one
    Index lanes, panel;
    Index catchment;   // of the first lane, in the panel
  };
  const std::vector<Tile>& tiles() const { return tiles_; }
  Count groups() const { return static_cast<Count>(groups_.size()) - 1; }
  Count first_tile(Count group) const { return groups_[group]; }   ///< of group groups(): the number of tiles
  Index count() const { return count_; }
  Index first_of(Index panel) const { return panel * width_; }
  Index size_of(Index panel) const { return std::min(width_, catchments_ - first_of(panel)); }
  Count stride() const { return stride_; }

 private:
  Index catchments_, width_ = 0, count_ = 0;
  Count stride_ = 0;
  std::vector<Tile> tiles_;
  std::vector<Count> groups_;
};

/// [panel][day][stride] made of [day][catchment].
template <class Real>
struct PanelRows {
  const Panels* panels = nullptr;
  Count days = 0;
  AlignedVector<Real> values;

  void resize(const Panels& p, Count n) {
    panels = &p;
    days = n;
    if (const Count size = p.count() * n * p.stride(); static_cast<Count>(values.size()) < size) values.resize(size);
  }
  void zero() { std::fill_n(values.begin(), panels->count() * days * panels->stride(), Real(0)); }
  Real* row(Index panel, Count day) { return values.data() + (panel * days + day) * panels->stride(); }
  void set(Count day, const Real* from, Real factor) {
    for (Index panel = 0; panel < panels->count(); ++panel) {
      Real* to = row(panel, day);
      const Index n = panels->size_of(panel);
      for (Index c = 0; c < n; ++c) to[c] = factor * from[panels->first_of(panel) + c];
      for (Count i = n; i < panels->stride(); ++i) to[i] = to[i - n];
    }
  }
  void get(Count day, Real* to, Real factor) {
    for (Index panel = 0; panel < panels->count(); ++panel)
      for (Index c = 0; c < panels->size_of(panel); ++c) to[panels->first_of(panel) + c] = factor * row(panel, day)[c];
  }
  /// From `day` on, at the tile's first lane.
  DayRows<const Real*> reading(const Panels::Tile& tile, Count day) const {
    return {values.data() + (tile.panel * days + day) * panels->stride() + tile.catchment, panels->stride()};
  }
};

}  // namespace dpl
