// What the router of a rank holds (included by its own files only).
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "dpl/physics/device_routing.hpp"
#include "dpl/physics/tile_router.hpp"

namespace dpl {

template <class Real>
struct Router<Real>::Impl {
  RankNetwork network;
  ReachProperties properties;
  RoutingOptions options;
  Boundary<Real>& boundary;
  std::vector<Index> state_start;
  Tiling tiling;
  TileScratch<Real> scratch;
  std::unique_ptr<DeviceRouting<Real>> device;   // null: on the CPU
  std::vector<std::unique_ptr<RoutedTile<Real>>> tiles;
  std::vector<RoutedTile<Real>*> routed;  // those of pieces not left out
  std::optional<std::vector<std::uint8_t>> chosen;   // what the device's tiles were made for
  Supersteps supersteps;
  struct Superstep {
    std::vector<RoutedTile<Real>*> needed, chunked, further;  // whole, whose flow is needed; in chunks; whole, meanwhile
  };
  std::vector<Superstep> plan;
  std::vector<Index> cut_from_level;                      // [cut_out] of its piece
  std::vector<Index> ghost_from_level, ghost_level;       // [ghost] of its source, of the piece it flows into
  std::vector<Real> sent, came;                           // [cut or ghost][chunk]
  RouterWindow<Real> window;
  ReachParameters<Real> parameters;       // of the last forward
  std::vector<Real> initial_state, final_state;
  bool keep_tape = false, keep_balance = false;
  WaterBalance balance;

  Impl(const RankNetwork& n, const ReachProperties& p, const RoutingOptions& o, Boundary<Real>& b)
      : network(n), properties(p), options(o), boundary(b) {}

  void choose(std::span<const std::uint8_t> wanted) {
    if (device) {
      if (chosen && std::ranges::equal(*chosen, wanted)) return;
      chosen.reset();                                                // where this fails there are none
      tiling = device->make_tiles(wanted, state_start, tiles);       // large tiles, of what is wanted
      chosen.emplace(wanted.begin(), wanted.end());
    }
    routed.clear();
    for (const auto& tile : tiles)
      if (device || wanted.empty() || wanted[tile->piece()]) routed.push_back(tile.get());
  }
  Index level(const RoutedTile<Real>& tile) const { return network.pieces[tile.piece()].level; }
  void plan_window();
  void exchange_start();
  void begin_flow(Count superstep);
  void end_flow(Count superstep);
  void exchange_start_adjoint();
  void begin_adjoint(Count superstep);
  void end_adjoint(Count superstep);
  void forward();
  void adjoint();
  void size_window();
  void make_host_tiles();
  DeviceWindowShape device_shape(Count steps, Index hold, Index probes, bool tape) const;
  Count edge_bytes(Count steps) const {  // series that come over cut edges and go from tile to tile, both ways
    return 2 * (tiling.edges + static_cast<Count>(network.cut_out.size())) * steps * static_cast<Count>(sizeof(Real));
  }
  Supersteps supersteps_of(Count steps) const { return choose_supersteps(network.load, steps, options.chunk_steps); }
  Count chunk_of(const RoutedTile<Real>& tile, const Supersteps& s) const {
    return s.in_chunks(tile.role(), level(tile)) ? s.chunk : std::max<Count>(1, s.steps);
  }
  Count start_bytes(Count steps, Count every) const;
  Count keep_every(Count steps) const;
  void begin_balance();
  void end_balance();
};

}  // namespace dpl
