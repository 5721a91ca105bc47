// What the router asks of a tile, whichever device routes it.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "dpl/physics/routing.hpp"
#include "dpl/physics/tile_layout.hpp"

namespace dpl {

template <class Real>
class DeviceWindow;

/// Data of a window that all tiles of a rank share.
template <class Real>
struct RouterWindow {
  const ReachParameters<Real>* parameters = nullptr;
  LateralInflow<Real> inflow;
  Count steps = 0;
  std::span<const Real> initial_state;
  std::span<Real> discharge;               ///< [probe][rows]
  std::span<const Real> seed;              ///< adjoint: [probe][rows]
  Count rows = 0;
  // Edges: the rank's ghosts, then the edges between its tiles.
  std::vector<Real> edge_start, edge_flow;                ///< [edge], [edge][steps]
  std::vector<Real> cut_start, cut_flow;                  ///< [cut], [cut][steps]: what goes out
  std::vector<Real> edge_start_adjoint, edge_adjoint;     ///< [edge], [edge][steps]: goes upstream
  std::vector<Real> cut_start_adjoint, cut_adjoint;       ///< [cut], [cut][steps]: came from downstream
  std::span<Real> inflow_adjoint;                         ///< [state cell][input row], empty when not wanted
  Count inflow_rows = 0;
  DeviceWindow<Real>* device = nullptr;                   ///< takes the place of the arrays above where it is not null
};

/// One tile. The order of calls in a window: begin, start, forward_chunk 0.., then adjoint_chunk ..0, start_adjoint.
template <class Real>
class RoutedTile {
 public:
  RoutedTile() = default;
  virtual ~RoutedTile() = default;
  RoutedTile(const RoutedTile&) = delete;

  virtual const TileLayout& layout() const = 0;
  virtual Index piece() const = 0;   ///< its level is the tile's; on GPUs a tile holds all pieces of a level
  virtual CutRole role() const = 0;
  /// @param first_of [own] first probe at a reach, -1 none  @param next_of [probe] the next one at its reach
  virtual void set_probes(const std::vector<Index>& first_of, const std::vector<Index>& next_of) = 0;

  /// New parameters; forgets the tape. `chunk`: steps that are run at a time; `keep_every`: state kept at the start of
  /// every so many blocks for the adjoint, 0 = no adjoint follows.
  virtual void begin(RouterWindow<Real>& window, Count chunk, Count keep_every) = 0;
  /// State at the first step; fills cut_start, and row 0 of the discharge form.
  virtual void start(RouterWindow<Real>& window) = 0;
  virtual void forward_chunk(RouterWindow<Real>& window, Count chunk) = 0;
  virtual void adjoint_chunk(RouterWindow<Real>& window, Count chunk) = 0;
  /// After the last adjoint chunk; fills edge_start_adjoint.
  virtual void start_adjoint(RouterWindow<Real>& window) = 0;

  /// Adds the gradient of the tile's cells to their reaches': [own].
  virtual void add_gradient(std::vector<double>& a, std::vector<double>& b, std::vector<double>& c) const = 0;
  virtual void copy_state(std::span<Real> rank_state) const = 0;
  /// Earliest step at which a state stopped being finite, and all cells where it did then; {-1, {}} if none.
  virtual std::pair<Count, std::vector<Index>> not_finite() const = 0;
  /// Bytes of the starts of blocks kept for an adjoint, and of those made again at a time.
  virtual Count start_bytes(Count steps, Count chunk, Count keep_every) const = 0;

  /// Volumes per cell [m3] of the last window, kept on request.
  bool keep_balance = false;
  std::vector<double> outflow_volume, floor_volume;
  virtual std::vector<double> storage() const = 0;   ///< [cell] m3 at the present state
  virtual void collect_volumes() {}                  ///< fills the two above at the end of a window
};

}  // namespace dpl
