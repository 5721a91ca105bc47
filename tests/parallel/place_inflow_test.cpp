// ranks: 1 2 3 4
// Runoff of places becomes lateral inflow of their reaches, added in the order of the places whatever the ranks; the way
// back is its adjoint.
#include "dpl/coupling/place_inflow.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"

namespace dpl {
namespace {

constexpr Index kPlaces = 37, kReaches = 11;
constexpr Count kDays = 9;

double draw(std::uint64_t what, std::uint64_t item, std::uint32_t number) {
  return random_uniform({5, Purpose::test, what, item}, number);
}

struct Case {
  Communicator comm;
  BlockDistribution places{kPlaces, 5, comm.rank(), comm.size()};
  std::vector<Index> reach, own;
  std::vector<double> factor;

  Case() {
    for (Index k = 0; k < kPlaces; ++k) {
      reach.push_back(static_cast<Index>(random_index({5, Purpose::test, 1, static_cast<std::uint64_t>(k)}, kReaches)));
      factor.push_back(10 * draw(2, static_cast<std::uint64_t>(k), 0) * kCubicMetresOfMillimetre);
    }
    for (Index r = kReaches - 2; r >= 0; --r)  // the last reach lies on no rank
      if (r % comm.size() == comm.rank()) own.push_back(r);
  }
  PlaceInflow inflow() const { return {comm, places, reach, factor, own}; }
  std::vector<double> runoff() const {
    std::vector<double> rows;
    for (Index k = places.first_reach(); k < places.end_reach(); ++k)
      for (Count day = 0; day < kDays; ++day) rows.push_back(runoff(k, day));
    return rows;
  }
  static double runoff(Index place, Count day) {
    return 20 * draw(3, static_cast<std::uint64_t>(place), static_cast<std::uint32_t>(day));
  }
};

TEST(PlaceInflow, AddsInTheOrderOfThePlaces) {
  const Case c;
  const auto made = c.inflow().to_reaches(c.runoff(), kDays);
  ASSERT_EQ(made.size(), c.own.size() * kDays);
  for (std::size_t i = 0; i < c.own.size(); ++i)
    for (Count day = 0; day < kDays; ++day) {
      double sum = 0;
      for (Index k = 0; k < kPlaces; ++k)
        if (c.reach[static_cast<std::size_t>(k)] == c.own[i])
          sum += Case::runoff(k, day) * c.factor[static_cast<std::size_t>(k)];
      EXPECT_EQ(made[i * kDays + static_cast<std::size_t>(day)], sum);
    }
}

TEST(PlaceInflow, TheWayBackIsTheAdjoint) {
  const Case c;
  const PlaceInflow inflow = c.inflow();
  const auto u = c.runoff(), made = inflow.to_reaches(u, kDays);
  std::vector<double> w;
  for (const Index r : c.own)
    for (Count day = 0; day < kDays; ++day)
      w.push_back(draw(4, static_cast<std::uint64_t>(r), static_cast<std::uint32_t>(day)) - 0.5);
  const auto back = inflow.to_places(w, kDays);
  ASSERT_EQ(back.size(), u.size());
  std::vector<double> rows(2 * static_cast<std::size_t>(c.comm.size()), 0.0);
  for (std::size_t i = 0; i < w.size(); ++i) rows[2 * static_cast<std::size_t>(c.comm.rank())] += made[i] * w[i];
  for (std::size_t i = 0; i < u.size(); ++i) rows[2 * static_cast<std::size_t>(c.comm.rank()) + 1] += back[i] * u[i];
  c.comm.gather_owned(rows);
  double left = 0, right = 0;
  for (std::size_t k = 0; k < rows.size(); k += 2) left += rows[k], right += rows[k + 1];
  EXPECT_GT(std::abs(left), 1e-3);
  EXPECT_NEAR(left, right, 1e-12 * std::abs(left));
}

TEST(PlaceInflow, RefusesOtherSizes) {
  const Case c;
  EXPECT_THROW(PlaceInflow(c.comm, c.places, std::span(c.reach).first(3), c.factor, c.own), Error);
  EXPECT_THROW(c.inflow().to_places(std::vector<double>(3), kDays), Error);
}

}  // namespace
}  // namespace dpl
