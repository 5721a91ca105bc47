// The loop bodies of a sweep: one call handles one cell. The same bodies run in vector loops on the CPU (compiled for each
// instruction set) and as GPU kernels.
#pragma once

#include "dpl/base/types.hpp"
#include "dpl/physics/conservative_routing.hpp"
#include "dpl/physics/muskingum_cunge.hpp"

namespace dpl {

/// `active ? value : old` where a vector may hold cells outside the range of a sweep, `value` where it does not.
template <bool kMasked, class Real>
DPL_HOST_DEVICE Real keep_unless(bool active, Real value, Real old) {
  return kMasked ? select(active, value, old) : value;
}

/// Sums of three and more upstream outflows but the last, in their order; the cell adds the last one.
template <class Real>
struct JunctionLoop {
  const Index *begin, *source;   ///< [junction + 1], slots of the row
  Index first_slot;
  Real* row;
  auto sum(Index junction) const {
    auto sum = row[source[begin[junction]]];
    for (Index s = begin[junction] + 1; s < begin[junction + 1]; ++s) sum += row[source[s]];
    return sum;
  }
  void operator()(Index junction) const { row[first_slot + junction] = sum(junction); }
};

/// Sum of the (at most two) upstream slots; the zero slot stands for a missing one.
template <class Real>
struct GatherLoop {
  const Index *upstream0, *upstream1;
  const Real* above;   ///< outflows [slot] of one sweep earlier
  Real* inflow;
  DPL_HOST_DEVICE void operator()(Index i) const { inflow[i] = above[upstream0[i]] + above[upstream1[i]]; }
};

/// What the cell below says, from its slot in a row of adjoints.
template <class Real>
struct MessageLoop {
  const Index* downstream;
  const Real* below;   ///< adjoints [slot] of one sweep (or two) later
  Real* message;
  DPL_HOST_DEVICE void operator()(Index i) const { message[i] = below[downstream[i]]; }
};

template <class Real>
struct ConservativeCoefficients {
  const Real *log2_depth, *depth_exponent, *log2_travel_time, *diffusion, *inverse_m, *smallest_storage;
  DPL_HOST_DEVICE ConservativeCell<Real> operator[](Index i) const {
    return {log2_depth[i], depth_exponent[i], log2_travel_time[i], diffusion[i], inverse_m[i], smallest_storage[i]};
  }
};

/// What the adjoint reads of a sweep.
template <class Real>
struct ConservativeRecord {
  static constexpr Index kFields = 5;
  Real *inflow, *w, *log2_depth, *depth, *K;   ///< [cell]; the inflow is gathered into it
};

template <class Real, bool kRecord>
struct ConservativeForwardLoop {
  ConservativeCoefficients<Real> cell;
  const Real *inflow, *lateral;   ///< [cell]
  Real *storage, *flow;
  ConservativeRecord<Real> record;
  Real dt;
  template <bool kMasked>
  DPL_HOST_DEVICE void run(Index i, bool active) const {
    const ConservativeCell<Real> c = cell[i];
    const ConservativeGeometry<Real> g = conservative_geometry(c, storage[i], lateral[i], dt);
    const ConservativeStep<Real> next = conservative_step(c, g, storage[i], inflow[i], lateral[i], dt);
    storage[i] = keep_unless<kMasked>(active, next.storage, storage[i]);
    flow[i] = next.discharge;
    if constexpr (!kRecord) return;
    record.w[i] = g.w;
    record.log2_depth[i] = g.log2_depth;
    record.depth[i] = g.depth;
    record.K[i] = g.K;
  }
};

/// Sums of step adjoints; the adjoint of the state runs along. `kHeld`: the lateral inflow holds over several steps, its
/// adjoint is added up.
template <class Real, bool kHeld>
struct ConservativeAdjointLoop {
  ConservativeCoefficients<Real> cell;
  ConservativeRecord<Real> record;
  const Real *lateral, *message;   ///< [cell] message: adjoint of the outflow
  Real *storage_adjoint, *inflow_adjoint, *lateral_adjoint;
  Real *log_depth, *log_depth_log2_depth, *log_travel_time, *diffusion, *inverse_m;
  Real dt;
  template <bool kMasked>
  DPL_HOST_DEVICE void run(Index i, bool active) const {
    const ConservativeGeometry<Real> g{record.w[i], record.log2_depth[i], record.depth[i], record.K[i]};
    const auto a = conservative_step_adjoint(cell[i], g, record.inflow[i], lateral[i], dt, message[i],
                                             storage_adjoint[i]);
    inflow_adjoint[i] = a.inflow;
    const auto set = [active](Real& to, Real value) { to = keep_unless<kMasked>(active, value, to); };
    set(lateral_adjoint[i], kHeld ? lateral_adjoint[i] + a.lateral : a.lateral);
    set(storage_adjoint[i], a.storage);
    set(log_depth[i], log_depth[i] + a.log_depth);
    set(log_depth_log2_depth[i], log_depth_log2_depth[i] + a.log_depth_log2_depth);
    set(log_travel_time[i], log_travel_time[i] + a.log_travel_time);
    set(diffusion[i], diffusion[i] + a.diffusion);
    set(inverse_m[i], inverse_m[i] + a.inverse_m);
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

/// The unfloored solution goes downstream, the floored one is the state. NaN stays NaN, and minus infinity becomes NaN:
/// a state that stopped being finite must not look finite again one step later.
template <class Real>
DPL_HOST_DEVICE Real floored_discharge(Real raw, Real q_min) {
  return raw < q_min ? raw - raw + q_min : raw;  // raw - raw is 0 where raw is finite
}

/// What the adjoint reads of a sweep; the unfloored Q_{t+1} is read from the outflows. Fixed coefficients need no powers.
template <class Real>
struct DischargeRecord {
  static constexpr Index kFields = 7, kFixedFields = 3;
  Real *inflow_next, *state, *inflow;   ///< [cell] unfloored I_{t+1} (gathered into it), floored Q_t, floored I_t
  Real *log2_discharge, *depth, *top, *radius_power;
};

template <class Real>
struct DischargeForwardArrays {
  MuskingumCungeCoefficients<Real> cell;
  const Real *inflow_next, *inflow_next_floored, *lateral;   ///< [cell] I_{t+1} of unfloored and floored outflows
  Real *inflow, *state, *flow, *flow_floored;    ///< I_t, floored Q_t, unfloored and floored Q_{t+1}
  DischargeRecord<Real> record;
  Real dt, q_min;
  double x;
};

template <class Real, bool kRecord, class Form>
struct DischargeForwardLoop : DischargeForwardArrays<Real> {
  template <bool kMasked>
  DPL_HOST_DEVICE void run(Index i, bool active) const {
    const Real state = this->state[i], inflow = this->inflow[i];
    ChannelPowers<Real> powers;
    const Real next =
        Form::step(*this, i, state, this->inflow_next[i], inflow, this->lateral[i], kRecord ? &powers : nullptr);
    const Real floored = Form::kFixed ? next : floored_discharge(next, this->q_min);
    this->flow[i] = next;
    if constexpr (!Form::kFixed) this->flow_floored[i] = floored;
    this->state[i] = keep_unless<kMasked>(active, floored, state);
    this->inflow[i] = keep_unless<kMasked>(active, this->inflow_next_floored[i], inflow);
    if constexpr (!kRecord) return;
    this->record.state[i] = state;
    this->record.inflow[i] = inflow;
    if constexpr (Form::kFixed) return;
    this->record.log2_discharge[i] = powers.log2_discharge;
    this->record.depth[i] = powers.depth;
    this->record.top[i] = powers.top;
    this->record.radius_power[i] = powers.radius_power;
  }
};

/// Adjoint of the discharge form. What the downstream cell (or a cut edge) says of the unfloored Q_{t+1} comes in `next` and
/// `floored`; seed and `state_adjoint` are of the floored one and pass only where the floor did not bind.
template <class Real>
struct DischargeAdjointArrays {
  MuskingumCungeCoefficients<Real> cell;
  const Real *next_below, *floored_below;         ///< [cell] adjoints of I_{t+1} and of the floored I_{t+1} there
  DischargeRecord<Real> record;
  const Real *lateral, *flow;                     ///< flow: unfloored Q_{t+1}
  Real *state_adjoint, *next_adjoint, *inflow_adjoint, *lateral_adjoint;
  Real *log2_depth_factor, *depth_exponent, *log2_width, *q, *velocity_factor;
  Real dt, q_min;
  double x;
};

/// What goes upstream over an edge: one number, put together the same way by a cell and by a cut edge.
template <class Real>
DPL_HOST_DEVICE Real discharge_message(Real next_adjoint, Real floored_adjoint, Real raw, Real q_min) {
  return next_adjoint + (raw < q_min ? Real(0) : floored_adjoint);
}

template <class Real, bool kHeld, class Form>
struct DischargeAdjointLoop : DischargeAdjointArrays<Real> {
  template <bool kMasked>
  DPL_HOST_DEVICE void run(Index i, bool active) const {
    const Real raw = this->flow[i], lateral = this->lateral[i];
    const Real message = discharge_message(this->next_below[i], this->floored_below[i], raw, this->q_min);
    const Real down = message + (raw < this->q_min ? Real(0) : this->state_adjoint[i]);
    const auto a = Form::adjoint(*this, i, down);
    const auto set = [active](Real& to, Real value) { to = keep_unless<kMasked>(active, value, to); };
    this->next_adjoint[i] = a.inflow_next;
    set(this->inflow_adjoint[i], a.inflow);  // a row may hold the next block's I_t of cells that have no step here
    const Real free = lateral > this->q_min ? a.lateral : Real(0);
    set(this->lateral_adjoint[i], kHeld ? this->lateral_adjoint[i] + free : free);
    set(this->state_adjoint[i], a.discharge);
    set(this->log2_depth_factor[i], this->log2_depth_factor[i] + a.log2_depth_factor);
    set(this->depth_exponent[i], this->depth_exponent[i] + a.depth_exponent);
    if constexpr (Form::kFixed) return;
    set(this->log2_width[i], this->log2_width[i] + a.log2_width);
    set(this->q[i], this->q[i] + a.q);
    set(this->velocity_factor[i], this->velocity_factor[i] + a.velocity_factor);
  }
};

/// Which formulas of the discharge form; compile-time, so that loops hold no switch.
template <bool kTrapezoid, bool kCunge, bool kPositive>
struct ChannelForm {
  static constexpr bool kFixed = false;
  static DPL_HOST_DEVICE MuskingumCungeOptions options(double x) { return {kTrapezoid, kCunge, kPositive, x}; }
  template <class Real>
  static DPL_HOST_DEVICE Real step(const DischargeForwardArrays<Real>& a, Index i, Real state, Real inflow_next, Real inflow,
                                   Real lateral, ChannelPowers<Real>* powers) {
    return muskingum_cunge_step(a.cell[i], a.cell.slope[i], state, inflow_next, inflow, lateral, a.dt, options(a.x), powers);
  }
  template <class Real>
  static DPL_HOST_DEVICE MuskingumCungeStepAdjoint<Real> adjoint(const DischargeAdjointArrays<Real>& a, Index i, Real down) {
    const DischargeRecord<Real>& r = a.record;
    const ChannelPowers<Real> powers{r.log2_discharge[i], r.depth[i], r.top[i], r.radius_power[i]};
    return muskingum_cunge_step_adjoint(a.cell[i], a.cell.slope[i], r.state[i], r.inflow_next[i], r.inflow[i], a.lateral[i],
                                        a.dt, options(a.x), down, &powers);
  }
};

/// Fixed K and X. The places of the other coefficients hold what follows from them: C1, C2, C3, C4 and 1 / D.
struct FixedForm {
  static constexpr bool kFixed = true;
  template <class Real>
  static DPL_HOST_DEVICE Real step(const DischargeForwardArrays<Real>& a, Index i, Real state, Real inflow_next, Real inflow,
                                   Real lateral, ChannelPowers<Real>*) {
    return step(a.cell, i, state, inflow_next, inflow, lateral);
  }
  template <class Real>
  static DPL_HOST_DEVICE MuskingumCungeStepAdjoint<Real> adjoint(const DischargeAdjointArrays<Real>& a, Index i, Real down) {
    const Real K = a.cell.log2_depth_factor[i], X = a.cell.depth_exponent[i], inverse_D = a.cell.slope[i];
    const Real state = a.record.state[i], inflow_next = a.record.inflow_next[i], inflow = a.record.inflow[i];
    const auto s = muskingum_step_adjoint(K, X, inverse_D, step(a.cell, i, state, inflow_next, inflow, a.lateral[i]), state,
                                          inflow_next, inflow, a.dt, down);
    return {s.discharge, s.inflow_next, s.inflow, s.lateral, s.K, s.X, Real(0), Real(0), Real(0)};
  }

 private:
  template <class Real>
  static DPL_HOST_DEVICE Real step(const MuskingumCungeCoefficients<Real>& c, Index i, Real state, Real inflow_next,
                                   Real inflow, Real lateral) {
    // The state last: all else can be done beforehand (series_sweep.hpp).
    return multiply_add(c.velocity_factor[i], state,
                        multiply_add(c.log2_width[i], inflow_next, multiply_add(c.q[i], inflow, c.length[i] * lateral)));
  }
};

}  // namespace dpl
