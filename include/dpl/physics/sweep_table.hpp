// The one list of loops a device or instruction set offers. `Runner::run(loop, first, end)` runs a loop body over cells; each
// includer brings a Runner of its own (in an unnamed namespace), so that every set is compiled apart.
#pragma once

#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

template <class Runner>
struct SweepTable {
  template <class Loop>
  static void run(const Loop& loop, Index first, Index end) {
    Runner::run(loop, first, end);
  }
  template <class Real, bool Trapezoid, bool Cunge, bool Positive>
  static void forward(const DischargeForwardArrays<Real>& arrays, Index first, Index end) {
    Runner::run(DischargeForwardLoop<Real, DischargeForm<Trapezoid, Cunge, Positive>>{arrays}, first, end);
  }
  template <class Real, bool Trapezoid, bool Cunge, bool Positive>
  static void adjoint(const DischargeAdjointArrays<Real>& arrays, Index first, Index end) {
    Runner::run(DischargeAdjointLoop<Real, DischargeForm<Trapezoid, Cunge, Positive>>{arrays}, first, end);
  }
  template <class Real>
  static void muskingum_forward(const DischargeForwardArrays<Real>& arrays, Index first, Index end) {
    Runner::run(MuskingumForwardLoop<Real>{arrays}, first, end);
  }
  template <class Real>
  static void muskingum_adjoint(const DischargeAdjointArrays<Real>& arrays, Index first, Index end) {
    Runner::run(MuskingumAdjointLoop<Real>{arrays}, first, end);
  }

  /// Entries of the discharge form: trapezoid + 2 cunge + 4 positive, the muskingum scheme last.
  template <class Real>
  static SweepKernels<Real> of(const char* name) {
    return {name,
            run<GatherLoop<Real>>,
            run<ConservativeForwardLoop<Real>>,
            run<ConservativeAdjointLoop<Real>>,
            {forward<Real, 0, 0, 0>, forward<Real, 1, 0, 0>, forward<Real, 0, 1, 0>, forward<Real, 1, 1, 0>,
             forward<Real, 0, 0, 1>, forward<Real, 1, 0, 1>, forward<Real, 0, 1, 1>, forward<Real, 1, 1, 1>,
             muskingum_forward<Real>},
            {adjoint<Real, 0, 0, 0>, adjoint<Real, 1, 0, 0>, adjoint<Real, 0, 1, 0>, adjoint<Real, 1, 1, 0>,
             adjoint<Real, 0, 0, 1>, adjoint<Real, 1, 0, 1>, adjoint<Real, 0, 1, 1>, adjoint<Real, 1, 1, 1>,
             muskingum_adjoint<Real>}};
  }
};

}  // namespace dpl
