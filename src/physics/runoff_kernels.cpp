// The loops of the runoff model, compiled once for each instruction set (DPL_ISA names the namespace).
#include "dpl/physics/runoff_kernels.hpp"

#include <algorithm>

#include "dpl/physics/runoff_loops.hpp"

#ifndef DPL_ISA
#define DPL_ISA generic
#endif
#define DPL_TEXT(isa) #isa
#define DPL_NAME(isa) DPL_TEXT(isa)

namespace dpl::DPL_ISA {
namespace {

template <class Loop>
void run(const Loop& loop, Index lanes) {
  const Loop body = loop;  // a copy whose pointers the compiler knows nobody changes
#pragma GCC ivdep
  for (Index i = 0; i < lanes; ++i) body(i);
}

template <class Real>
RunoffDay<Real> day_of(const RunoffBlock<Real>& b, Count day) {
  const auto row = [&](DynamicRow k, int cell_row) {
    return b.dynamic[k].values ? b.dynamic[k].row(day) : b.cell + cell_row * kTileLanes;
  };
  return {b.cell, row(kBETA, 0), row(kK0, 4), row(kBETAET, 13), b.precipitation.row(day), b.temperature.row(day),
          b.pet.row(day)};
}

// Components of a catchment come in their order: tiles do, and lanes in a tile.
template <class Real>
void add_to_catchments(const RunoffBlock<Real>& b, const Real* by_lane, Real* by_catchment) {
  Index catchment = b.first_catchment;
  for (Index lane = 0; lane < b.lanes;) {
    const Index n = std::min(b.lanes - lane, b.catchments - catchment);
    Real* sum = by_catchment + catchment;
    const Real* terms = by_lane + lane;
#pragma GCC ivdep
    for (Index i = 0; i < n; ++i) sum[i] += terms[i];
    lane += n;
    catchment = 0;
  }
}

template <class Real, class Form, bool kOutputs>
void forward(const RunoffBlock<Real>& b) {
  alignas(64) Real runoff[kTileLanes];
  alignas(64) Real outputs[kOutputs ? kOutputRows * kTileLanes : 1];
  for (Count day = 0; day < b.days; ++day) {
    run(RunoffForwardLoop<Real, Form, kOutputs>{day_of(b, day), b.state, runoff, outputs}, b.lanes);
    add_to_catchments(b, runoff, b.runoff.row(day));
    if constexpr (kOutputs)
      for (int k = 0; k < kOutputRows; ++k)
        if (b.outputs[k].values) add_to_catchments(b, outputs + k * kTileLanes, b.outputs[k].row(day));
  }
}

template <class Real, class Form>
void record(const RunoffBlock<Real>& b) {
  std::copy_n(b.state, kStateRows * kTileLanes, b.record);
  for (Count day = 0; day < b.days; ++day) {
    Real* row = b.record + day * kRecordRows * kTileLanes;
    run(RunoffRecordLoop<Real, Form>{day_of(b, day), row, row + kRecordRows * kTileLanes}, b.lanes);
  }
}

template <class Real, class Form, bool kOutputs>
void adjoint(const RunoffBlock<Real>& b) {
  for (Count day = b.days - 1; day >= 0; --day) {
    const auto row = [&](DynamicRow k, int cell_row) {
      if (!b.dynamic_adjoint[k].values) return b.cell_adjoint + cell_row * kTileLanes;
      Real* own = b.dynamic_adjoint[k].row(day);
      std::fill_n(own, b.lanes, Real(0));
      return own;
    };
    const Real* kept = b.record + day * kRecordRows * kTileLanes;
    RunoffAdjointLoop<Real, Form, kOutputs> loop{day_of(b, day), kept, kept + kRecordRows * kTileLanes,
                                                 b.runoff_seed.row(day), {}, b.state_adjoint, b.cell_adjoint,
                                                 row(kBETA, 0), row(kK0, 4), row(kBETAET, 13)};
    if constexpr (kOutputs)
      for (int k = 0; k < kOutputRows; ++k) loop.seed[k] = b.output_seed[k].row(day);
    run(loop, b.lanes);
  }
}

template <class Real>
RunoffKernels<Real> make_kernels() {
  RunoffKernels<Real> table{DPL_NAME(DPL_ISA), {}, {}, {}};
  const auto set = [&table]<class Form>(int form, Form) {
    table.forward[form][0] = forward<Real, Form, false>;
    table.forward[form][1] = forward<Real, Form, true>;
    table.record[form] = record<Real, Form>;
    table.adjoint[form][0] = adjoint<Real, Form, false>;
    table.adjoint[form][1] = adjoint<Real, Form, true>;
  };
  set(0, HbvForm0{});
  set(1, HbvForm1{});
  set(2, HbvForm2{});
  set(3, HbvForm3{});
  return table;
}

}  // namespace

const RunoffKernels<float>& single_runoff_kernels() {
  static const RunoffKernels<float> kernels = make_kernels<float>();
  return kernels;
}

const RunoffKernels<double>& double_runoff_kernels() {
  static const RunoffKernels<double> kernels = make_kernels<double>();
  return kernels;
}

}  // namespace dpl::DPL_ISA
