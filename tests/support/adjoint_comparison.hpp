// Compares the entries of an adjoint with derivatives from dual numbers, and draws random inputs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dpl/base/random.hpp"

namespace dpl::test {

/// One entry: an input's name and value, the derivative by the adjoint and by duals.
struct AdjointEntry {
  const char* name;
  double input, by_adjoint, by_duals;
};

/// Every entry to `relative`. Terms of a derivative may cancel: effects (derivative times input) may also differ by
/// 1e-3 `relative` of the largest effect or of `terms`, the size of the terms.
inline void expect_same_derivatives(const std::vector<AdjointEntry>& entries, double relative,
                                    const std::string& context, double terms = 0) {
  double largest = terms;
  for (const auto& e : entries) largest = std::max(largest, std::abs(e.by_duals * e.input));
  for (const auto& e : entries) {
    const double difference = std::abs(e.by_adjoint - e.by_duals);
    const bool same =
        difference <= relative * std::abs(e.by_duals) || difference * std::abs(e.input) <= 1e-3 * relative * largest;
    ASSERT_TRUE(same) << e.name << ": " << e.by_adjoint << " by the adjoint, " << e.by_duals << " by duals; "
                      << context;
  }
}

/// Draws in sequence from one key.
class Draws {
 public:
  explicit Draws(std::uint64_t seed, std::uint64_t item = 0) : key_{seed, Purpose::test, 1, item} {}
  double uniform(double lo, double hi) { return lo + (hi - lo) * random_uniform(key_, draw_++); }
  double log_uniform(double lo, double hi) { return std::exp(uniform(std::log(lo), std::log(hi))); }
  double normal() { return random_normal(key_, draw_++ + 1000000); }
  bool chance(double probability) { return uniform(0, 1) < probability; }

 private:
  RandomKey key_;
  std::uint32_t draw_ = 0;
};

}  // namespace dpl::test
