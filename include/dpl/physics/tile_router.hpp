// Routes the cells of one tile on the CPU, block by block: what the two families of schemes (storage form, discharge form)
// share. (On GPUs: device_tile.hpp.)
#pragma once

#include <span>
#include <vector>

#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/routed_tile.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

/// A probe on this tile: where its rows are read from and written to.
struct TileProbe {
  Index cell;       ///< last cell of the reach (own outflow) or first cell (sum of the inflows)
  Index number;     ///< position among the rank's probes
};

/// A block of a window: tiles run chunks (or the whole window) in blocks of steps, the last of a chunk may be shorter. Block b
/// of a window is block b % n of chunk b / n, n = blocks of a whole chunk.
struct BlockSpan {
  Count first = 0;        ///< step of the window
  Index steps = 0;
  bool backward = false;  ///< run for the adjoint: the block before it comes next
};

/// Rows that the tiles of a rank use one after the other; large enough for the largest.
template <class Real>
struct TileScratch {
  AlignedVector<Real> flow, floored, inflow, lateral, record, adjoint, second_adjoint;
};

template <class Real>
class TileRouter : public RoutedTile<Real> {
 public:
  TileRouter(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties, const RoutingOptions& options,
             TileScratch<Real>& scratch);

  const TileLayout& layout() const final { return layout_; }
  Index piece() const final { return piece_; }
  CutRole role() const final { return role_; }
  void set_probes(const std::vector<Index>& first_of, const std::vector<Index>& next_of) final;
  void begin(RouterWindow<Real>& window, Count chunk, Count keep_every) final;
  void forward_chunk(RouterWindow<Real>& window, Count chunk) final;
  void adjoint_chunk(RouterWindow<Real>& window, Count chunk) final;
  void add_gradient(std::vector<double>& a, std::vector<double>& b, std::vector<double>& c) const final;
  void copy_state(std::span<Real> rank_state) const final;
  std::pair<Count, std::vector<Index>> not_finite() const final { return {not_finite_step_, not_finite_cells_}; }
  Count start_bytes(Count steps, Count chunk, Count keep_every) const final;
  using RoutedTile<Real>::keep_balance;
  using RoutedTile<Real>::outflow_volume;
  using RoutedTile<Real>::floor_volume;

 protected:
  /// Adds the gradient of cell `cell` to the three sums.
  virtual void gradient(Index cell, double& a, double& b, double& c) const = 0;
  virtual void set_coefficients(const RouterWindow<Real>& window) = 0;
  virtual void prepare_forward(const RouterWindow<Real>& window, const BlockSpan& span) = 0;   ///< columns that are given
  virtual void sweep_forward(const RouterWindow<Real>& window, const BlockSpan& span, bool record) = 0;
  /// Whether blocks that are not recorded can be routed reach by reach instead, into series of outflows; and that.
  virtual bool routes_series() const { return false; }
  virtual void sweep_series(const RouterWindow<Real>&, const BlockSpan&) {}
  virtual void sweep_adjoint(RouterWindow<Real>& window, const BlockSpan& span) = 0;
  virtual void add_volumes(const BlockSpan& span, std::span<const Real> state_before) = 0;
  virtual const AlignedVector<Real>& probe_rows() const = 0;                      // of the block just run: what probes read
  virtual std::vector<Real> snapshot() const = 0;                                ///< everything a block starts from
  virtual void restore(std::span<const Real> snapshot) = 0;
  virtual void reset_adjoint() = 0;
  virtual bool discharge_form() const = 0;
  virtual Index state_values() const = 0;                                        // per cell: what a block starts from
  virtual const AlignedVector<Real>& state() const = 0;                           // [cell]

