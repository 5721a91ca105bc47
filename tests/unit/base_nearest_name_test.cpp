// Suggestions for misspelt names.
#include <gtest/gtest.h>

#include <vector>

#include "dpl/base/nearest_name.hpp"

namespace dpl {
namespace {

TEST(NearestName, Distances) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("tarin", "train"), 1);  // one swap
  EXPECT_EQ(edit_distance("learning", "lerning"), 1);
}

TEST(NearestName, NearNamesAreFoundAndFarOnesNot) {
  const std::vector<std::string> known{"train", "evaluate", "route"};
  EXPECT_EQ(nearest_name("tarin", known), "train");
  EXPECT_EQ(nearest_name("rout", known), "route");
  EXPECT_EQ(nearest_name("calibrate", known), "");
  EXPECT_EQ(nearest_name("x", std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace dpl
