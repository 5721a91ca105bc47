// A window of a rank on a GPU: uploads, results, messages.
#include "dpl/physics/device_routing.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "dpl/base/error.hpp"

namespace dpl {

template <class Real>
DeviceRouting<Real>::DeviceRouting(const RankNetwork& network, const ReachProperties& properties,
                                   const RoutingOptions& options, const std::vector<Index>& cut_from_level,
                                   const std::vector<Index>& ghost_from_level, const std::vector<Index>& ghost_level,
                                   bool staged)
    : network_(network), properties_(properties), options_(options), scratch_(options.device), window_(options.device),
      sent_(options.device, staged), came_(options.device, staged), cut_from_level_(options.device), ghost_from_level_(options.device), ghost_level_(options.device), cut_into_level_(options.device) {
  cut_from_level_.set(cut_from_level);
  ghost_from_level_.set(ghost_from_level);
  ghost_level_.set(ghost_level);
  cut_into_level_.set(network.cut_out_level);
  wait_for(options.device);
}

template <class Real>
Tiling DeviceRouting<Real>::make_tiles(std::span<const std::uint8_t> wanted, const std::vector<Index>& state_start,
                                       std::vector<std::unique_ptr<RoutedTile<Real>>>& tiles) {
  tiles.clear();
  tiles_.clear();
  runs_.clear();
  Tiling tiling;
  if (options_.tile_cells > 0) {
    tiling = make_tiling(network_, properties_.sub_reaches, options_.tile_cells);
    auto& all = tiling.tiles;   // edges keep their numbers
    const auto left_out = [&](const auto& tile) { return !wanted.empty() && !wanted[tile.piece]; };
    for (auto& tile : all)
      if (left_out(tile)) tile.reaches.clear();
  } else {
    tiling = make_whole_tiling(network_, properties_.sub_reaches, wanted);
  }
  for (std::size_t p = 0; p < network_.pieces.size(); ++p) {
    const Piece& piece = network_.pieces[p];
    if (!wanted.empty() && !wanted[p]) continue;
    if (!runs_.empty() && runs_.back().first + runs_.back().second == piece.first)
      runs_.back().second += piece.count;
    else
      runs_.emplace_back(piece.first, piece.count);
  }
  for (std::size_t t = 0; t < tiling.tiles.size(); ++t) {
    if (tiling.tiles[t].reaches.empty()) continue;
    auto layout = make_tile_layout(network_, tiling, static_cast<Index>(t), properties_.sub_reaches, state_start);
    auto tile = make_device_tile<Real>(std::move(layout), tiling.tiles[t], properties_, options_, scratch_);
    tiles_.push_back(tile.get());
    tiles.push_back(std::move(tile));
  }
  return tiling;
}

template <class Real>
Count DeviceRouting<Real>::window_bytes(const DeviceWindowShape& shape) const {
  Count scratch = 0;
  for (const auto* tile : tiles_) scratch = std::max(scratch, tile->scratch_values(shape.hold, shape.tape));
  return scratch * static_cast<Count>(sizeof(Real)) + DeviceWindow<Real>::bytes(shape, true);
}

template <class Real>
Count DeviceRouting<Real>::tile_bytes(bool tape) const {
  Count bytes = 0;
  for (const auto* tile : tiles_) bytes += tile->own_bytes(tape);
  return bytes;
}

template <class Real>
void DeviceRouting<Real>::begin(RouterWindow<Real>& shared, const DeviceWindowShape& shape, const Supersteps& supersteps,
                                Count tape_bytes) {
  constexpr Count kMostSteps = std::numeric_limits<Index>::max() / 2;
  if (shape.steps > kMostSteps)
    fail("device: a window of {} steps; at most {} can be routed on a GPU at a time", shape.steps, kMostSteps);
  const auto edges = static_cast<Count>(std::max(network_.ghosts.size(), network_.cut_out.size()));
  if (edges * supersteps.chunk > std::numeric_limits<Index>::max())
    fail("device: a message of {} cut edges x {} steps; at most {} numbers can go at a time: shorten routing.chunk_steps", edges,
         supersteps.chunk, std::numeric_limits<Index>::max());
  const Count bytes = window_bytes(shape) + tape_bytes;
  if (bytes > granted_) {
    const std::string what = "routing a window of " + std::to_string(shape.steps) + " steps on " +
                             std::to_string(shape.reaches) + " reaches";
    check_free_bytes(options_.device, bytes - granted_, what.c_str());
    granted_ = bytes;
  }
  shared.device = &window_;
  window_.begin(shape, *shared.parameters, shared.inflow, shared.initial_state, runs_);
}

template <class Real>
void DeviceRouting<Real>::end_forward(RouterWindow<Real>& shared) {
  window_.fetch(window_.discharge, shared.discharge);
}

template <class Real>
void DeviceRouting<Real>::begin_adjoint(RouterWindow<Real>& shared, bool inflow_adjoint_wanted) {
  window_.begin_adjoint(shared.seed, inflow_adjoint_wanted, shared.inflow_rows);
}

template <class Real>
void DeviceRouting<Real>::end_adjoint(RouterWindow<Real>& shared) {
  if (!shared.inflow_adjoint.empty()) window_.fetch(window_.inflow_adjoint, shared.inflow_adjoint);
}

// Starts: one number an edge, of the rank's cuts and ghosts. (Edges between tiles have theirs already.)
template <class Real>
void DeviceRouting<Real>::load_start() {
  load_row(window_.cut_start, network_.cut_out.size(), network_.ghosts.size());
}
template <class Real>
void DeviceRouting<Real>::store_start() {
  store_row(window_.edge_start);
}
template <class Real>
void DeviceRouting<Real>::load_start_adjoint() {
  load_row(window_.edge_start_adjoint, network_.ghosts.size(), network_.cut_out.size());
}
template <class Real>
void DeviceRouting<Real>::store_start_adjoint() {
  store_row(window_.cut_start_adjoint);
}

template <class Real>
void DeviceRouting<Real>::load_row(const DeviceArray<Real>& row, std::size_t sent, std::size_t came) {
  sent_.size(sent);
  came_.size(came);
  copy_on(options_.device, sent_.data(), row.data(), sent * sizeof(Real));
  sent_.fetch();
}

template <class Real>
void DeviceRouting<Real>::store_row(DeviceArray<Real>& row) {
  came_.upload();
  copy_on(options_.device, row.data(), came_.data(), came_.size() * sizeof(Real));
}

template <class Real>
void DeviceRouting<Real>::load_flow(Count superstep, const Supersteps& supersteps) {
  came_.size(network_.ghosts.size() * supersteps.chunk);
  window_.load_message(window_.cut_flow, cut_from_level_, superstep, supersteps, sent_);
}
template <class Real>
void DeviceRouting<Real>::store_flow(Count superstep, const Supersteps& supersteps) {
  window_.store_message(came_, ghost_from_level_, superstep, supersteps, window_.edge_flow);
}
template <class Real>
void DeviceRouting<Real>::load_adjoint(Count superstep, const Supersteps& supersteps) {
  came_.size(network_.cut_out.size() * supersteps.chunk);
  window_.load_message(window_.edge_adjoint, ghost_level_, superstep, supersteps, sent_);
}
template <class Real>
void DeviceRouting<Real>::store_adjoint(Count superstep, const Supersteps& supersteps) {
  window_.store_message(came_, cut_into_level_, superstep, supersteps, window_.cut_adjoint);
}

template class DeviceRouting<float>;
template class DeviceRouting<double>;

}  // namespace dpl
