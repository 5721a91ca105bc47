// Parameters of the archive's runs: strata of a Latin hypercube, draws of a place that do not depend on the others, neighbours
// inside the ranges.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dpl/experiments/surrogate_archive.hpp"

namespace dpl {
namespace {

TEST(SurrogateArchive, FirstRunsTakeEachStratumOfEachParameterOnce) {
  const Index runs = 24;
  const auto shares = first_shares(3, 77, 5, runs);
  ASSERT_EQ(shares.size(), 120u);
  for (std::size_t p = 0; p < 5; ++p) {
    std::vector<int> taken(static_cast<std::size_t>(runs), 0);
    for (std::size_t k = 0; k < 24; ++k) {
      const double x = shares[k * 5 + p];
      ASSERT_TRUE(x >= 0 && x < 1);
      ++taken[static_cast<std::size_t>(x * runs)];
    }
    EXPECT_EQ(std::count(taken.begin(), taken.end(), 1), runs) << "parameter " << p;
  }
  EXPECT_EQ(shares, first_shares(3, 77, 5, runs));
  EXPECT_NE(shares, first_shares(3, 78, 5, runs));
  EXPECT_NE(shares, first_shares(4, 77, 5, runs));
}

TEST(SurrogateArchive, NeighboursBeginWithTheCentreAndStayInside) {
  const std::vector<double> centre{0.01, 0.5, 0.99};
  const auto shares = near_shares(3, 77, centre, 0.1, 400, 1);
  ASSERT_EQ(shares.size(), 1200u);
  EXPECT_TRUE(std::equal(centre.begin(), centre.end(), shares.begin()));
  EXPECT_TRUE(std::all_of(shares.begin(), shares.end(), [](double x) { return x >= 0 && x <= 1; }));
  double squares = 0;
  for (std::size_t k = 1; k < 400; ++k) squares += std::pow(shares[k * 3 + 1] - 0.5, 2);
  EXPECT_NEAR(std::sqrt(squares / 399), 0.1, 0.015);
  EXPECT_NE(shares, near_shares(3, 77, centre, 0.1, 400, 2));
}

TEST(SurrogateArchive, SharesBecomeValuesAlongTheRangeOrItsLogarithm) {
  std::vector<double> shares{0, 0.5, 1, 0, 0.5, 1};
  to_physical({{"a", -1, 3, false}, {"b", 1, 100, true}, {"c", 2, 4, false}}, shares);
  EXPECT_DOUBLE_EQ(shares[0], -1);
  EXPECT_NEAR(shares[1], 10, 1e-12);
  EXPECT_DOUBLE_EQ(shares[2], 4);
  EXPECT_NEAR(shares[4], 10, 1e-12);
}

}  // namespace
}  // namespace dpl
