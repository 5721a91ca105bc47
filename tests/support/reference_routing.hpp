// Routing written as plainly as possible, for any number type: the slow version that the router is tested against.
//
// Loops over steps, reaches from upstream down, sub-reaches; equations as they stand in the method (sections 2.1, 2.2).
#pragma once

#include <vector>

#include "dpl/base/topology.hpp"
#include "dpl/physics/routing.hpp"
#include "dpl/physics/vector_math.hpp"
#include "tests/support/dual.hpp"

namespace dpl::test {

using dpl::square_root;  // beside the one of dual numbers

template <class T>
struct ReferenceProblem {
  Topology topology;
  ReachProperties properties;  ///< [reach]
  RoutingOptions options;
  std::vector<T> a, b, c;               ///< [reach]
  std::vector<std::vector<T>> lateral;  ///< [row][reach]
  Index hold = 1;
  Count steps = 0;
  std::vector<T> initial_state;  ///< [sub-reach], empty: hot start
  /// [step][sub-reach] values of the state at the start of each step, derivatives stay; empty: the computed ones. For
  /// derivatives along the path that another implementation took.
  std::vector<std::vector<double>> path;
};

template <class T>
struct ReferenceResult {
  std::vector<std::vector<T>> discharge;  ///< [row][reach]
  std::vector<std::vector<T>> state;      ///< [row][sub-reach], row 0 = start
};

template <class T>
class ReferenceRouting {
 public:
  explicit ReferenceRouting(const ReferenceProblem<T>& problem) : p_(problem), o_(problem.options) {
    order_ = upstream_first_order(p_.topology);
    first_.assign(1, 0);
    for (Index k : p_.properties.sub_reaches) first_.push_back(first_.back() + k);
    conservative_ = o_.scheme == Scheme::conservative;
    floored_ = !conservative_ && o_.scheme != Scheme::muskingum;
  }

  ReferenceResult<T> run() {
    start();
    ReferenceResult<T> result;
    result.state.push_back(state_);
    if (!conservative_) result.discharge.push_back(readout(state_));
    for (Count t = 0; t < p_.steps; ++t) {
      for (std::size_t k = 0; !p_.path.empty() && k < state_.size(); ++k) set_value(state_[k], p_.path[t][k]);
      std::vector<T> flow(first_.back());  // unfloored: what goes downstream
      const std::vector<T> before = state_;
      for (Index r : order_)
        for (Index k = first_[r]; k < first_[r + 1]; ++k) step(t, r, k, before, flow);
      result.discharge.push_back(readout(conservative_ ? flow : state_));
      result.state.push_back(state_);
    }
    return result;
  }

 private:
  T floor(const T& x) const { return floored_ ? larger(x, T(o_.q_min_m3s)) : x; }
  T lateral(Count t, Index r) const {
    return floor(p_.lateral[t / p_.hold][r] / T(static_cast<double>(p_.properties.sub_reaches[r])));
  }
  double length(Index r) const { return p_.properties.length_m[r] / p_.properties.sub_reaches[r]; }

  // Sum of the values of the sub-reaches that drain into sub-reach k of reach r.
  T inflow(Index r, Index k, const std::vector<T>& values) const {
    if (k > first_[r]) return values[k - 1];
    T sum(0.0);
    for (Index u : p_.topology.upstream_of(r)) sum = sum + values[first_[u + 1] - 1];
    return sum;
  }

  std::vector<T> readout(const std::vector<T>& values) const {
    std::vector<T> row;
    for (Index r = 0; r < p_.topology.size(); ++r)
      row.push_back(o_.inflow_readout ? inflow(r, first_[r], values) : values[first_[r + 1] - 1]);
    return row;
  }

  void start() {
    state_ = p_.initial_state;
    if (!state_.empty()) {
      for (T& s : state_) s = floor(s);
      return;
    }
    state_.resize(first_.back());
    std::vector<T> flow(first_.back());
    for (Index r : order_)
      for (Index k = first_[r]; k < first_[r + 1]; ++k) {
        flow[k] = inflow(r, k, flow) + lateral(0, r);
        state_[k] = conservative_ ? start_storage(r, flow[k] - T(0.5) * lateral(0, r)) : flow[k];
      }
  }

