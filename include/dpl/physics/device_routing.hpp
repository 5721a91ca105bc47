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
  /// @param cut_from_level, ghost_from_level, ghost_level  as Router::Impl
  /// @param staged  messages lie in the host's memory (Boundary::memory)
  DeviceRouting(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options,
                const std::vector<Index>& cut_from_level, const std::vector<Index>& ghost_from_level,
                const std::vector<Index>& ghost_level, bool staged);

  /// The tiles of the pieces that are wanted (empty: all).
  Tiling make_tiles(std::span<const std::uint8_t> wanted, const std::vector<Index>& state_start,
                    std::vector<std::unique_ptr<RoutedTile<Real>>>& tiles);

  /// Bytes of a window beside its tape (RoutedTile::start_bytes), and of the tiles.
  Count window_bytes(const DeviceWindowShape& shape) const;
  Count tile_bytes(bool tape) const;

  /// Throws Error where the window's bytes and its tape's are not free, and where it has more steps than can be counted.
  void begin(RouterWindow<Real>& shared, const DeviceWindowShape& shape, const Supersteps& supersteps, Count tape_bytes);
  void end_forward(RouterWindow<Real>& shared);
  void begin_adjoint(RouterWindow<Real>& shared, bool inflow_adjoint_wanted);
  void end_adjoint(RouterWindow<Real>& shared);

  // Cut edges: the message that leaves is made and the one that came is taken apart, in the memory that the boundary uses.
  void load_start();
  void store_start();
  void load_start_adjoint();
  void store_start_adjoint();
  void load_flow(Count superstep, const Supersteps& supersteps);
  void store_flow(Count superstep, const Supersteps& supersteps);
  void load_adjoint(Count superstep, const Supersteps& supersteps);
  void store_adjoint(Count superstep, const Supersteps& supersteps);
  std::span<const Real> sent() const { return sent_.values(); }
  std::span<Real> came() const { return came_.values(); }

 private:
  void load_row(const DeviceArray<Real>& row, std::size_t sent, std::size_t came);
  void store_row(DeviceArray<Real>& row);

  const RankNetwork& network_;
  const ReachProperties& properties_;
  const RoutingOptions& options_;
  DeviceScratch<Real> scratch_;
  DeviceWindow<Real> window_;
  DeviceMessage<Real> sent_, came_;
  DeviceArray<Index> cut_from_level_, ghost_from_level_, ghost_level_, cut_into_level_;
  std::vector<const DeviceTile<Real>*> tiles_;
  std::vector<std::pair<Index, Index>> runs_;   // own reaches of the tiles
  Count granted_ = 0;                           // bytes of windows that were free once and are held since
};

}  // namespace dpl
