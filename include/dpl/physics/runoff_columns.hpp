// The runoff model's loops on a device: one thread runs one column (a component of a catchment) through the days. Its
// formulas are those of hbv.hpp, in the order in which the tiles of the CPU (runoff_loops.hpp) add: the same bits.
//
// Arrays are in the device's memory. A lane is a column: component * catchments + catchment.
#pragma once

#include <bit>

#include "dpl/physics/device_memory.hpp"
#include "dpl/physics/runoff_kernels.hpp"

namespace dpl {

/// Which parameters of a variant are where.
struct ColumnParameters {
  int parameter[kCellRows];   ///< [member of HbvParameters] its row among the fixed ones; -1: none, or one value a day
  int dynamic[kDynamicRows];  ///< row among those with one value a day; -1: it has none
  int dynamic_rows = 0;
};

/// Of fixed parameters [parameter][lane], areas [km2] and elevations [m] of catchments (2.0; else null).
template <class Real>
struct ColumnCells {
  ColumnParameters where;
  Index catchments = 0, lanes = 0;
  const Real *fixed = nullptr, *area_km2 = nullptr, *elevation_m = nullptr;
  Real* cell = nullptr;                  ///< [kCellRows][lane], made of them
  const Real* cell_adjoint = nullptr;    ///< [kCellRows][lane], order of HbvCellAdjoint
  Real* fixed_adjoint = nullptr;         ///< [parameter][lane], made of it; rows with one value a day are left alone
};

/// What a column reads on its way through the days.
template <class Real>
struct ColumnInputs {
  Index catchments = 0, lanes = 0;
  const Real *precipitation = nullptr, *temperature = nullptr, *pet = nullptr;   ///< [day][catchment]
  const Real* cell = nullptr;                                                    ///< [kCellRows][lane]
  const Real* dynamic[kDynamicRows] = {};   ///< lane 0 of day 0; null: the cell's
  Count dynamic_stride = 0;                 ///< from day to day
};

template <class Real>
struct ColumnForward {
  ColumnInputs<Real> in;
  Count first_day = 0, end_day = 0;
  Real* state = nullptr;                  ///< [kStateRows][lane] at the beginning, then at the end
  Real* tape = nullptr;                   ///< [state on tape][kStateRows][lane]; null: none is kept
  Count tape_from = 0, interval = 0;
  Real *runoff = nullptr, *outputs[kOutputRows] = {};   ///< [day - first_day][lane]; outputs null: not wanted
};

template <class Real>
struct ColumnAdjoint {
  ColumnInputs<Real> in;
  Count days = 0, tape_from = 0, interval = 0;
  const Real* tape = nullptr;
  Real* starts = nullptr;                 ///< [chunk of an interval - 1][kStateRows][lane - first_lane]: scratch
  Index first_lane = 0, end_lane = 0;     ///< that are run
  const Real *runoff_seed = nullptr, *output_seed[kOutputRows] = {};   ///< [day][catchment]; outputs null: 0
  Real share = 1;                         ///< factor of all seeds
  Real *state_adjoint = nullptr, *cell_adjoint = nullptr;   ///< [kStateRows][lane], [kCellRows][lane]
  Real* dynamic_adjoint[kDynamicRows] = {};                 ///< lane 0 of day 0; null: not wanted, or none
};

/// [day][lane] -> [day][catchment]: means over the components, added in their order.
template <class Real>
struct ColumnMeans {
  Index catchments = 0, components = 0;
  Count days = 0;
  const Real* by_lane = nullptr;
  Real* mean = nullptr;
  Real share = 1;
};

// Launches, queued on `device` (cuda or emulated). `form`: of HbvForm0 to HbvForm3.
template <class Real>
void make_cells(Device device, int form, const ColumnCells<Real>& c);
template <class Real>
void make_fixed_adjoint(Device device, int form, const ColumnCells<Real>& c);
template <class Real>
void fill_states(Device device, Real* state, Count n, Real value);
template <class Real>
void run_columns(Device device, int form, bool outputs, const ColumnForward<Real>& f);
template <class Real>
void add_columns(Device device, const ColumnMeans<Real>& m);
template <class Real>
void run_columns_back(Device device, int form, bool output_seeds, const ColumnAdjoint<Real>& a);
/// As RunoffKernels has them; days of a catchment are a thread's. weights_adjoint is overwritten.
template <class Real>
void run_hydrograph(Device device, const HydrographBlock<Real>& b);
template <class Real>
void run_hydrograph_back(Device device, const HydrographBlock<Real>& b);
template <class Real>
void run_hydrograph_weights(Device device, const HydrographBlock<Real>& b);

}  // namespace dpl
