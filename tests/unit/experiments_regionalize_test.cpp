// Who is a donor of whom, by hand.
#include <gtest/gtest.h>

#include <limits>

#include "dpl/experiments/regionalize.hpp"

namespace dpl {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

TEST(Donors, AreTheNearestOnesInOrder) {
  const std::vector<double> distances{3, 1, kNever, 0.5, 1, 7};
  const auto donors = nearest_donors(distances, 4);
  ASSERT_EQ(donors.size(), 4U);
  const std::vector<Index> expected{3, 1, 4, 0};  // 1 before 4: equally near
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(donors[k].donor, expected[k]);
    EXPECT_EQ(donors[k].distance, distances[static_cast<std::size_t>(expected[k])]);
  }
  EXPECT_EQ(nearest_donors(distances, 100).size(), 5U);  // not the one that may not take part
}

TEST(Donors, DistanceOfAttributes) {
  EXPECT_DOUBLE_EQ(attribute_distance(std::vector<double>{1, 2, 3}, std::vector<double>{1, 5, 7}), 5);
}

// A degree along a great circle is 6371 km pi / 180; a quarter of the sphere lies between equator and pole.
TEST(Donors, DistanceOnTheMap) {
  constexpr double kDegree_km = 111.19492664455873;
  EXPECT_NEAR(map_distance_km(0, 10, 0, 11), kDegree_km, 1e-9);
  EXPECT_NEAR(map_distance_km(45, -100, 46, -100), kDegree_km, 1e-9);
  EXPECT_NEAR(map_distance_km(0, 170, 90, 20), 90 * kDegree_km, 1e-8);
  EXPECT_NEAR(map_distance_km(0, 179.5, 0, -179.5), kDegree_km, 1e-9);
  EXPECT_NEAR(map_distance_km(10, 20, -10, -160), 180 * kDegree_km, 1e-3);  // antipodes: 2 R sqrt(rounding) = 0.2 m
  EXPECT_EQ(map_distance_km(41.5, -73.25, 41.5, -73.25), 0);
  // One degree of longitude at 60 degrees north spans less than half a degree of arc:
  // cos c = sin^2 60 + cos^2 60 cos 1.
  EXPECT_NEAR(map_distance_km(60, 0, 60, 1), kDegree_km * 0.4999952403304764, 1e-9);
}

TEST(Donors, SetsAreFoundById) {
  const DonorSets sets{{"01", "03"}, {0.1, 0.2, 0.3, 0.4}, 2};
  EXPECT_EQ(sets.of("03")[0], 0.3);
  EXPECT_THROW(sets.of("02"), Error);
}

}  // namespace
}  // namespace dpl
