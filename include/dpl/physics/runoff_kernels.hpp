// What the loops over a tile of columns read and write, and the table of loops for each instruction set; one set is
// chosen when the program starts.
#pragma once

#include "dpl/base/types.hpp"
#include "dpl/physics/hbv.hpp"

namespace dpl {

/// Lanes that are run together: what a day touches of them stays in the first-level cache.
inline constexpr Index kTileLanes = 128;
/// Days between states on tape; the adjoint makes the days between again, in the second-level cache.
inline constexpr Count kChunkDays = 16;

/// Lanes that loops run in one go: a tile's last ones may be padding.
inline constexpr Index kVectorLanes = 16;

/// Numbers of rows of HbvCell and HbvCellAdjoint, of HbvState, of outputs.
inline constexpr int kCellRows = 17, kStateRows = 5, kOutputRows = 8;

/// Rows of a day: the state at its beginning, and what its loops hand on. Those with a logarithm and kSLZRisen are
/// there only where the day is recorded for the adjoint.
enum RecordRow { kSP, kMW, kSM, kSUZ, kSLZ, kWater, kRechargeShare, kDrained, kRecharge, kEvaporation, kLog2Wetness,
                 kLog2Dryness, kSLZRisen, kRecordRows };

/// Index of a parameter with one value a day.
enum DynamicRow { kBETA, kK0, kBETAET, kDynamicRows };

/// Rows of days: `values` at the first day of a block and the first lane of a tile.
template <class Pointer>
struct DayRows {
  Pointer values{};       ///< null: none
  Count stride = 0;
  Pointer row(Count day) const { return values + day * stride; }
};

/// A tile and a run of days. Rows by lane of a tile are kTileLanes apart.
template <class Real>
struct RunoffBlock {
  Index lanes = 0;
  Count days = 0;
  Count days_before = 0, days_after = 0;  ///< that the rows go on: they are fetched into the cache ahead
  DayRows<const Real*> precipitation, temperature, pet;   ///< by lane
  const Real* cell = nullptr;                             ///< [kCellRows], order of HbvCell
  DayRows<const Real*> dynamic[kDynamicRows];             ///< by lane; null: the cell's
  Real* state = nullptr;                                  ///< [kStateRows]; begin and end of forward
  Real* record = nullptr;  ///< [days + 1][kRecordRows]; the last day holds the state only
  // Forward: sums over components, added by catchment (lane i belongs to (first_catchment + i) % catchments).
  Index first_catchment = 0, catchments = 1;
  DayRows<Real*> runoff, outputs[kOutputRows];            ///< by catchment; null: not wanted
  // Adjoint:
  DayRows<const Real*> runoff_seed, output_seed[kOutputRows];   ///< by lane, runoff always
  Real* state_adjoint = nullptr;                          ///< [kStateRows]
  Real* cell_adjoint = nullptr;                           ///< [kCellRows], order of HbvCellAdjoint; added to
  DayRows<Real*> dynamic_adjoint[kDynamicRows];           ///< by lane; overwritten; null: not wanted, or not dynamic
};

/// Arrays [day][catchment] and weights [k][catchment] of a unit hydrograph (unit_hydrograph.hpp).
template <class Real>
struct HydrographBlock {
  const Real* weights = nullptr;
  Count days = 0, catchments = 0;
  int length = 0;                 ///< weights of a catchment
  const Real *x = nullptr, *y_adjoint = nullptr;
  Real *y = nullptr, *x_adjoint = nullptr;     ///< overwritten
  double* weights_adjoint = nullptr;           ///< added to
};

template <class Real>
struct RunoffKernels {
  const char* instruction_set;
  void (*convolve)(const HydrographBlock<Real>&);             ///< y of x
  void (*convolve_adjoint)(const HydrographBlock<Real>&);     ///< x_adjoint of y_adjoint
  void (*convolve_weights)(const HydrographBlock<Real>&);     ///< weights_adjoint of x, y_adjoint
  /// [form][further outputs wanted]
  void (*forward[4][2])(const RunoffBlock<Real>&);
  /// [form]: from `state`, makes `record`
  void (*record[4])(const RunoffBlock<Real>&);
  /// [form][further seeds given]: from `record`
  void (*adjoint[4][2])(const RunoffBlock<Real>&);
};

/// Forms: 1.0; 1.0 with BETAET; 1.1p; 2.0.
using HbvForm0 = HbvForm<false, false, false>;
using HbvForm1 = HbvForm<true, false, false>;
using HbvForm2 = HbvForm<true, true, false>;
using HbvForm3 = HbvForm<true, true, true>;

/// The set that the routing's loops use too (environment variable DPL_ISA).
template <class Real>
const RunoffKernels<Real>& runoff_kernels();
template <>
const RunoffKernels<float>& runoff_kernels<float>();
template <>
const RunoffKernels<double>& runoff_kernels<double>();

}  // namespace dpl
