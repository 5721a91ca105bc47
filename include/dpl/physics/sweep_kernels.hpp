// What the sweeps over a tile read and write on the CPU, and the table of sweeps for each instruction set; one set is chosen when the
// program starts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "dpl/physics/routing.hpp"
#include "dpl/physics/sweep_loops.hpp"

namespace dpl {

/// Cells of one vector at most; arrays by cell are padded to a multiple of it.
inline constexpr Index kVectorCells = 16;
constexpr Index padded(Index n) { return (n + kVectorCells - 1) / kVectorCells * kVectorCells; }

/// Slots that one vector of cells reaches by a permutation.
inline constexpr Index kWindowSlots = 2 * kVectorCells;

/// GatherWindows (tile_layout.hpp) as the sweeps see them.
struct WindowPlaces {
  const Index *begin, *place0, *place1;
  const std::uint16_t *some0, *some1, *odd;
};

struct IndexRange {
  Index first, end;
};

/// The graph of a tile as the sweeps see it (tile_layout.hpp).
struct TileGraph {
  Index lags = 1;
  const Index* lag_begin;                          ///< [lags + 1] first cell of each lag
  const Index *upstream0, *upstream1;              ///< [cell] slots of a row of outflows
  const Index *junction_lag_begin;                 ///< [lags + 1] first junction whose cell has this lag
  const Index *junction_begin, *junction_source;   ///< [junction + 1], slots
  Index first_junction_slot = 0;
  WindowPlaces window;

  Index sweeps(Index steps) const { return steps + lags - 1; }
  /// Lowest and highest lag that has a step in sweep k of a block of `steps`.
  std::pair<Index, Index> lags_of(Index k, Index steps) const {
    return {std::max<Index>(0, k - steps + 1), std::min<Index>(k, lags - 1)};
  }
  IndexRange cells_of(Index k, Index steps) const {
    const auto [lowest, highest] = lags_of(k, steps);
    return {lag_begin[lowest], lag_begin[highest + 1]};
  }
};

/// Lateral inflow of a block. One row a step: rows [sweep][cell] made before the sweeps, whose adjoints replace them.
/// Held over several steps: one row [cell] that lag groups renew as they go, and one of sums.
template <class Real>
struct LateralBlock {
  Real* rows = nullptr;
  Index stride = 0;                 ///< distance of rows; 0 = held
  Real* adjoint = nullptr;
  // Held only:
  const Real* values = nullptr;     ///< as LateralInflow
  Count value_stride = 0;
  Index hold = 1;
  Count first_step = 0;             ///< of the block, in the window
  const Index *reach = nullptr, *state = nullptr;   ///< [cell]
  const Real* share = nullptr;
  Real floor = 0;
  Real* to = nullptr;               ///< adjoint wanted: [state][to_stride]
  Count to_stride = 0;

