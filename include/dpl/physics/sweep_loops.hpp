// The loop bodies of a sweep: one call handles one cell. The same bodies run in vector loops on the CPU (compiled for each
// instruction set) and as GPU kernels.
#pragma once

#include "dpl/base/types.hpp"
#include "dpl/physics/conservative_routing.hpp"
#include "dpl/physics/muskingum_cunge.hpp"

namespace dpl {

/// Sum of the first two upstream slots; the zero slot stands for a missing one.
template <class Real>
struct GatherLoop {
  const Index *upstream0, *upstream1;
  const Real* flow;
  Real* inflow;
  DPL_HOST_DEVICE void operator()(Index i) const { inflow[i] = flow[upstream0[i]] + flow[upstream1[i]]; }
};

template <class Real>
struct ConservativeCoefficients {
  const Real *log2_depth, *depth_exponent, *log2_travel_time, *diffusion, *inverse_m, *smallest_storage;
  DPL_HOST_DEVICE ConservativeCell<Real> operator[](Index i) const {
    return {log2_depth[i], depth_exponent[i], log2_travel_time[i], diffusion[i], inverse_m[i], smallest_storage[i]};
  }
};

template <class Real>
struct ConservativeForwardLoop {
  ConservativeCoefficients<Real> cell;
  const Real *inflow, *lateral;
  Real *storage, *flow;
  Real dt;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const ConservativeStep<Real> next = conservative_step(cell[i], storage[i], inflow[i], lateral[i], dt);
    storage[i] = next.storage;
    flow[i] = next.discharge;
  }
};

/// Sums of step adjoints; the adjoint of the state runs along.
template <class Real>
struct ConservativeAdjointLoop {
  ConservativeCoefficients<Real> cell;
  const Real *storage, *inflow, *lateral;   ///< recorded at this sweep
  const Real* discharge_adjoint;
  Real *storage_adjoint, *inflow_adjoint, *lateral_adjoint;
  Real *log_depth, *log_depth_log2_depth, *log_travel_time, *diffusion, *inverse_m;
  Real dt;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const auto a = conservative_step_adjoint(cell[i], storage[i], inflow[i], lateral[i], dt, discharge_adjoint[i],
                                             storage_adjoint[i]);
    storage_adjoint[i] = a.storage;
    inflow_adjoint[i] = a.inflow;
    lateral_adjoint[i] = a.lateral;
    log_depth[i] += a.log_depth;
    log_depth_log2_depth[i] += a.log_depth_log2_depth;
    log_travel_time[i] += a.log_travel_time;
    diffusion[i] += a.diffusion;
    inverse_m[i] += a.inverse_m;
  }
};

/// Cells of the discharge form. For the muskingum scheme K and X take the first two places.
template <class Real>
struct MuskingumCungeCoefficients {
  const Real *log2_depth_factor, *depth_exponent, *log2_width, *q, *velocity_factor, *length, *slope;
  DPL_HOST_DEVICE MuskingumCungeCell<Real> operator[](Index i) const {
    return {log2_depth_factor[i], depth_exponent[i], log2_width[i], q[i], velocity_factor[i], length[i]};
  }
};

/// Which kernel of the discharge form; compile-time, so that loops hold no switch.
template <bool Trapezoid, bool Cunge, bool Positive>
struct DischargeForm {
  static DPL_HOST_DEVICE MuskingumCungeOptions options(double x) { return {Trapezoid, Cunge, Positive, x}; }
};

/// The unfloored solution goes downstream, the floored one is the state. NaN stays NaN.
template <class Real>
DPL_HOST_DEVICE Real floored_discharge(Real raw, Real q_min) {
  return raw < q_min ? q_min : raw;
}

template <class Real>
struct DischargeForwardArrays {
  MuskingumCungeCoefficients<Real> cell;
  const Real *inflow_next, *inflow_next_floored, *lateral;
  Real *inflow, *state, *flow;   ///< I_t, floored Q_t, unfloored Q_{t+1}
  Real dt, q_min;
  double x;
};

template <class Real, class Form>
struct DischargeForwardLoop : DischargeForwardArrays<Real> {
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Real next = muskingum_cunge_step(this->cell[i], this->cell.slope[i], this->state[i], this->inflow_next[i],
                                           this->inflow[i], this->lateral[i], this->dt, Form::options(this->x));
    this->flow[i] = next;
    this->state[i] = floored_discharge(next, this->q_min);
    this->inflow[i] = this->inflow_next_floored[i];
  }
};

