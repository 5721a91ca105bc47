// Routes the cells of one tile on a GPU: what the two families of schemes share. Nothing is waited for: all is queued.
//
// Tiles are large here (all pieces of a level that can be routed at the same time), because a sweep is one launch. A block is
// a run of sweeps, the skew goes on between them (device_sweeps.hpp); the tape keeps, at the start of blocks, states and the
// row of outflows.
#pragma once

#include "dpl/physics/device_series.hpp"
#include "dpl/physics/device_window.hpp"
#include "dpl/physics/launch_graph.hpp"
#include "dpl/physics/routed_tile.hpp"

namespace dpl {

template <class Real>
class DeviceTile : public RoutedTile<Real> {
 public:
  DeviceTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties, const RoutingOptions& options,
             DeviceScratch<Real>& scratch);

  const TileLayout& layout() const final { return layout_; }
  Index piece() const final { return piece_; }
  CutRole role() const final { return role_; }
  void set_probes(const std::vector<Index>& first_of, const std::vector<Index>& next_of) final;
  void begin(RouterWindow<Real>& window, Count chunk, Count keep_every) final;
  void start(RouterWindow<Real>& window) final;
  void forward_chunk(RouterWindow<Real>& window, Count chunk) final;
  void adjoint_chunk(RouterWindow<Real>& window, Count chunk) final;
  void start_adjoint(RouterWindow<Real>& window) final;
  void add_gradient(std::vector<double>& a, std::vector<double>& b, std::vector<double>& c) const final;
  void copy_state(std::span<Real> rank_state) const final;
  std::pair<Count, std::vector<Index>> not_finite() const final;
  Count start_bytes(Count steps, Count chunk, Count keep_every) const final;
  std::vector<double> storage() const final;
  void collect_volumes() final;

  /// Values of the scratch that this tile needs, and bytes of its own arrays.
  Count scratch_values(Index hold, bool tape) const;
  Count own_bytes(bool tape) const;

 protected:
  /// Coefficients of the cells; zero sums where an adjoint follows.
  virtual void set_coefficients(const DeviceWindow<Real>& window) = 0;
  virtual void reset_adjoint() = 0;
  /// Start, lag after lag: the launch for cells first .. end - 1.
  virtual void start_cells(const DeviceWindow<Real>& window, Index first, Index end) = 0;
  virtual void after_start(DeviceWindow<Real>&) {}
  virtual void start_adjoint_cells(const DeviceWindow<Real>& window, Index first, Index end) = 0;
  /// The launch of sweep `sweep` of a block.
  virtual void forward_sweep(const DeviceWindow<Real>& window, Index sweep, bool record) = 0;
  virtual void adjoint_sweep(const DeviceWindow<Real>& window, Index sweep) = 0;
  virtual void gradient_of(double* to) const = 0;       ///< [3][reach of the tile]
  virtual void storage_of(double* to) const = 0;        ///< [cell]
  virtual bool discharge_form() const = 0;
  virtual Index record_fields() const = 0;
  virtual Index state_fields() const = 0;               ///< of state_
  virtual Count form_bytes(bool tape) const = 0;        ///< of arrays by cell of the form

  Index cells() const { return layout_.cells; }
  SweepFrame<Real> frame(const DeviceWindow<Real>& window, Index sweep) const;
  DeviceLateral<Real> lateral(const DeviceWindow<Real>& window, Index sweep);
  DeviceSeeds<Real> seeds(const DeviceWindow<Real>& window) const;
  Real* flow_row(Index k) const { return scratch_.flow.data() + static_cast<Count>(k) * stride_; }
  Real* record_row(Index k) const { return scratch_.record.data() + static_cast<Count>(k) * record_fields() * stride_; }
  Real* next_row(Index k) const { return scratch_.adjoint.data() + static_cast<Count>(k) * stride_; }
  Real* inflow_row(Index k) const { return scratch_.second_adjoint.data() + static_cast<Count>(k) * stride_; }
  DeviceArray<Real> cell_array() const;
  template <class T>
  DeviceArray<T> on_device(const std::vector<T>& values) const;

  TileLayout layout_;
  Index piece_;
  CutRole role_;
  RoutingOptions options_;
  Device device_;
  DeviceScratch<Real>& scratch_;
  Index stride_;                                        // of rows: the cells, padded
  DeviceGraph graph_;                                   // of the arrays below
  DeviceArray<double> length_, slope_, share_;          // [cell] of its sub-reach; 1 / number of sub-reaches
  DeviceArray<Real> real_share_;                        // [cell]
  DeviceArray<Index> reach_begin_, reach_cell_;         // [reach of the tile + 1] cells, upstream first
  DeviceArray<Real> state_;                             // [state field][cell]: all a block starts from but the row of outflows
  DeviceArray<Real> held_, held_adjoint_;               // [cell]
  DeviceArray<Index> first_bad_;                        // [cell]
  DeviceArray<SweepPlace> place_;
  DeviceArray<Index> probe_cell_, probe_number_, probe_first_, probe_next_;
  Index probes_ = 0;
  Real lateral_floor_;

 private:
  void load_graph();
  void advance();
  void save(Real* to) const;
  void restore(const Real* from);
  const Real* start_of(DeviceWindow<Real>& window, Count block);
  void run_block(DeviceWindow<Real>& window, const SweepPlace& place, bool record);
  void read_block(DeviceWindow<Real>& window, const SweepPlace& place);
  void send_adjoints(DeviceWindow<Real>& window, const SweepPlace& place);
  SweepPlace place_of(const DeviceWindow<Real>& window, Count block) const;
  Count blocks_of_chunk(Count chunk) const { return (chunk + layout_.lags - 1 + sweeps_ - 1) / sweeps_; }
  Count blocks_in(const DeviceWindow<Real>& window, Count chunk) const;
  Count start_values() const { return static_cast<Count>(state_fields() + 1) * stride_; }
  LaunchKey key(const DeviceWindow<Real>& window, Count what) const;

  DeviceArray<Index> lag_, reach_, state_place_, upstream0_, upstream1_, downstream_, junction_begin_, junction_source_;
  DeviceArray<Index> inflow_cell_, inflow_edge_, cut_cell_, cut_, outflow_cell_, outflow_edge_;
  DeviceArray<double> outflow_volume_, floor_volume_;
  DeviceArray<Real> volume_state_;
  DeviceArray<Real> kept_, again_;                      // starts of blocks: one of every keep_every_, those after one of them
  Index sweeps_;                                        // of a block
  Count chunk_ = 1, keep_every_ = 0, again_from_ = -1;
  bool begun_ = false;                                  // the start row stands in row 0 of the outflows, not in the last one
  bool adjoint_begun_ = false;
  LaunchGraph start_graph_, forward_graph_, record_graph_, adjoint_graph_, start_adjoint_graph_;
};

}  // namespace dpl
