// Forward-mode dual number with N directions: the independent derivative that adjoints are tested against.
#pragma once

#include <array>
#include <cmath>

namespace dpl::test {

template <int N>
struct Dual {
  double value = 0;
  std::array<double, N> d{};

  Dual() = default;
  explicit Dual(double v) : value(v) {}
  /// An input: derivative one in direction `direction`.
  static Dual input(double v, int direction) {
    Dual x(v);
    x.d[direction] = 1;
    return x;
  }
};

/// f(x) with f'(x) = slope.
template <int N>
Dual<N> chain_rule(const Dual<N>& x, double f, double slope) {
  Dual<N> y(f);
  for (int k = 0; k < N; ++k) y.d[k] = slope * x.d[k];
  return y;
}

/// f(x, y) with its two partial derivatives.
template <int N>
Dual<N> chain_rule(const Dual<N>& x, const Dual<N>& y, double f, double by_x, double by_y) {
  Dual<N> z(f);
  for (int k = 0; k < N; ++k) z.d[k] = by_x * x.d[k] + by_y * y.d[k];
  return z;
}

template <int N>
Dual<N> operator+(const Dual<N>& a, const Dual<N>& b) {
  return chain_rule(a, b, a.value + b.value, 1, 1);
}
template <int N>
Dual<N> operator-(const Dual<N>& a, const Dual<N>& b) {
  return chain_rule(a, b, a.value - b.value, 1, -1);
}
template <int N>
Dual<N> operator-(const Dual<N>& a) {
  return chain_rule(a, -a.value, -1);
}
template <int N>
Dual<N> operator*(const Dual<N>& a, const Dual<N>& b) {
  return chain_rule(a, b, a.value * b.value, b.value, a.value);
}
template <int N>
Dual<N> operator/(const Dual<N>& a, const Dual<N>& b) {
  return chain_rule(a, b, a.value / b.value, 1 / b.value, -a.value / (b.value * b.value));
}
template <int N>
bool operator<(const Dual<N>& a, const Dual<N>& b) {
  return a.value < b.value;
}
template <int N>
bool operator>(const Dual<N>& a, const Dual<N>& b) {
  return a.value > b.value;
}
template <int N>
bool operator<=(const Dual<N>& a, const Dual<N>& b) {
  return a.value <= b.value;
}

template <int N>
Dual<N> multiply_add(const Dual<N>& a, const Dual<N>& b, const Dual<N>& c) {
  Dual<N> y = a * b + c;
  y.value = std::fma(a.value, b.value, c.value);
  return y;
}
template <int N>
Dual<N> log2_of(const Dual<N>& x) {
  return chain_rule(x, std::log2(x.value), 1 / (x.value * std::log(2.0)));
}
template <int N>
Dual<N> exp2_of(const Dual<N>& x) {
  const double y = std::exp2(x.value);
  return chain_rule(x, y, y * std::log(2.0));
}
template <int N>
Dual<N> square_root(const Dual<N>& x) {
  const double y = std::sqrt(x.value);
  return chain_rule(x, y, 0.5 / y);
}
template <int N>
Dual<N> power(const Dual<N>& x, const Dual<N>& e) {
  const double y = std::pow(x.value, e.value);
  return chain_rule(x, e, y, e.value * y / x.value, y * std::log(x.value));
}
inline double power(double x, double e) { return std::pow(x, e); }

/// Plain value of either number type.
inline double value_of(double x) { return x; }
template <int N>
double value_of(const Dual<N>& x) {
  return x.value;
}

/// Another value, the same derivatives.
inline void set_value(double& x, double value) { x = value; }
template <int N>
void set_value(Dual<N>& x, double value) {
  x.value = value;
}

}  // namespace dpl::test