  Index row_steps(Index steps) const { return steps + layout_.lags + 1; }        // rows of a block, two more than sweeps - 1
  Real start_inflow(Index cell, const Real* row) const;
  Count series_stride(const BlockSpan& span) const { return padded(span.steps) + kVectorCells; }
  Real probe_value(const TileProbe& probe, Index step) const;
  /// Parameters of the cells' reaches into n_, p_, q_.
  void load_parameters(const RouterWindow<Real>& window);
  /// Start discharges: a row with those that come in, and what of it goes on.
  std::vector<Real> start_row(const RouterWindow<Real>& window) const;
  void send_start(RouterWindow<Real>& window, const std::vector<Real>& row) const;
  /// Adjoints of start discharges: slots as in the adjoint rows, without seeds, and what of them goes upstream.
  std::vector<Real> start_adjoint_row(const RouterWindow<Real>& window) const;
  void send_start_adjoint(RouterWindow<Real>& window, const std::vector<Real>& row) const;
  TileGraph graph() const;
  WindowPlaces downstream_window() const;
  LateralBlock<Real> lateral_block(const RouterWindow<Real>& window, const BlockSpan& span);
  LateralSeries<Real> inflow_series(const RouterWindow<Real>& window, const BlockSpan& span) const;
  LateralSeries<Real> lateral_series(const RouterWindow<Real>& window, const BlockSpan& span) const;
  void load_lateral(const RouterWindow<Real>& window, const BlockSpan& span);
  void return_lateral(RouterWindow<Real>& window, const BlockSpan& span) const;
  void load_start_lateral(const RouterWindow<Real>& window, bool floored);
  void fill_inflows(const RouterWindow<Real>& window, const BlockSpan& span, Real* rows) const;
  /// Columns of adjoint rows that a sweep reads one sweep later: what came over cuts and from tiles below, zero beneath
  /// outlets.
  void fill_adjoint_columns(const RouterWindow<Real>& window, const BlockSpan& span, Real* rows) const;
  std::vector<TileSeed<Real>> seeds(const RouterWindow<Real>& window, const BlockSpan& span) const;
  AlignedVector<Real> cells_of(Real value = 0) const { return AlignedVector<Real>(padded(layout_.cells), value); }
  static void grow(AlignedVector<Real>& rows, std::size_t size);
  Index adjoint_stride() const { 
    return std::max(layout_.least_adjoint_stride(), padded(layout_.first_seed_slot() + static_cast<Index>(probes_.size())));
  }

  TileLayout layout_;
  Index piece_;
  CutRole role_;
  RoutingOptions options_;
  const SweepKernels<Real>& kernels_;
  TileScratch<Real>& scratch_;
  std::vector<double> length_m_, slope_;         // [cell], length of the sub-reach
  std::vector<double> n_, p_, q_;                // [cell] of its reach (muskingum: K, X, unused)
  AlignedVector<Index> upstream0_, upstream1_, downstream_;
  AlignedVector<Real> held_lateral_, held_adjoint_;   // [cell]
  std::vector<Real> share_;                      // [cell]
  Real lateral_floor_;                           // -infinity where there is none
  std::vector<TileProbe> probes_;
  std::vector<Index> window_begin_;              // of downstream_: seeds have slots outside of windows
  std::vector<Index> seed_base_;                 // [probe of the tile] slot below it without the seed

 private:
  Index block_of(Count chunk) const { return static_cast<Index>(std::min<Count>(block_, chunk)); }
  Count blocks_of_chunk(Count chunk) const { return (chunk + block_of(chunk) - 1) / block_of(chunk); }
  BlockSpan block_span(const RouterWindow<Real>& window, Count block) const;
  Count blocks_in(const RouterWindow<Real>& window, Count chunk) const;
  void run_block(RouterWindow<Real>& window, const BlockSpan& span, bool record);
  void read_block(RouterWindow<Real>& window, const BlockSpan& span);
  void check_finite(RouterWindow<Real>& window, const BlockSpan& span, std::span<const Real> before);
  std::span<const Real> snapshot_of(RouterWindow<Real>& window, Count block);

  Index block_ = 1;                              // steps of a block
  bool in_series_ = false;                       // outflows of a block are series, not rows
  Count chunk_ = 1;                              // steps of this tile's chunks
  Count keep_every_ = 0;
  std::vector<std::vector<Real>> kept_;          // [block / keep_every] state at its start
  std::vector<std::vector<Real>> again_;         // starts of the blocks after a kept one, run again for the adjoint
  Count again_from_ = -1;                        // the kept block before them
  Count not_finite_step_ = -1;
  std::vector<Index> not_finite_cells_;
};

}  // namespace dpl