  Real* row(Index k) const { return rows + static_cast<Count>(k) * stride; }
  Real* adjoint_row(Index k) const { return adjoint + static_cast<Count>(k) * stride; }
};

/// Where the series of a tile's cells lie, for turning them into rows of sweeps and back (one row a step).
template <class Real>
struct LateralSeries {
  Index cells = 0, steps = 0;       ///< of the tile, of the block
  const Index* lag = nullptr;       ///< [cell]
  const Index* place = nullptr;     ///< [cell] number of its series
  const Real* share = nullptr;      ///< [cell]; null: 1
  Count distance = 0;               ///< of series
  Count first_step = 0, all_steps = 0;   ///< of the block in the series, length of the series
  Index ahead = 0;                  ///< steps from this block to the next one of the tile: fetched into the cache meanwhile
  Real floor = 0;
  Index stride = 0;                 ///< distance of rows; there are kVectorCells rows more than sweeps
};

/// A probe's dJ/d discharge in a block. Storage form, own readout: added to slot `base`, the sum stands in `slot`.
template <class Real>
struct TileSeed {
  Index cell, lag, base, slot;
  const Real* values;               ///< [step of the block]
};

template <class Real>
struct ConservativeBlock {
  TileGraph graph;
  Index steps = 0;
  LateralBlock<Real> lateral;
  ConservativeCoefficients<Real> cell;
  Real* storage = nullptr;
  Real* inflow = nullptr;           ///< [cell] of a sweep that is not recorded
  Real* flow = nullptr;             ///< rows [sweeps + 1][flow_stride]
  Index flow_stride = 0;
  Real* record = nullptr;           ///< [sweep][field][record_stride]; null: not recorded
  Index record_stride = 0;
  Real dt = 0;
  // Adjoint:
  const Index* downstream = nullptr;   ///< [cell] slot of an adjoint row
  WindowPlaces downstream_window{};
  Real* message = nullptr;             ///< [cell] of a sweep
  Real* adjoint = nullptr;             ///< inflow adjoints, rows [sweeps + 1][adjoint_stride]
  Index adjoint_stride = 0;
  Real* storage_adjoint = nullptr;
  Real* sums[5] = {};                  ///< as ConservativeStepAdjoint: log_depth .. inverse_m
  std::span<const TileSeed<Real>> seeds;
  bool inflow_readout = false;
};

template <class Real>
struct DischargeBlock {
  TileGraph graph;
  Index steps = 0;
  LateralBlock<Real> lateral;
  MuskingumCungeCoefficients<Real> cell;
  Real *state = nullptr, *inflow = nullptr;
  Real *inflow_next = nullptr, *inflow_next_floored = nullptr;   ///< [cell] of a sweep; the same where nothing is floored
  Real *flow = nullptr, *floored = nullptr;   ///< rows [sweeps + 1][flow_stride]; the same array where nothing is floored
  Index flow_stride = 0;
  Real* record = nullptr;
  Index record_stride = 0;
  Real dt = 0, q_min = 0;
  double x = 0;
  // Adjoint:
  const Index* downstream = nullptr;
  WindowPlaces downstream_window{};
  Real* message = nullptr;             ///< [2][cell] of a sweep
  Real *next_adjoint = nullptr, *inflow_adjoint = nullptr;   ///< of I_{t+1} and I_t, rows [sweeps + 2][adjoint_stride]
  Index adjoint_stride = 0;
  Real* state_adjoint = nullptr;
  Real* sums[5] = {};                  ///< as MuskingumCungeStepAdjoint: log2_depth_factor .. velocity_factor
  std::span<const TileSeed<Real>> seeds;
  bool inflow_readout = false;
};

/// A block of the muskingum scheme that is routed reach by reach.
template <class Real>
struct SeriesBlock {
  TileGraph graph;
  Index steps = 0;
  MuskingumCungeCoefficients<Real> cell;
  Real *state = nullptr, *inflow = nullptr;   ///< [cell] at the block's start, then at its end
  Real* flow = nullptr;                       ///< series [slot of a row of outflows][stride]; edges and the zero slot are given
  Count stride = 0;
  LateralSeries<Real> lateral;                ///< place, share, distance, first_step, floor
  const Real* values = nullptr;
  Index hold = 1;
};

/// Sweeps over a block of steps of one tile.
template <class Real>
struct SweepKernels {
  const char* instruction_set;
  void (*lateral_to_rows)(const LateralSeries<Real>&, const Real* values, Real* rows);
  void (*lateral_to_series)(const LateralSeries<Real>&, const Real* rows, Real* values);
  void (*conservative_forward)(const ConservativeBlock<Real>&);
  void (*conservative_adjoint)(const ConservativeBlock<Real>&);
  /// [trapezoid + 2 cunge + 4 positive], and the muskingum scheme last.
  void (*discharge_forward[9])(const DischargeBlock<Real>&);
  void (*discharge_adjoint[9])(const DischargeBlock<Real>&);
  void (*muskingum_series)(const SeriesBlock<Real>&);
};

inline constexpr int kMuskingumForm = 8;

/// The fastest set this processor runs (environment variable DPL_ISA=generic|v3|v4 picks a lower one: same bits).
/// For Device::cpu; the sweeps of GPUs are in device_sweeps.hpp.
template <class Real>
const SweepKernels<Real>& sweep_kernels(Device device);

}  // namespace dpl
