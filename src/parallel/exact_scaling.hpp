// The power of two by which numbers become 64-bit integers that can be added in any order.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace dpl {

// With M the largest magnitude and n items, a power of two 2^k is chosen with n M 2^k < 2^62: no sum can overflow, and
// the largest item keeps 62 - log2(n) bits: 50 for 4096 blocks, more than a float holds and nearly the 53 of a double.
// Smaller items lose absolute, not relative, precision: each is off by at most 2^-50 M.
inline int shift_for(double largest, std::int64_t items) {
  int exponent = 0;  // largest < 2^exponent
  std::frexp(largest, &exponent);
  return 62 - exponent - std::bit_width(static_cast<std::uint64_t>(items - 1));
}

// 2^shift as two factors, because it may lie outside the doubles. Products with them are exact until they round to the
// integer 0.
struct PowerOfTwo {
  double first, second;
  explicit PowerOfTwo(int shift) : first(std::ldexp(1.0, shift / 2)), second(std::ldexp(1.0, shift - shift / 2)) {}
  std::int64_t scaled(double value) const { return std::llrint(value * first * second); }
};

}  // namespace dpl
