// The default scheme: Muskingum-Cunge in storage form, one reach and one step, with its adjoint below it.
//
// State is the storage s [m3] of the reach; all flows are means over the step. Storage is K [X I + (1 - X) Q -
// (1/2 - X) q'], linearised about w / L at mid-step; with X <= Cr/2 and X <= 1 - Cr/2 neither outflow nor storage can
// become negative, and water is conserved to rounding. Found for this project; related: Cunge 1969, Todini 2007.
#pragma once

#include "dpl/physics/channel_adjoint.hpp"
#include "dpl/physics/vector_math.hpp"

namespace dpl {

/// What a step needs of a reach, computed once per window from n, p, q, length and slope (see conservative_coefficients).
template <class T>
struct ConservativeCell {
  T log2_shape;        ///< log2((q + 1) / p)
  T depth_exponent;    ///< 1 / (q + 1): depth d = (A (q + 1) / p)^(1 / (q + 1))
  T log2_speed;        ///< log2(m sqrt(S) / (n L)) - (2/3) log2(q + 1): 1/K = d^(2/3) 2^log2_speed
  T diffusion;         ///< 3 / ((5 + 3 q) S L): lambda / L = diffusion d
  T inverse_m;         ///< velocity / celerity = 3 (1 + q) / (5 + 3 q)
  T inverse_length;    ///< 1 / L [1/m]
};

template <class T>
struct ConservativeStep {
  T discharge;         ///< mean outflow over the step [m3/s]
  T storage;           ///< at the end of the step [m3]
};

/// Smallest flow area [m2]; below it the depth is that of this area.
inline constexpr double kSmallestArea = 1e-6;

/// Everything between the inputs and Q, s; shared by the step and its adjoint.
template <class T>
struct ConservativeClosure {
  T area, log2_area, depth, K, relative_lambda, Y, inverse_D;
};

template <class T>
DPL_HOST_DEVICE ConservativeClosure<T> conservative_closure(const ConservativeCell<T>& c, T storage, T lateral, T dt) {
  const T half = dt * T(0.5);
  ConservativeClosure<T> r;
  const T w = storage + half * lateral;
  r.area = larger(T(w * c.inverse_length), T(kSmallestArea));
  r.log2_area = log2_of(r.area);
  const T log2_depth = (r.log2_area + c.log2_shape) * c.depth_exponent;
  r.depth = exp2_of(log2_depth);
  r.K = exp2_of(T(-(log2_depth * T(2.0 / 3.0) + c.log2_speed)));
  r.relative_lambda = c.diffusion * r.depth;
  // Y = K X. Written with Y and not X: dt/2 - K X would be a rounding residual that can be negative.
  r.Y = smaller(smaller(T(r.K * T(0.5) * (T(1) - r.relative_lambda)), half), T(r.K - half));
  r.inverse_D = T(1) / (r.K - r.Y + half);
  return r;
}

/// One step.
/// Q = [w/m + (dt/2 - Y) I + (K/2 - Y) q'] / D,
/// s <- s (1 - dt/(m D)) + (dt/D) [K I + (K/2 + (dt/2)(1 - 1/m)) q'], every term >= 0 (= s + dt (I + q' - Q)).
/// @param storage [m3] >= 0  @param inflow I [m3/s]  @param lateral q' [m3/s] >= 0  @param dt [s]
template <class T>
DPL_HOST_DEVICE ConservativeStep<T> conservative_step(const ConservativeCell<T>& c, T storage, T inflow, T lateral, T dt) {
  const ConservativeClosure<T> r = conservative_closure(c, storage, lateral, dt);
  const T half = dt * T(0.5);
  const T w = storage + half * lateral;
  const T mass = r.K * inflow + (r.K * T(0.5) + half * (T(1) - c.inverse_m)) * lateral;
  ConservativeStep<T> next;
  next.discharge = (w * c.inverse_m + (half - r.Y) * inflow + (r.K * T(0.5) - r.Y) * lateral) * r.inverse_D;
  next.storage = storage * (T(1) - dt * c.inverse_m * r.inverse_D) + dt * r.inverse_D * mass;
  return next;
}

/// Adjoints of everything a step reads. Those of the logarithmic coefficients are per natural logarithm: multiply the
/// sums of log2_shape and log2_speed by ln 2 for d/d log2.
template <class T>
struct ConservativeStepAdjoint {
  T storage, inflow, lateral;
  T log2_shape, depth_exponent, log2_speed, diffusion, inverse_m;
};

template <class T>
DPL_HOST_DEVICE ConservativeStepAdjoint<T> conservative_step_adjoint(const ConservativeCell<T>& c, T storage, T inflow,
                                                                     T lateral, T dt, T discharge_adjoint,
                                                                     T storage_adjoint) {
  const ConservativeClosure<T> r = conservative_closure(c, storage, lateral, dt);
  const T half = dt * T(0.5), w = storage + half * lateral, half_K = r.K * T(0.5);
  const T mass_weight = half_K + half * (T(1) - c.inverse_m);
  const T mass = r.K * inflow + mass_weight * lateral;
  const T discharge = (w * c.inverse_m + (half - r.Y) * inflow + (half_K - r.Y) * lateral) * r.inverse_D;

  // Numerators of Q and of the change of storage, then 1/D.
  const T N_adjoint = discharge_adjoint * r.inverse_D;
  const T mass_adjoint = storage_adjoint * dt * r.inverse_D;
  const T D_adjoint = -(discharge_adjoint * discharge + storage_adjoint * dt * (mass - storage * c.inverse_m) * r.inverse_D) *
                      r.inverse_D;
  ConservativeStepAdjoint<T> a;
  a.storage = storage_adjoint * (T(1) - dt * c.inverse_m * r.inverse_D);
  a.inflow = N_adjoint * (half - r.Y) + mass_adjoint * r.K;
  a.lateral = N_adjoint * (half_K - r.Y) + mass_adjoint * mass_weight;
  a.inverse_m = N_adjoint * w - mass_adjoint * (storage + half * lateral);
  T w_adjoint = N_adjoint * c.inverse_m;
  T K_adjoint = N_adjoint * lateral * T(0.5) + mass_adjoint * (inflow + lateral * T(0.5)) + D_adjoint;
  const T Y_adjoint = -N_adjoint * (inflow + lateral) - D_adjoint;

  // Y = min(K/2 (1 - lambda/L), dt/2, K - dt/2).
  const T diffusive = half_K * (T(1) - r.relative_lambda);
  const bool by_diffusion = diffusive <= half && diffusive <= r.K - half;
  const bool by_travel_time = !by_diffusion && r.K - half < half;
  const T through_diffusion = select(by_diffusion, Y_adjoint, T(0));
  K_adjoint = K_adjoint + through_diffusion * T(0.5) * (T(1) - r.relative_lambda) + select(by_travel_time, Y_adjoint, T(0));
  const T lambda_adjoint = -through_diffusion * half_K;
  a.diffusion = lambda_adjoint * r.depth;

  // K = 2^-(2/3 log2 d + log2_speed), d = 2^((log2 A + log2_shape) depth_exponent).
  a.log2_speed = -K_adjoint * r.K;
  const T log_depth_adjoint = a.log2_speed * T(2.0 / 3.0) + lambda_adjoint * c.diffusion * r.depth;
  a.log2_shape = log_depth_adjoint * c.depth_exponent;
  a.depth_exponent = log_depth_adjoint * (r.log2_area + c.log2_shape);
  const bool wet = w * c.inverse_length > T(kSmallestArea);
  w_adjoint = w_adjoint + select(wet, T(a.log2_shape * c.inverse_length / r.area), T(0));
  a.storage = a.storage + w_adjoint;
  a.lateral = a.lateral + half * w_adjoint;
  return a;
}

/// Coefficients of a reach. @param length [m] of the sub-reach  @param slope [-] > 0  @param n [s m^-1/3]  @param p [m^(1-q)]
/// @param q [-]: top width T = p d^q.
template <class T>
DPL_HOST_DEVICE ConservativeCell<T> conservative_coefficients(T length, T slope, T n, T p, T q) {
  const T q1 = q + T(1), k = T(5) + T(3) * q;
  ConservativeCell<T> c;
  c.log2_shape = log2_of(T(q1 / p));
  c.depth_exponent = T(1) / q1;
  c.log2_speed = log2_of(T(k / (T(3) * q1) * square_root(slope) / (n * length))) - T(2.0 / 3.0) * log2_of(q1);
  c.diffusion = T(3) / (k * slope * length);
  c.inverse_m = T(3) * q1 / k;
  c.inverse_length = T(1) / length;
  return c;
}


/// From sums of step adjoints over a window to n, p, q (log2 sums per natural logarithm, as the step gives them).
template <class T>
DPL_HOST_DEVICE ChannelAdjoint<T> conservative_coefficients_adjoint(const ConservativeCell<T>& c, T n, T p, T q,
                                                                    T log2_shape, T depth_exponent, T log2_speed,
                                                                    T diffusion, T inverse_m) {
  const T q1 = q + T(1), k = T(5) + T(3) * q, ln2 = T(0.693147180559945309417);
  ChannelAdjoint<T> a;
  a.n = -log2_speed / n;
  a.p = -log2_shape / p;
  a.q = log2_shape / q1;                                               // d ln((q+1)/p) = 1/(q+1)
  a.q = a.q - depth_exponent * ln2 * c.depth_exponent * c.depth_exponent;  // the step's sum is per natural logarithm
  a.q = a.q + log2_speed * (T(3) / k - T(1) / q1 - T(2.0 / 3.0) / q1);  // ln(k/(3 q1)) - 2/3 ln q1
  a.q = a.q - diffusion * c.diffusion * T(3) / k;
  a.q = a.q + inverse_m * T(6) / (k * k);                              // d (3 q1 / k) = 6 / k^2
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
  const T smallest_velocity =
      exp2_of(T(T(2.0 / 3.0) * (smallest_log2_depth - log2_of(q1)))) * square_root(slope) / n;
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
  const T log_depth =
      ln2 * e * (log2_of(T(positive * n / (p * square_root(slope)))) + T(5.0 / 3.0) * log2_of(q1));
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