  T start_storage(Index r, const T& x) const {
    const T n = p_.a[r], p = p_.b[r], q = p_.c[r], q1 = q + T(1.0), root(std::sqrt(p_.properties.slope[r]));
    if (!(x > T(0.0))) return T(0.0);
    const T depth = power(x * n * power(q1, T(5.0 / 3.0)) / (p * root), T(3.0) / (T(5.0) + T(3.0) * q));
    const T area = p * power(depth, q1) / q1;
    if (!(area < T(1e-6))) return T(length(r)) * area;
    const T shallow = power(T(1e-6) * q1 / p, T(1.0) / q1);
    return T(length(r)) * x / (power(shallow / q1, T(2.0 / 3.0)) * root / n);
  }

  void step(Count t, Index r, Index k, const std::vector<T>& before, std::vector<T>& flow) {
    if (conservative_) {
      flow[k] = conservative(r, k, inflow(r, k, flow), lateral(t, r));
      return;
    }
    T K = p_.a[r] / T(static_cast<double>(p_.properties.sub_reaches[r])), X = p_.b[r];
    if (o_.scheme != Scheme::muskingum) travel_time(r, before[k], K, X);
    const T dt(o_.dt_s), two(2.0), D = two * K * (T(1.0) - X) + dt;
    flow[k] = ((dt - two * K * X) * inflow(r, k, flow) + (dt + two * K * X) * inflow(r, k, before) +
               (two * K * (T(1.0) - X) - dt) * before[k] + two * dt * lateral(t, r)) /
              D;
    state_[k] = floor(flow[k]);
  }

  // Method 2.1.
  T conservative(Index r, Index k, const T& I, const T& lateral) {
    const T n = p_.a[r], p = p_.b[r], q = p_.c[r], S(p_.properties.slope[r]), L(length(r)), dt(o_.dt_s),
            half(o_.dt_s / 2);
    const T one(1.0), q1 = q + one, m = (T(5.0) + T(3.0) * q) / (T(3.0) * q1);
    T& s = state_[k];
    const T w = s + half * lateral, A = larger(w / L, T(1e-6)), d = power(A * q1 / p, one / q1);
    const T v = power(d / q1, T(2.0 / 3.0)) * square_root(S) / n, K = L / (m * v);
    const T lambda = T(3.0) * d / ((T(5.0) + T(3.0) * q) * S);
    const T Y = smaller(smaller(K / T(2.0) * (one - lambda / L), half), K - half), D = K - Y + half;
    const T Q = (w / m + (half - Y) * I + (K / T(2.0) - Y) * lateral) / D;
    s = s * (one - dt / (m * D)) + dt / D * (K * I + (K / T(2.0) + half * (one - one / m)) * lateral);
    return Q;
  }

  // Method 2.2.
  void travel_time(Index r, const T& Q, T& K, T& X) const {
    const double epsilon = o_.published_epsilons ? 1e-6 : 0, depth_epsilon = o_.published_epsilons ? 1e-8 : 0;
    const T n = p_.a[r], p = p_.b[r], q = p_.c[r] + T(epsilon), S(p_.properties.slope[r]), root = square_root(S),
            one(1.0), two(2.0);
    const T d =
        larger(power(Q * n * (q + one) / (p * root + T(depth_epsilon)), T(3.0) / (T(5.0) + T(3.0) * q)), T(0.01));
    const T top = p * power(d, q), z = smaller(larger(top * q / (two * d), T(0.5)), T(50.0));
    const T bottom = larger(top - two * z * d, T(0.01)), side = square_root(one + z * z);
    const T area = (top + bottom) * d / two, perimeter = bottom + two * d * side;
    const T v = smaller(larger(power(area / perimeter, T(2.0 / 3.0)) * root / n, T(0.01)), T(15.0));
    T celerity = T(5.0 / 3.0) * v;
    if (o_.scheme != Scheme::published) celerity = v * (T(5.0 / 3.0) - T(4.0 / 3.0) * area * side / (top * perimeter));
    K = T(length(r)) / celerity;
    X = T(o_.x);
    if (o_.scheme == Scheme::corrected || o_.scheme == Scheme::positive)
      X = smaller(larger(T(0.5) * (one - Q / (top * S * celerity * T(length(r)))), T(0.0)), T(0.5));
    if (o_.scheme != Scheme::positive) return;
    K = larger(K, T(o_.dt_s * 1.01 / 2));
    const T half_courant = T(o_.dt_s / 2) / K;
    X = smaller(X, T(0.99) * smaller(half_courant, one - half_courant));
  }

  const ReferenceProblem<T>& p_;
  const RoutingOptions& o_;
  std::vector<Index> order_, first_;
  std::vector<T> state_;
  bool conservative_ = true, floored_ = false;
};

template <class T>
ReferenceResult<T> reference_routing(const ReferenceProblem<T>& problem) {
  return ReferenceRouting<T>(problem).run();
}

}  // namespace dpl::test
