// Routes the cells of one piece, chunk by chunk: what the two families of schemes (storage form, discharge form) share.
#pragma once

#include <span>
#include <vector>

#include "dpl/physics/piece_layout.hpp"
#include "dpl/physics/routing.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

/// A probe on this piece: where its rows are read from and written to.
struct PieceProbe {
  Index cell;       ///< last cell of the reach (own outflow) or first cell (sum of the inflows)
  Index number;     ///< position among the rank's probes
};

/// Data of a window that all pieces of a rank share.
template <class Real>
struct RouterWindow {
  const ReachParameters<Real>* parameters = nullptr;
  LateralInflow<Real> inflow;
  Count steps = 0;
  Index chunk = 1;                         ///< steps of a chunk (the last may be shorter)
  std::span<const Real> initial_state;
  std::span<Real> discharge;               ///< [probe][rows]
  std::span<const Real> seed;              ///< adjoint: [probe][rows]
  Count rows = 0;
  std::vector<Real> ghost_start, ghost_flow;   ///< [ghost], [ghost][steps]: what came over cut edges
  std::vector<Real> cut_start, cut_flow;       ///< [cut], [cut][chunk]: what goes out
  std::vector<Real> ghost_start_adjoint, ghost_adjoint;   ///< [ghost], [ghost][chunk]: goes upstream
  std::vector<Real> cut_start_adjoint, cut_adjoint;       ///< [cut], [cut][steps]: came from downstream
  std::vector<Real> inflow_adjoint;            ///< [state cell][input row], empty when not wanted
  Count inflow_rows = 0;
  Count chunks() const { return (steps + chunk - 1) / chunk; }
  Count first_step(Count c) const { return c * chunk; }
  Index steps_of(Count c) const { return static_cast<Index>(std::min<Count>(chunk, steps - c * chunk)); }
};

/// What the adjoint needs of a chunk, in sweep order: row k holds the cells of sweep k.
template <class Real>
struct ChunkRecord {
  DeviceVector<Real> state, inflow, inflow_next, lateral;   ///< inflow_next: discharge form only
  bool filled = false;
};

/// One piece. The order of calls in a window: begin, start, forward_chunk 0.., then adjoint_chunk ..0, start_adjoint.
template <class Real>
class PieceRouter {
 public:
  PieceRouter(PieceLayout layout, const ReachProperties& properties, const RoutingOptions& options);
  virtual ~PieceRouter() = default;
  PieceRouter(const PieceRouter&) = delete;

  const PieceLayout& layout() const { return layout_; }
  void set_probes(std::span<const Index> probes);

  /// New parameters; forgets the tape. `keep_tape`: remember what the adjoint needs.
  void begin(RouterWindow<Real>& window, bool keep_tape);
  /// State at the first step; fills cut_start, and row 0 of the discharge form.
  virtual void start(RouterWindow<Real>& window) = 0;
  void forward_chunk(RouterWindow<Real>& window, Count chunk);
  void adjoint_chunk(RouterWindow<Real>& window, Count chunk);
  /// After the last adjoint chunk; fills ghost_start_adjoint.
  virtual void start_adjoint(RouterWindow<Real>& window) = 0;

  /// Adds the gradient of cell `cell` to the three sums.
  virtual void gradient(const RouterWindow<Real>& window, Index cell, double& a, double& b, double& c) const = 0;

  void copy_state(std::span<Real> rank_state) const;
  /// Earliest step at which a state stopped being finite, and all cells where it did then; {-1, {}} if none.
  std::pair<Count, std::span<const Index>> not_finite() const { return {not_finite_step_, not_finite_cells_}; }
  Count record_bytes(Index steps) const;
  /// Chunks are recorded while they run forward as long as they fit; the others are run again for the adjoint.
  void limit_records(Count bytes) { record_limit_ = bytes; }

  /// Volumes per cell [m3] of the last window, kept on request.
  bool keep_balance = false;
  std::vector<double> outflow_volume, floor_volume;
  virtual std::vector<double> storage() const = 0;   ///< [cell] m3 at the present state

 protected:
  virtual void set_coefficients(const RouterWindow<Real>& window) = 0;
  virtual void sweep(Index first, Index end) = 0;                         ///< one forward sweep of cells first..end-1
  virtual void after_gather(const RouterWindow<Real>&, Index first, Index end, Index k, Count step0) = 0;
  virtual Real probe_value(const PieceProbe& probe) const = 0;
  virtual void adjoint_sweep(RouterWindow<Real>& window, const ChunkRecord<Real>& record, Index k, Index first, Index end,
                             Count step0) = 0;
  virtual std::vector<Real> snapshot() const = 0;                         ///< everything a chunk starts from
  virtual void restore(std::span<const Real> snapshot) = 0;
  virtual void reset_adjoint() = 0;
  virtual bool discharge_form() const = 0;

  Real start_inflow(Index cell, const DeviceVector<Real>& slots) const;
  void load_lateral(const RouterWindow<Real>& window, Index k, Count step0, Index chunk_steps);
  void load_start_lateral(const RouterWindow<Real>& window, bool floored);
  void load_lateral_group(const RouterWindow<Real>& window, Index lag, Count step);
  DeviceVector<Real> cells_of(Real value = 0) const { return DeviceVector<Real>(layout_.cells, value, memory_); }
  DeviceVector<Real> slots_of(Real value = 0) const { return DeviceVector<Real>(layout_.slots(), value, memory_); }

  PieceLayout layout_;
  RoutingOptions options_;
  DeviceAllocator<Real> memory_;
  const SweepKernels<Real>& kernels_;
  std::vector<double> length_m_, slope_;         // [cell], length of the sub-reach
  DeviceVector<Index> upstream0_, upstream1_, downstream_;
  DeviceVector<Real> flow_;                      // [slot] newest outflow of a cell (unfloored), ghosts, zero
  DeviceVector<Real> inflow_, lateral_;          // [cell]
  std::vector<Real> share_;                      // [cell]
  Real lateral_floor_;                           // -infinity where there is none
  std::vector<PieceProbe> probes_;

 private:
  struct Range {
    Index first, end;
  };
  Range active(Index k, Index chunk_steps) const;
  void run_chunk(RouterWindow<Real>& window, Count chunk, ChunkRecord<Real>* record, bool output);
  void record_sweep(ChunkRecord<Real>& record, Index k, Range range) const;
  void allocate(ChunkRecord<Real>& record, Index chunk_steps) const;
  void check_finite(RouterWindow<Real>& window, Count chunk);

  bool keep_tape_ = false;
  Count record_limit_ = 0;
  std::vector<std::vector<Real>> snapshots_;     // [chunk] state at its start
  std::vector<ChunkRecord<Real>> records_;       // [chunk], those that fit into record_limit_
  ChunkRecord<Real> scratch_;
  Count not_finite_step_ = -1;
  std::vector<Index> not_finite_cells_;

 protected:
  virtual const DeviceVector<Real>& state() const = 0;     // [cell] or [slot]
  virtual const DeviceVector<Real>& recorded_inflow() const = 0;
};

}  // namespace dpl
