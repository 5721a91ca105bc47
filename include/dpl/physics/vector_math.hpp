// Elementary functions for hot loops: branch-free, so that compilers turn loops of them into vector code, and the same
// operations on every instruction set and device, so that the bits are the same too.
//
// float: own polynomials. double: the C library. Error bounds are tested over the whole range.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define DPL_HOST_DEVICE __host__ __device__ __forceinline__
#else
// Kernels are compiled once for each instruction set: a function that were not inlined could be taken from another set.
#define DPL_HOST_DEVICE __attribute__((always_inline)) inline
#endif

namespace dpl {

/// a b + c with one rounding.
DPL_HOST_DEVICE float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
DPL_HOST_DEVICE double multiply_add(double a, double b, double c) { return fma(a, b, c); }

/// condition ? a : b for every number type.
template <class T>
DPL_HOST_DEVICE T select(bool condition, T a, T b) {
  return condition ? a : b;
}

template <class T>
DPL_HOST_DEVICE T smaller(T a, T b) {
  return a < b ? a : b;
}

template <class T>
DPL_HOST_DEVICE T larger(T a, T b) {
  return a > b ? a : b;
}

DPL_HOST_DEVICE float square_root(float x) { return sqrtf(x); }
DPL_HOST_DEVICE double square_root(double x) { return sqrt(x); }

/// Base-2 logarithm of a positive normal number. float: x = 2^e (1 + z), z in [sqrt(1/2) - 1, sqrt(2) - 1), e + z P7(z);
/// absolute error below 5.2e-8 of the polynomial plus rounding.
DPL_HOST_DEVICE float log2_of(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t e = (bits - 0x3f3504f3) >> 23;
  const float z = std::bit_cast<float>(bits - e * (1 << 23)) - 1.0f;
  float y = -0.14598918f;
  y = multiply_add(y, z, 0.23674564f);
  y = multiply_add(y, z, -0.24992397f);
  y = multiply_add(y, z, 0.2867274f);
  y = multiply_add(y, z, -0.3601038f);
  y = multiply_add(y, z, 0.48093846f);
  y = multiply_add(y, z, -0.72135663f);
  y = multiply_add(y, z, 1.4426948f);
  return multiply_add(y, z, static_cast<float>(e));
}
DPL_HOST_DEVICE double log2_of(double x) { return std::log2(x); }

/// 2^x. float: x is clamped to [-125, 126]; relative error below 1e-7 plus rounding.
DPL_HOST_DEVICE float exp2_of(float x) {
  const float clamped = smaller(larger(x, -125.0f), 126.0f);
  constexpr float kRound = 12582912.0f;  // 1.5 2^23: adding it rounds to an integer
  const float shifted = clamped + kRound;
  const float f = clamped - (shifted - kRound);
  float y = 0.00015345808f;
  y = multiply_add(y, f, 0.0013399932f);
  y = multiply_add(y, f, 0.009618489f);
  y = multiply_add(y, f, 0.055503286f);
  y = multiply_add(y, f, 0.24022648f);
  y = multiply_add(y, f, 0.6931472f);
  y = multiply_add(y, f, 1.0f);
  const std::int32_t n = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(y) + n * (1 << 23));
}
DPL_HOST_DEVICE double exp2_of(double x) { return std::exp2(x); }

}  // namespace dpl
