// The loops, compiled once for each instruction set (DPL_ISA names the namespace).
#include "dpl/physics/sweep_kernels.hpp"

#ifndef DPL_ISA
#define DPL_ISA generic
#endif

namespace dpl::DPL_ISA {
namespace {

template <class Loop>
void run(const Loop& loop, Index first, Index end) {
  const Loop body = loop;  // a copy whose pointers the compiler knows nobody changes
#pragma GCC ivdep
  for (Index i = first; i < end; ++i) body(i);
}

template <class Real, class Form>
void forward(const DischargeForwardArrays<Real>& arrays, Index first, Index end) {
  run(DischargeForwardLoop<Real, Form>{arrays}, first, end);
}

template <class Real, class Form>
void adjoint(const DischargeAdjointArrays<Real>& arrays, Index first, Index end) {
  run(DischargeAdjointLoop<Real, Form>{arrays}, first, end);
}

template <class Real>
void muskingum_forward(const DischargeForwardArrays<Real>& arrays, Index first, Index end) {
  run(MuskingumForwardLoop<Real>{arrays}, first, end);
}

template <class Real>
void muskingum_adjoint(const DischargeAdjointArrays<Real>& arrays, Index first, Index end) {
  run(MuskingumAdjointLoop<Real>{arrays}, first, end);
}

#define DPL_NAME(isa) DPL_TEXT(isa)
#define DPL_TEXT(isa) #isa

template <class Real>
constexpr SweepKernels<Real> table() {
  return {DPL_NAME(DPL_ISA),
          run<GatherLoop<Real>>,
          run<ConservativeForwardLoop<Real>>,
          run<ConservativeAdjointLoop<Real>>,
          {forward<Real, DischargeForm<false, false, false>>, forward<Real, DischargeForm<true, false, false>>,
           forward<Real, DischargeForm<false, true, false>>, forward<Real, DischargeForm<true, true, false>>,
           forward<Real, DischargeForm<false, false, true>>, forward<Real, DischargeForm<true, false, true>>,
           forward<Real, DischargeForm<false, true, true>>, forward<Real, DischargeForm<true, true, true>>,
           muskingum_forward<Real>},
          {adjoint<Real, DischargeForm<false, false, false>>, adjoint<Real, DischargeForm<true, false, false>>,
           adjoint<Real, DischargeForm<false, true, false>>, adjoint<Real, DischargeForm<true, true, false>>,
           adjoint<Real, DischargeForm<false, false, true>>, adjoint<Real, DischargeForm<true, false, true>>,
           adjoint<Real, DischargeForm<false, true, true>>, adjoint<Real, DischargeForm<true, true, true>>,
           muskingum_adjoint<Real>}};
}

}  // namespace

const SweepKernels<float>& single_kernels() {
  static constexpr SweepKernels<float> kernels = table<float>();
  return kernels;
}

const SweepKernels<double>& double_kernels() {
  static constexpr SweepKernels<double> kernels = table<double>();
  return kernels;
}

}  // namespace dpl::DPL_ISA