template <class Real>
struct MuskingumForwardLoop : DischargeForwardArrays<Real> {
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Real next = muskingum_step(this->cell.log2_depth_factor[i], this->cell.depth_exponent[i], this->state[i],
                                     this->inflow_next[i], this->inflow[i], this->lateral[i], this->dt);
    this->flow[i] = next;
    this->state[i] = next;
    this->inflow[i] = this->inflow_next_floored[i];
  }
};

/// Adjoint of the discharge form. `message` is what the downstream cell (or rank) says of the unfloored Q_{t+1}; `seed` and
/// `state_adjoint` are of the floored one and pass only where the floor did not bind.
template <class Real>
struct DischargeAdjointArrays {
  MuskingumCungeCoefficients<Real> cell;
  const Real *state, *inflow, *inflow_next, *lateral;   ///< recorded at this sweep
  const Index* downstream;                              ///< cell or zero slot
  const Real* next_of_downstream;                       ///< adjoint of I_{t+1} there
  const Real* floored_of_downstream;                    ///< adjoint of the floored I_{t+1} there, from its step t + 1
  const Real* cut_message;                              ///< whole message for cells at cut edges, 0 elsewhere
  const Real* seed;
  Real *state_adjoint, *inflow_next_adjoint, *inflow_adjoint, *lateral_adjoint;
  Real *log2_depth_factor, *depth_exponent, *log2_width, *q, *velocity_factor;
  Real dt, q_min;
  double x;
};

/// What goes upstream over an edge: one number, put together the same way by a cell and by a cut edge.
template <class Real>
DPL_HOST_DEVICE Real discharge_message(Real next_adjoint, Real floored_adjoint, Real raw, Real q_min) {
  return next_adjoint + (raw < q_min ? Real(0) : floored_adjoint);
}

template <class Real>
DPL_HOST_DEVICE Real discharge_adjoint_here(const DischargeAdjointArrays<Real>& a, Index i, Real raw, Real next_of_down,
                                            Real floored_of_down) {
  const Real message = discharge_message(next_of_down, floored_of_down, raw, a.q_min) + a.cut_message[i];
  const Real own = a.seed[i] + a.state_adjoint[i];
  return message + (raw < a.q_min ? Real(0) : own);
}

template <class Real, class Form>
struct DischargeAdjointLoop : DischargeAdjointArrays<Real> {
  DPL_HOST_DEVICE void operator()(Index i) const {
    const auto o = Form::options(this->x);
    const Real raw = muskingum_cunge_step(this->cell[i], this->cell.slope[i], this->state[i], this->inflow_next[i],
                                          this->inflow[i], this->lateral[i], this->dt, o);
    const Real down = discharge_adjoint_here(*this, i, raw, this->next_of_downstream[i], this->floored_of_downstream[i]);
    const auto a = muskingum_cunge_step_adjoint(this->cell[i], this->cell.slope[i], this->state[i], this->inflow_next[i],
                                                this->inflow[i], this->lateral[i], this->dt, o, down);
    this->state_adjoint[i] = a.discharge;
    this->inflow_next_adjoint[i] = a.inflow_next;
    this->inflow_adjoint[i] = a.inflow;
    this->lateral_adjoint[i] = a.lateral;
    this->log2_depth_factor[i] += a.log2_depth_factor;
    this->depth_exponent[i] += a.depth_exponent;
    this->log2_width[i] += a.log2_width;
    this->q[i] += a.q;
    this->velocity_factor[i] += a.velocity_factor;
  }
};

template <class Real>
struct MuskingumAdjointLoop : DischargeAdjointArrays<Real> {
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Real K = this->cell.log2_depth_factor[i], X = this->cell.depth_exponent[i];
    const Real down = this->next_of_downstream[i] + this->floored_of_downstream[i] + this->cut_message[i] +
                      (this->seed[i] + this->state_adjoint[i]);
    const auto a = muskingum_step_adjoint(K, X, this->state[i], this->inflow_next[i], this->inflow[i], this->lateral[i],
                                          this->dt, down);
    this->state_adjoint[i] = a.discharge;
    this->inflow_next_adjoint[i] = a.inflow_next;
    this->inflow_adjoint[i] = a.inflow;
    this->lateral_adjoint[i] = a.lateral;
    this->log2_depth_factor[i] += a.K;
    this->depth_exponent[i] += a.X;
  }
};

}  // namespace dpl
