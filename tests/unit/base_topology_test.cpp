// The forest of reaches: order by id, depth, cycles refused by name.
#include <gtest/gtest.h>

#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/base/topology.hpp"

namespace dpl {
namespace {

std::string error_of(std::vector<Index> downstream, const std::vector<ReachId>& ids) {
  try {
    make_topology(std::move(downstream), ids);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Topology, UpstreamListsAreOrderedByIdNotByRow) {
  // 3, 1 and 0 drain into 2; their ids are in another order than their rows. 4 stands alone.
  const std::vector<ReachId> ids{30, 20, 5, 10, 1};
  const auto t = make_topology({2, 2, -1, 2, -1}, ids);
  const auto up = t.upstream_of(2);
  EXPECT_EQ(std::vector<Index>(up.begin(), up.end()), (std::vector<Index>{3, 1, 0}));
  EXPECT_TRUE(t.upstream_of(4).empty());
  EXPECT_EQ(t.depth, (std::vector<Index>{1, 1, 0, 1, 0}));
}

TEST(Topology, UpstreamFirstOrderAndDepthsOfRandomForests) {
  for (std::uint64_t network = 0; network < 20; ++network) {
    const Index n = 200;
    std::vector<Index> downstream(n);
    std::vector<ReachId> ids(n);
    for (Index i = 0; i < n; ++i) {
      // A random walk to lower rows; row 0 and every walk below 0 is an outlet.
      downstream[i] =
          i - 1 - static_cast<Index>(random_index({network, Purpose::test, 0, static_cast<std::uint64_t>(i)}, 7));
      if (downstream[i] < 0) downstream[i] = -1;
      ids[i] = 1000 - i;
    }
    const auto t = make_topology(downstream, ids);
    const auto order = upstream_first_order(t);
    std::vector<Index> position(n, -1);
    for (Index k = 0; k < n; ++k) position[order[k]] = k;
    for (Index i = 0; i < n; ++i) {
      ASSERT_GE(position[i], 0);
      if (downstream[i] < 0) {
        ASSERT_EQ(t.depth[i], 0);
        continue;
      }
      ASSERT_LT(position[i], position[downstream[i]]);
      ASSERT_EQ(t.depth[i], t.depth[downstream[i]] + 1);
    }
  }
}

TEST(Topology, CyclesAreNamedWhateverTheRowOrder) {
  EXPECT_EQ(error_of({1, 2, 0, 0}, {11, 12, 13, 14}),
            "the river network has a cycle of 3 reaches: 11 -> 12 -> 13 -> 11; every reach must drain to an outlet");
  EXPECT_EQ(error_of({2, 3, 1, 2}, {14, 13, 12, 11}),
            "the river network has a cycle of 3 reaches: 11 -> 12 -> 13 -> 11; every reach must drain to an outlet");
  EXPECT_EQ(error_of({0}, {7}),
            "the river network has a cycle of 1 reach: 7 -> 7; every reach must drain to an outlet");
  EXPECT_EQ(
      error_of({1, 2, 3, 4, 5, 6, 0}, {1, 2, 3, 4, 5, 6, 7}),
      "the river network has a cycle of 7 reaches: 1 -> 2 -> 3 -> 4 -> 5 -> ...; every reach must drain to an outlet");
}

TEST(Topology, BadIndicesAreRefused) {
  EXPECT_EQ(error_of({1, 2}, {11, 12}), "topology: reach 12 drains into index 2, outside 0..1");
  EXPECT_EQ(error_of({-2}, {11}), "topology: reach 11 drains into index -2, outside 0..0");
  EXPECT_EQ(error_of({-1}, {11, 12}), "topology: 2 reach ids for 1 reaches");
}

TEST(Topology, EmptyNetwork) { EXPECT_EQ(make_topology({}, {}).size(), 0); }

}  // namespace
}  // namespace dpl
