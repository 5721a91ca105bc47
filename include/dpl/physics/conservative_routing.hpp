// The default scheme: Muskingum-Cunge in storage form, one reach and one step, with its adjoint below it.
//
// State is the storage s [m3] of the reach; all flows are means over the step. Storage is K [X I + (1 - X) Q -
// (1/2 - X) q'], linearised about w / L at mid-step; with X <= Cr/2 and X <= 1 - Cr/2 neither outflow nor storage can
// become negative, and water is conserved to rounding. Found for this project; related: Cunge 1969, Todini 2007.
#pragma once

#include "dpl/physics/channel_adjoint.hpp"
#include "dpl/physics/vector_math.hpp"

namespace dpl {

/// What a step needs of a reach, computed once per window from n, p, q, length and slope (see
/// conservative_coefficients).
template <class T>
struct ConservativeCell {
  T log2_depth;        ///< log2 of the depth at a storage of 1 m3: log2((q + 1) / (p L)) / (q + 1)
  T depth_exponent;    ///< 1 / (q + 1): depth d = (w (q + 1) / (p L))^(1 / (q + 1))
  T log2_travel_time;  ///< log2 of K at a depth of 1 m: (2/3) log2(q + 1) - log2(m sqrt(S) / (n L)); K = 2^this
                       ///< d^(-2/3)
  T diffusion;         ///< 3 / ((5 + 3 q) S L): lambda / L = diffusion d
  T inverse_m;         ///< velocity / celerity = 3 (1 + q) / (5 + 3 q)
  T smallest_storage;  ///< kSmallestArea L [m3]
};

template <class T>
struct ConservativeStep {
  T discharge;  ///< mean outflow over the step [m3/s]
  T storage;    ///< at the end of the step [m3]
};

/// Smallest flow area [m2]; below it the depth is that of this area.
inline constexpr double kSmallestArea = 1e-6;

/// Depth and travel time at mid-step: what the adjoint keeps of a step, so that it needs no logarithm and no power.
template <class T>
struct ConservativeGeometry {
  T w;  ///< storage at mid-step s + (dt/2) q' [m3]
  T log2_depth, depth, K;
};

template <class T>
DPL_HOST_DEVICE ConservativeGeometry<T> conservative_geometry(const ConservativeCell<T>& c, T storage, T lateral, T dt) {
  ConservativeGeometry<T> g;
  g.w = multiply_add(T(dt * T(0.5)), lateral, storage);
  g.log2_depth = multiply_add(log2_of(larger(g.w, c.smallest_storage)), c.depth_exponent, c.log2_depth);
  g.depth = exp2_of(g.log2_depth);
  g.K = exp2_of(multiply_add(g.log2_depth, T(-2.0 / 3.0), c.log2_travel_time));
  return g;
}

/// Everything between geometry and Q, s; shared by the step and its adjoint.
template <class T>
struct ConservativeClosure {
  T half_K;
  T relative_lambda, diffusive, cap;  ///< lambda / L; Y = min(diffusive, cap), cap = min(K - dt/2, dt/2)
  T Y, D;
};

template <class T>
DPL_HOST_DEVICE ConservativeClosure<T> conservative_closure(const ConservativeCell<T>& c,
                                                            const ConservativeGeometry<T>& g, T dt) {
  const T half = dt * T(0.5);
  ConservativeClosure<T> r;
  r.half_K = g.K * T(0.5);
  r.relative_lambda = c.diffusion * g.depth;
  // Y = K X. Written with Y and not X: dt/2 - K X would be a rounding residual that can be negative.
  r.diffusive = multiply_add(-r.half_K, r.relative_lambda, r.half_K);
  r.cap = smaller(T(g.K - half), half);
  r.Y = smaller(r.diffusive, r.cap);
  r.D = g.K - r.Y + half;
  return r;
}

/// Weights of the numerators and the share of the storage that stays.
template <class T>
struct ConservativeTerms {
  T inflow_weight, lateral_weight, mass_weight;  ///< dt/2 - Y, K/2 - Y, K/2 + (dt/2)(1 - 1/m); all >= 0
  T dt_over_D, stays;                            ///< dt / D <= 1, 1 - dt / (m D) >= 1/4
};

template <class T>
DPL_HOST_DEVICE ConservativeTerms<T> conservative_terms(const ConservativeCell<T>& c, const ConservativeClosure<T>& r,
                                                        T inverse_D, T dt) {
  const T half = dt * T(0.5);
  ConservativeTerms<T> t;
  t.inflow_weight = half - r.Y;
  t.lateral_weight = r.half_K - r.Y;
  t.mass_weight = multiply_add(-half, c.inverse_m, T(half + r.half_K));
  t.dt_over_D = dt * inverse_D;
  t.stays = multiply_add(-c.inverse_m, t.dt_over_D, T(1));
  return t;
}

/// One step from its geometry.
/// Q = [w/m + (dt/2 - Y) I + (K/2 - Y) q'] / D,
/// s <- s (1 - dt/(m D)) + (dt/D) [K I + (K/2 + (dt/2)(1 - 1/m)) q'], every term >= 0 (= s + dt (I + q' - Q)).
/// @param storage [m3] >= 0  @param inflow I [m3/s]  @param lateral q' [m3/s] >= 0  @param dt [s]
template <class T>
DPL_HOST_DEVICE ConservativeStep<T> conservative_step(const ConservativeCell<T>& c, const ConservativeGeometry<T>& g,
                                                      T storage, T inflow, T lateral, T dt) {
  const ConservativeClosure<T> r = conservative_closure(c, g, dt);
  const T inverse_D = T(1) / r.D;
  const ConservativeTerms<T> t = conservative_terms(c, r, inverse_D, dt);
  const T flow =  // Q D
      multiply_add(g.w, c.inverse_m, multiply_add(t.inflow_weight, inflow, T(t.lateral_weight * lateral)));
  const T mass = multiply_add(g.K, inflow, T(t.mass_weight * lateral));  // change of storage, + dt s / (m D), times D / dt
  ConservativeStep<T> next;
  next.discharge = flow * inverse_D;
  next.storage = multiply_add(storage, t.stays, T(t.dt_over_D * mass));
  return next;
}

template <class T>
DPL_HOST_DEVICE ConservativeStep<T> conservative_step(const ConservativeCell<T>& c, T storage, T inflow, T lateral, T dt) {
  return conservative_step(c, conservative_geometry(c, storage, lateral, dt), storage, inflow, lateral, dt);
}

/// Adjoints of everything a step reads. Those of the logarithmic coefficients are per natural logarithm of depth and K.
template <class T>
struct ConservativeStepAdjoint {
  T storage, inflow, lateral;
  T log_depth;             ///< of the offset log2_depth
  T log_depth_log2_depth;  ///< the same times log2 of the depth: what the exponent's derivative is made of
  T log_travel_time, diffusion, inverse_m;
};

template <class T>
DPL_HOST_DEVICE ConservativeStepAdjoint<T> conservative_step_adjoint(const ConservativeCell<T>& c,
                                                                     const ConservativeGeometry<T>& g, T inflow,
                                                                     T lateral, T dt, T discharge_adjoint,
                                                                     T storage_adjoint) {
  const ConservativeClosure<T> r = conservative_closure(c, g, dt);
  const T wet = larger(g.w, c.smallest_storage);
  const T inverse = T(1) / (r.D * wet);  // one division for both
  const T inverse_D = inverse * wet, inverse_wet = inverse * r.D;
  const ConservativeTerms<T> t = conservative_terms(c, r, inverse_D, dt);
  const T half = dt * T(0.5), half_lateral = lateral * T(0.5);

  // Q = flow / D; s' = stays s + (dt/D) mass.
  const T flow_adjoint = discharge_adjoint * inverse_D;
  const T mass_adjoint = storage_adjoint * t.dt_over_D;
  ConservativeStepAdjoint<T> a;
  a.inflow = multiply_add(flow_adjoint, t.inflow_weight, T(mass_adjoint * g.K));
  const T own_lateral = multiply_add(flow_adjoint, t.lateral_weight, T(mass_adjoint * t.mass_weight));
  a.inverse_m = multiply_add(flow_adjoint, g.w, T(-mass_adjoint * g.w));
  // Numerators and D = K - Y + dt/2 taken together: what they have in common cancels on paper, not in rounding.
  const T leaving_adjoint = multiply_add(-storage_adjoint, dt, discharge_adjoint) * inverse_D * inverse_D;
  const T from_storage = g.w * c.inverse_m;
  const T by_K = multiply_add(half_lateral, T(half + r.Y), multiply_add(-t.inflow_weight, inflow, T(-from_storage)));
  const T by_Y = multiply_add(-g.K, inflow, multiply_add(T(-half - r.half_K), lateral, from_storage));
  T K_adjoint = leaving_adjoint * by_K;
  const T Y_adjoint = leaving_adjoint * by_Y;

  // Y = min(diffusive, cap), cap = min(K - dt/2, dt/2).
  const T through_diffusion = select(r.diffusive <= r.cap, Y_adjoint, T(0));
  const T through_cap = select(g.K - half < half, T(Y_adjoint - through_diffusion), T(0));
  K_adjoint =
      multiply_add(through_diffusion, multiply_add(T(-0.5), r.relative_lambda, T(0.5)), K_adjoint) + through_cap;
  a.diffusion = -through_diffusion * r.half_K * g.depth;

  // K = 2^log2_travel_time d^(-2/3); d = 2^(log2 w depth_exponent + log2_depth).
  a.log_travel_time = K_adjoint * g.K;
  a.log_depth = multiply_add(a.log_travel_time, T(-2.0 / 3.0), T(a.diffusion * c.diffusion));
  a.log_depth_log2_depth = a.log_depth * g.log2_depth;
  const T from_depth = select(g.w > c.smallest_storage, T(a.log_depth * c.depth_exponent * inverse_wet), T(0));
  const T w_adjoint = multiply_add(flow_adjoint, c.inverse_m, from_depth);
  a.storage = multiply_add(storage_adjoint, t.stays, w_adjoint);
  a.lateral = multiply_add(half, w_adjoint, own_lateral);
  return a;
}

template <class T>
DPL_HOST_DEVICE ConservativeStepAdjoint<T> conservative_step_adjoint(const ConservativeCell<T>& c, T storage, T inflow,
                                                                     T lateral, T dt, T discharge_adjoint,
                                                                     T storage_adjoint) {
  return conservative_step_adjoint(c, conservative_geometry(c, storage, lateral, dt), inflow, lateral, dt,
                                   discharge_adjoint, storage_adjoint);
}

/// Coefficients of a reach. @param length [m] of the sub-reach  @param slope [-] > 0  @param n [s m^-1/3]  @param p
/// [m^(1-q)]
/// @param q [-]: top width T = p d^q.
template <class T>
DPL_HOST_DEVICE ConservativeCell<T> conservative_coefficients(T length, T slope, T n, T p, T q) {
  const T q1 = q + T(1), k = T(5) + T(3) * q;
  ConservativeCell<T> c;
  c.depth_exponent = T(1) / q1;
  c.log2_depth = log2_of(T(q1 / (p * length))) * c.depth_exponent;
  c.log2_travel_time = T(2.0 / 3.0) * log2_of(q1) - log2_of(T(k / (T(3) * q1) * square_root(slope) / (n * length)));
  c.diffusion = T(3) / (k * slope * length);
  c.inverse_m = T(3) * q1 / k;
  c.smallest_storage = T(kSmallestArea) * length;
  return c;
}

/// From sums of step adjoints over a window to n, p, q.
template <class T>
DPL_HOST_DEVICE ChannelAdjoint<T> conservative_coefficients_adjoint(const ConservativeCell<T>& c, T n, T p, T q,
                                                                    T log_depth, T log_depth_log2_depth,
                                                                    T log_travel_time, T diffusion, T inverse_m) {
  const T q1 = q + T(1), k = T(5) + T(3) * q, ln2 = T(0.693147180559945309417), e = c.depth_exponent;
  ChannelAdjoint<T> a;
  a.n = log_travel_time / n;
  a.p = -log_depth * e / p;
  a.q = (log_depth * e - log_depth_log2_depth * ln2) * e;  // ln d = e ln(w (q+1) / (p L)), de/dq = -e^2
  a.q = a.q + log_travel_time * (T(5.0 / 3.0) / q1 - T(3) / k);
  a.q = a.q - diffusion * c.diffusion * T(3) / k;
  a.q = a.q + inverse_m * T(6) / (k * k);  // d (3 q1 / k) = 6 / k^2
  return a;
}

/// Storage at the start, s_0 = L A(x), x = Q_0 - q'_0 / 2 [m3/s] >= 0, where A(x) inverts x = A v:
/// d = [x n (q+1)^(5/3) / (p sqrt(S))]^(3/(5+3q)), A = p d^(q+1)/(q+1); below kSmallestArea A = x / v(kSmallestArea).
template <class T>
DPL_HOST_DEVICE T conservative_start(T length, T slope, T n, T p, T q, T x) {
  const T q1 = q + T(1), e = T(3) / (T(5) + T(3) * q);
  const T positive = larger(x, T(1e-30));
  const T log2_depth = e * (log2_of(T(positive * n / (p * square_root(slope)))) + T(5.0 / 3.0) * log2_of(q1));
  const T area = exp2_of(T(q1 * log2_depth)) * p / q1;
  const T smallest_log2_depth = log2_of(T(T(kSmallestArea) * q1 / p)) / q1;
  const T smallest_velocity = exp2_of(T(T(2.0 / 3.0) * (smallest_log2_depth - log2_of(q1)))) * square_root(slope) / n;
  return length * select(area < T(kSmallestArea), T(x / smallest_velocity), area);
}

template <class T>
struct ConservativeStartAdjoint {
  T x, n, p, q;
};

template <class T>
DPL_HOST_DEVICE ConservativeStartAdjoint<T> conservative_start_adjoint(T length, T slope, T n, T p, T q, T x,
                                                                       T storage_adjoint) {
  const T q1 = q + T(1), e = T(3) / (T(5) + T(3) * q), ln2 = T(0.693147180559945309417);
  const T positive = larger(x, T(1e-30));
  const T log_depth = ln2 * e * (log2_of(T(positive * n / (p * square_root(slope)))) + T(5.0 / 3.0) * log2_of(q1));
  const T area = exp2_of(T(q1 * log_depth / ln2)) * p / q1;
  const T smallest_log_depth = ln2 * log2_of(T(T(kSmallestArea) * q1 / p)) / q1;
  const T smallest_velocity =
      exp2_of(T(T(2.0 / 3.0) * (smallest_log_depth / ln2 - log2_of(q1)))) * square_root(slope) / n;
  const bool dry = area < T(kSmallestArea);
  const T s = length * select(dry, T(x / smallest_velocity), area) * storage_adjoint;  // s times its adjoint
  ConservativeStartAdjoint<T> a;
  a.x = select(dry, T(length * storage_adjoint / smallest_velocity), T(s * q1 * e / positive));
  a.n = select(dry, T(s / n), T(s * q1 * e / n));
  a.p = select(dry, T(s * T(2.0 / 3.0) / (p * q1)), T(s * (T(1) - q1 * e) / p));
  const T wet_q = -T(1) / q1 + log_depth - q1 * e * log_depth + q1 * e * T(5.0 / 3.0) / q1;
  const T dry_q = -T(2.0 / 3.0) * (-smallest_log_depth / q1 + T(1) / (q1 * q1) - T(1) / q1);
  a.q = s * select(dry, dry_q, wet_q);
  return a;
}

}  // namespace dpl
