// Test of the single-precision logarithm and power against double precision over their whole ranges.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "dpl/physics/vector_math.hpp"

namespace dpl {
namespace {

// Error of log2_of in units of max(|log2 x|, 1): near x = 1 the absolute error counts.
double log2_error(float x) {
  const double exact = std::log2(static_cast<double>(x));
  return std::abs(log2_of(x) - exact) / std::max(1.0, std::abs(exact));
}

double exp2_error(float x) { return std::abs(exp2_of(x) / std::exp2(static_cast<double>(x)) - 1); }

TEST(VectorMath, LogarithmOfEveryMantissa) {
  double worst = 0;
  for (std::int32_t bits = 0x3f000000; bits < 0x40000000; ++bits) {  // all floats in [1/2, 2)
    worst = std::max(worst, log2_error(std::bit_cast<float>(bits)));
  }
  RecordProperty("worst", std::to_string(worst * 1e9) + "e-9");
  EXPECT_LT(worst, 1.3e-7);
}

TEST(VectorMath, LogarithmOverAllExponents) {
  double worst = 0;
  for (std::int64_t bits = 0x00800000; bits < 0x7f800000; bits += 997)  // all normal positive floats, thinned
    worst = std::max(worst, log2_error(std::bit_cast<float>(static_cast<std::int32_t>(bits))));
  EXPECT_LT(worst, 1.3e-7);
}

TEST(VectorMath, LogarithmOfPowersOfTwoIsExact) {
  for (int e = -126; e <= 127; ++e) EXPECT_EQ(log2_of(std::ldexp(1.0f, e)), static_cast<float>(e));
  EXPECT_NEAR(log2_of(std::numeric_limits<float>::max()), 128, 1e-5);
}

TEST(VectorMath, PowerOverItsWholeRange) {
  double worst = 0;
  for (float x = -126.0f; x < 127.9f; x = std::nextafter(x, 200.0f) + 1e-5f) worst = std::max(worst, exp2_error(x));
  for (std::int32_t bits = 0x20000000; bits < 0x3f800000; bits += 101) {  // small x of both signs
    worst = std::max(worst, exp2_error(std::bit_cast<float>(bits)));
    worst = std::max(worst, exp2_error(-std::bit_cast<float>(bits)));
  }
  RecordProperty("worst", std::to_string(worst * 1e9) + "e-9");
  EXPECT_LT(worst, 1.2e-7);
}

TEST(VectorMath, PowerAtWholeNumbersIsExact) {
  for (int e = -126; e <= 127; ++e) EXPECT_EQ(exp2_of(static_cast<float>(e)), std::ldexp(1.0f, e));
}

TEST(VectorMath, DoubleIsTheLibrarys) {
  for (double x : {1e-300, 0.3, 1.0, 7.5, 1e300}) EXPECT_DOUBLE_EQ(log2_of(x), std::log2(x));
  for (double x : {-300.0, -0.3, 0.0, 7.5, 300.0}) EXPECT_DOUBLE_EQ(exp2_of(x), std::exp2(x));
}

}  // namespace
}  // namespace dpl
