// The Muskingum-Cunge schemes of the literature in discharge form, one reach and one step, with the adjoint below.
//
// Geometry from the reach's own flow at the start of the step (Bindas et al. 2024, doi 10.1029/2023WR035337: width law
// T = p d^q, trapezoid), celerity of a wide channel or exact for the trapezoid, X constant or after Cunge (1969), and
// optionally limited so that no coefficient is negative. Q_{t+1} = C1 I_{t+1} + C2 I_t + C3 Q_t + C4 q'_t.
#pragma once

#include "dpl/physics/channel_adjoint.hpp"
#include "dpl/physics/vector_math.hpp"

namespace dpl {

/// Which formulas a scheme uses; the same for all reaches.
struct MuskingumCungeOptions {
  bool trapezoid_celerity = true;   ///< else (5/3) v
  bool cunge_x = true;              ///< else X is constant
  bool positive = false;            ///< limit K and X so that C1, C2, C3 >= 0
  double x = 0.3;                   ///< the constant X
};

/// What a step needs of a reach (see muskingum_cunge_coefficients).
template <class T>
struct MuskingumCungeCell {
  T log2_depth_factor;   ///< log2( n (q + 1) / (p sqrt(S)) )
  T depth_exponent;      ///< 3 / (5 + 3 q)
  T log2_width;          ///< log2 p
  T q;
  T velocity_factor;     ///< sqrt(S) / n
  T length;              ///< [m]
};

/// The muskingum scheme's reach: nothing to be computed from the flow.
template <class T>
struct MuskingumCell {
  T K;   ///< [s]
  T X;
};

template <class T>
struct MuskingumCoefficients {
  T K, X;
};

inline constexpr double kSmallestDepth = 0.01, kSmallestBottom = 0.01, kSlowest = 0.01, kFastest = 15;
inline constexpr double kFlattestBank = 50, kSteepestBank = 0.5, kPositiveMargin = 0.01;
inline constexpr double kLog2SmallestDepth = -6.643856189774724;   // log2 0.01

/// Section and velocity at discharge Q.
template <class T>
struct ChannelSection {
  T log2_discharge, log2_depth_free, log2_depth, depth, top, bank_free, bank, bottom_free, bottom, area, side, perimeter,
      radius_power, velocity_free, velocity, shape, celerity;
};

/// Logarithm and powers of a section: what the adjoint keeps of a step, so that it needs none again.
template <class T>
struct ChannelPowers {
  T log2_discharge, depth, top, radius_power;
};

/// @param known  powers of this section where they are at hand, or null
template <class T>
DPL_HOST_DEVICE ChannelSection<T> channel_section(const MuskingumCungeCell<T>& c, T Q, bool trapezoid_celerity,
                                                  const ChannelPowers<T>* known = nullptr) {
  ChannelSection<T> s;
  s.log2_discharge = known ? known->log2_discharge : log2_of(larger(Q, T(1e-30)));
  s.log2_depth_free = (s.log2_discharge + c.log2_depth_factor) * c.depth_exponent;
  s.log2_depth = larger(s.log2_depth_free, T(kLog2SmallestDepth));
  s.depth = known ? known->depth : exp2_of(s.log2_depth);
  s.top = known ? known->top : exp2_of(T(c.log2_width + c.q * s.log2_depth));
  s.bank_free = s.top * c.q / (T(2) * s.depth);
  s.bank = smaller(larger(s.bank_free, T(kSteepestBank)), T(kFlattestBank));
  s.bottom_free = s.top - T(2) * s.bank * s.depth;
  s.bottom = larger(s.bottom_free, T(kSmallestBottom));
  s.area = (s.top + s.bottom) * s.depth * T(0.5);
  s.side = square_root(T(T(1) + s.bank * s.bank));
  s.perimeter = s.bottom + T(2) * s.depth * s.side;
  s.radius_power = known ? known->radius_power : exp2_of(T(T(2.0 / 3.0) * log2_of(T(s.area / s.perimeter))));
  s.velocity_free = s.radius_power * c.velocity_factor;
  s.velocity = smaller(larger(s.velocity_free, T(kSlowest)), T(kFastest));
  s.shape = s.area * s.side / (s.top * s.perimeter);
  s.celerity = trapezoid_celerity ? s.velocity * (T(5.0 / 3.0) - T(4.0 / 3.0) * s.shape) : s.velocity * T(5.0 / 3.0);
  return s;
}

/// K and X before and after the limit; kept for the adjoint.
template <class T>
struct TravelTime {
  T ratio, X_free, K_free, X_unlimited, K, X, X_limit;
};

template <class T>
DPL_HOST_DEVICE TravelTime<T> travel_time(const MuskingumCungeCell<T>& c, const ChannelSection<T>& s, T Q, T slope, T dt,
                                          const MuskingumCungeOptions& o) {
  TravelTime<T> r;
  r.K_free = c.length / s.celerity;
  r.ratio = Q / (s.top * slope * s.celerity * c.length);
  r.X_free = T(0.5) * (T(1) - r.ratio);
  r.X_unlimited = o.cunge_x ? smaller(larger(r.X_free, T(0)), T(0.5)) : T(o.x);
  r.K = o.positive ? larger(r.K_free, T(dt * T(0.5 * (1 + kPositiveMargin)))) : r.K_free;
  const T half_courant = dt / (T(2) * r.K);
  r.X_limit = T(1 - kPositiveMargin) * smaller(half_courant, T(T(1) - half_courant));
  r.X = o.positive ? smaller(r.X_unlimited, r.X_limit) : r.X_unlimited;
  return r;
}

/// Q_{t+1} for given K, X. @param inflow_next I_{t+1}, the unfloored solution from upstream  @param inflow I_t
template <class T>
DPL_HOST_DEVICE T muskingum_step(T K, T X, T discharge, T inflow_next, T inflow, T lateral, T dt) {
  const T two_KX = T(2) * K * X, two_K = T(2) * K;
  return ((dt - two_KX) * inflow_next + (dt + two_KX) * inflow + (two_K - two_KX - dt) * discharge + T(2) * dt * lateral) /
         (two_K - two_KX + dt);
}

template <class T>
struct MuskingumStepAdjoint {
  T K, X, discharge, inflow_next, inflow, lateral;
};

/// @param inverse_D 1 / (2 K (1 - X) + dt)  @param next Q_{t+1}
template <class T>
DPL_HOST_DEVICE MuskingumStepAdjoint<T> muskingum_step_adjoint(T K, T X, T inverse_D, T next, T discharge, T inflow_next,
                                                               T inflow, T dt, T next_adjoint) {
  const T two_KX = T(2) * K * X, two_K = T(2) * K;
  const T numerator = next_adjoint * inverse_D, D_adjoint = -numerator * next;
  const T two_KX_adjoint = numerator * (inflow - inflow_next - discharge) - D_adjoint;
  const T two_K_adjoint = numerator * discharge + D_adjoint;
  MuskingumStepAdjoint<T> a;
  a.inflow_next = (dt - two_KX) * numerator;
  a.inflow = (dt + two_KX) * numerator;
  a.discharge = (two_K - two_KX - dt) * numerator;
  a.lateral = T(2) * dt * numerator;
  a.K = T(2) * two_K_adjoint + T(2) * X * two_KX_adjoint;
  a.X = two_K * two_KX_adjoint;
  return a;
}

template <class T>
DPL_HOST_DEVICE MuskingumStepAdjoint<T> muskingum_step_adjoint(T K, T X, T discharge, T inflow_next, T inflow, T lateral,
                                                               T dt, T next_adjoint) {
  const T inverse_D = T(1) / (T(2) * K - T(2) * K * X + dt);
  return muskingum_step_adjoint(K, X, inverse_D, muskingum_step(K, X, discharge, inflow_next, inflow, lateral, dt), discharge,
                                inflow_next, inflow, dt, next_adjoint);
}

/// One step. @param discharge Q_t (floored)  @param powers filled where not null  @return the unfloored Q_{t+1}
template <class T>
DPL_HOST_DEVICE T muskingum_cunge_step(const MuskingumCungeCell<T>& c, T slope, T discharge, T inflow_next, T inflow,
                                       T lateral, T dt, const MuskingumCungeOptions& o,
                                       ChannelPowers<T>* powers = nullptr) {
  const ChannelSection<T> s = channel_section(c, discharge, o.trapezoid_celerity);
  if (powers) *powers = {s.log2_discharge, s.depth, s.top, s.radius_power};
  const TravelTime<T> r = travel_time(c, s, discharge, slope, dt, o);
  return muskingum_step(r.K, r.X, discharge, inflow_next, inflow, lateral, dt);
}

/// Logarithmic coefficients per natural logarithm, as in ConservativeStepAdjoint.
template <class T>
struct MuskingumCungeStepAdjoint {
  T discharge, inflow_next, inflow, lateral;
  T log2_depth_factor, depth_exponent, log2_width, q, velocity_factor;
};

/// d/d celerity, top width and discharge of the travel time.
template <class T>
struct TravelTimeAdjoint {
  T celerity, top, discharge;
};

template <class T>
DPL_HOST_DEVICE TravelTimeAdjoint<T> travel_time_adjoint(const ChannelSection<T>& s, const TravelTime<T>& r, T Q, T dt,
                                                         const MuskingumCungeOptions& o, T K_adjoint, T X_adjoint) {
  if (o.positive) {
    const T half_courant = dt / (T(2) * r.K);
    const bool limited = r.X_limit < r.X_unlimited;
    const T slope_of_limit = select(half_courant < T(1) - half_courant, T(-T(1 - kPositiveMargin) * half_courant / r.K),
                                    T(T(1 - kPositiveMargin) * half_courant / r.K));
    K_adjoint = K_adjoint + select(limited, T(X_adjoint * slope_of_limit), T(0));
    X_adjoint = select(limited, T(0), X_adjoint);
    K_adjoint = select(r.K_free < dt * T(0.5 * (1 + kPositiveMargin)), T(0), K_adjoint);
  }
  const bool free_x = o.cunge_x && r.X_free > T(0) && r.X_free < T(0.5);
  const T ratio_adjoint = select(free_x, T(-X_adjoint * T(0.5)), T(0)) * r.ratio;
  TravelTimeAdjoint<T> a;
  a.celerity = -(K_adjoint * r.K_free + ratio_adjoint) / s.celerity;
  a.top = -ratio_adjoint / s.top;
  a.discharge = ratio_adjoint / larger(Q, T(1e-30));
  return a;
}

template <class T>
DPL_HOST_DEVICE MuskingumCungeStepAdjoint<T> muskingum_cunge_step_adjoint(const MuskingumCungeCell<T>& c, T slope,
                                                                          T discharge, T inflow_next, T inflow, T lateral,
                                                                          T dt, const MuskingumCungeOptions& o,
                                                                          T next_adjoint,
                                                                          const ChannelPowers<T>* known = nullptr) {
  const ChannelSection<T> s = channel_section(c, discharge, o.trapezoid_celerity, known);
  const TravelTime<T> r = travel_time(c, s, discharge, slope, dt, o);
  const MuskingumStepAdjoint<T> step =
      muskingum_step_adjoint(r.K, r.X, discharge, inflow_next, inflow, lateral, dt, next_adjoint);
  const TravelTimeAdjoint<T> t = travel_time_adjoint(s, r, discharge, dt, o, step.K, step.X);

  // Celerity and velocity.
  const T factor = o.trapezoid_celerity ? T(5.0 / 3.0) - T(4.0 / 3.0) * s.shape : T(5.0 / 3.0);
  const T velocity_adjoint = t.celerity * factor;
  const T shape_adjoint =
      o.trapezoid_celerity ? -T(4.0 / 3.0) * t.celerity * s.velocity * s.shape : T(0);  // times shape
  const bool free_velocity = s.velocity_free > T(kSlowest) && s.velocity_free < T(kFastest);
  const T velocity_free_adjoint = select(free_velocity, velocity_adjoint, T(0));
  const T radius_adjoint = velocity_free_adjoint * s.velocity_free * T(2.0 / 3.0);   // times hydraulic radius

  // Section, from perimeter back to depth.
  const T area_adjoint = (radius_adjoint + shape_adjoint) / s.area;
  const T perimeter_adjoint = -(radius_adjoint + shape_adjoint) / s.perimeter;
  const T side_adjoint = shape_adjoint / s.side + perimeter_adjoint * T(2) * s.depth;
  T top_adjoint = t.top - shape_adjoint / s.top + area_adjoint * s.depth * T(0.5);
  const T bottom_adjoint = perimeter_adjoint + area_adjoint * s.depth * T(0.5);
  T depth_adjoint = perimeter_adjoint * T(2) * s.side + area_adjoint * (s.top + s.bottom) * T(0.5);
  T bank_adjoint = side_adjoint * s.bank / s.side;
  const T bottom_free_adjoint = select(s.bottom_free > T(kSmallestBottom), bottom_adjoint, T(0));
  top_adjoint = top_adjoint + bottom_free_adjoint;
  bank_adjoint = bank_adjoint - T(2) * s.depth * bottom_free_adjoint;
  depth_adjoint = depth_adjoint - T(2) * s.bank * bottom_free_adjoint;
  const bool free_bank = s.bank_free > T(kSteepestBank) && s.bank_free < T(kFlattestBank);
  const T bank_free_adjoint = select(free_bank, bank_adjoint, T(0));
  top_adjoint = top_adjoint + bank_free_adjoint * c.q / (T(2) * s.depth);
  depth_adjoint = depth_adjoint - bank_free_adjoint * s.bank_free / s.depth;

  MuskingumCungeStepAdjoint<T> a;
  a.inflow_next = step.inflow_next;
  a.inflow = step.inflow;
  a.lateral = step.lateral;
  a.velocity_factor = velocity_free_adjoint * s.radius_power;
  a.log2_width = top_adjoint * s.top;
  a.q = bank_free_adjoint * s.top / (T(2) * s.depth) + a.log2_width * s.log2_depth * T(0.693147180559945309417);
  const T log_depth_adjoint = depth_adjoint * s.depth + a.log2_width * c.q;
  const T log_depth_free_adjoint = select(s.log2_depth_free > T(kLog2SmallestDepth), log_depth_adjoint, T(0));
  a.log2_depth_factor = log_depth_free_adjoint * c.depth_exponent;
  a.depth_exponent = log_depth_free_adjoint * (s.log2_discharge + c.log2_depth_factor);
  a.discharge = step.discharge + t.discharge + a.log2_depth_factor / larger(discharge, T(1e-30));
  return a;
}

/// Coefficients of a reach; `published_epsilons`: q + 1e-6 for q, p sqrt(S) + 1e-8 in the depth.
template <class T>
DPL_HOST_DEVICE MuskingumCungeCell<T> muskingum_cunge_coefficients(T length, T slope, T n, T p, T q,
                                                                   bool published_epsilons) {
  const T root = square_root(slope);
  MuskingumCungeCell<T> c;
  c.q = q + T(published_epsilons ? 1e-6 : 0.0);
  c.log2_depth_factor = log2_of(T(n * (c.q + T(1)) / (p * root + T(published_epsilons ? 1e-8 : 0.0))));
  c.depth_exponent = T(3) / (T(5) + T(3) * c.q);
  c.log2_width = log2_of(p);
  c.velocity_factor = root / n;
  c.length = length;
  return c;
}

template <class T>
DPL_HOST_DEVICE ChannelAdjoint<T> muskingum_cunge_coefficients_adjoint(const MuskingumCungeCell<T>& c, T slope, T n, T p,
                                                                       bool published_epsilons, T log2_depth_factor,
                                                                       T depth_exponent, T log2_width, T q,
                                                                       T velocity_factor) {
  const T root = square_root(slope), ln2 = T(0.693147180559945309417);
  ChannelAdjoint<T> a;
  a.n = log2_depth_factor / n - velocity_factor * c.velocity_factor / n;
  a.p = log2_width / p - log2_depth_factor * root / (p * root + T(published_epsilons ? 1e-8 : 0.0));
  a.q = q + log2_depth_factor / (c.q + T(1)) - depth_exponent * ln2 * c.depth_exponent * c.depth_exponent;
  return a;
}

}  // namespace dpl
