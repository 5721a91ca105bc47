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

/// Base-2 logarithm of a positive normal number. float: x = 2^e (1 + z), z in [sqrt(1/2) - 1, sqrt(2) - 1), e + z P7(z) by
/// Estrin's scheme (a short chain of dependent operations); error below 1.3e-7 max(1, |log2 x|), rounding included.
DPL_HOST_DEVICE float log2_of(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t shifted = bits - 0x3f3504f3;
  const float z = std::bit_cast<float>(bits - (shifted & static_cast<std::int32_t>(0xff800000))) - 1.0f;
  const float z2 = z * z;
  const float c01 = multiply_add(z, -0.72135663f, 1.4426948f), c23 = multiply_add(z, -0.3601038f, 0.48093846f);
  const float c45 = multiply_add(z, -0.24992397f, 0.2867274f), c67 = multiply_add(z, -0.14598918f, 0.23674564f);
  const float y = multiply_add(multiply_add(multiply_add(c67, z2, c45), z2, c23), z2, c01);
  return multiply_add(y, z, static_cast<float>(shifted >> 23));
}
DPL_HOST_DEVICE double log2_of(double x) { return std::log2(x); }

/// 2^x. float: for -126 <= x < 128, not checked (the kernels' arguments stay far inside); relative error below 1.2e-7,
/// rounding included; exact for whole numbers.
DPL_HOST_DEVICE float exp2_of(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 2^23: adding it rounds to an integer, which then stands in the low bits
  const float shifted = x + kRound;
  const float f = x - (shifted - kRound), f2 = f * f;
  const float c01 = multiply_add(f, 0.6931472f, 1.0f), c23 = multiply_add(f, 0.055503286f, 0.24022648f);
  const float c45 = multiply_add(f, 0.0013399932f, 0.009618489f);
  const float y = multiply_add(multiply_add(multiply_add(0.00015345808f, f2, c45), f2, c23), f2, c01);
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(y) + exponent);  // unsigned: NaN may not overflow
}
DPL_HOST_DEVICE double exp2_of(double x) { return std::exp2(x); }

}  // namespace dpl
