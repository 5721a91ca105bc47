// The loops of a sweep as GPU kernels: the bodies of sweep_loops.hpp, the same as on the CPU.
// compiled as CUDA too (in a build without CUDA the file is empty)
#ifdef __CUDACC__
#include "dpl/physics/for_each.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace dpl::cuda {
namespace {

template <class Loop>
void run(const Loop& loop, Index first, Index end) {
  for_each_on_device(loop, first, end);
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

template <class Real>
SweepKernels<Real> table() {
  return {"cuda",
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
  static const SweepKernels<float> kernels = table<float>();
  return kernels;
}

const SweepKernels<double>& double_kernels() {
  static const SweepKernels<double> kernels = table<double>();
  return kernels;
}

}  // namespace dpl::cuda
#endif
