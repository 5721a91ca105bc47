// The router's part on a GPU: its tiles, a window's way there and back, messages across cut edges.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dpl/physics/device_forms.hpp"
#include "dpl/physics/routed_tile.hpp"

namespace dpl {

template <class Real>
class DeviceRouting {
 public:
  /// @param from_level, ghost_from_level, ghost_level  as Router::Impl
  DeviceRouting(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options,
                const std::vector<Index>& cut_from_level, const std::vector<Index>& ghost_from_level,
                const std::vector<Index>& ghost_level);

  /// The tiles of the pieces that are wanted (empty: all).
  Tiling make_tiles(std::span<const std::uint8_t> wanted, const std::vector<Index>& state_start,
                    std::vector<std::unique_ptr<RoutedTile<Real>>>& tiles);

  /// Bytes of a window beside its tape (RoutedTile::start_bytes), and of the tiles.
  Count window_bytes(const DeviceWindowShape& shape) const;
  Count tile_bytes(bool tape) const;

  /// Throws Error where the window's bytes and its tape's are not free.
  void begin(RouterWindow<Real>& shared, const DeviceWindowShape& shape, Count tape_bytes);
  void end_forward(RouterWindow<Real>& shared);
  void begin_adjoint(RouterWindow<Real>& shared, bool inflow_adjoint_wanted);
  void end_adjoint(RouterWindow<Real>& shared);

  // Cut edges: what leaves is put into the host's arrays, what came is taken from them.
  void load_start(RouterWindow<Real>& shared);
  void store_start(const RouterWindow<Real>& shared);
  void load_start_adjoint(RouterWindow<Real>& shared);
  void store_start_adjoint(const RouterWindow<Real>& shared);
  void load_flow(Count superstep, Count chunks, std::vector<Real>& sent);
  void store_flow(Count superstep, Count chunks, const std::vector<Real>& came);
  void load_adjoint(Count superstep, Count chunks, std::vector<Real>& sent);
  void store_adjoint(Count superstep, Count chunks, const std::vector<Real>& came);

 private:
  const RankNetwork& network_;
  const ReachProperties& properties_;
  const RoutingOptions& options_;
  DeviceScratch<Real> scratch_;
  DeviceWindow<Real> window_;
  DeviceArray<Index> cut_from_level_, ghost_from_level_, ghost_level_, cut_into_level_;
  std::vector<const DeviceTile<Real>*> tiles_;
  std::vector<std::pair<Index, Index>> runs_;   // own reaches of the tiles
  Count granted_ = 0;                           // bytes of windows that were free once and are held since
};

}  // namespace dpl
