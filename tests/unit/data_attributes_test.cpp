// Statistics of attributes: by hand, and against those published with the Juniata.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "dpl/data/attributes.hpp"
#include "dpl/data/netcdf_file.hpp"

namespace dpl {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

TEST(Attributes, StatisticsLeaveMissingValuesOut) {
  const Communicator comm;
  const Attributes a{{"varies", "constant"}, 0, 4, {1, 7, 3, 7, kMissing, 7, 5, 7}};
  const auto s = attribute_statistics(comm, a);
  EXPECT_DOUBLE_EQ(s.mean[0], 3);
  EXPECT_DOUBLE_EQ(s.standard_deviation[0], std::sqrt(8.0 / 3));
  const auto x = standardise(a, s);
  EXPECT_DOUBLE_EQ(x[4], 0) << "a missing value becomes the mean";
  EXPECT_DOUBLE_EQ(x[0], -x[6]);
  EXPECT_DOUBLE_EQ(x[1], 0) << "a constant attribute becomes 0, not infinite";
  const Attributes elsewhere{{"varies", "constant"}, 0, 1, {5, 5000}};
  EXPECT_LT(std::abs(standardise(elsewhere, s)[1]), 1e-20) << "also where it has another value";
}

TEST(Attributes, StatisticsOfTheJuniataAreThePublishedOnes) {
  const char* data = std::getenv("DPL_DATA");
  const std::string folder = std::string(data ? data : "") + "/juniata";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs real data: juniata";
  const Communicator comm;
  const auto network = read_river_network(comm, folder + "/network.nc", 1e-3);
  ASSERT_EQ(network.size(), 213);
  const std::vector<std::string> names{"SoilGrids1km_clay", "aridity", "meanelevation", "meanP", "NDVI",
                                       "meanslope", "log10_uparea", "SoilGrids1km_sand", "ETPOT_Hargr", "Porosity"};
  const auto s = attribute_statistics(comm, read_attributes(comm, folder + "/attributes.nc", network, names, 0, network.size()));
  // As published with the data (attributes statistics_mean and statistics_std of the first and the fifth).
  EXPECT_NEAR(s.mean[0] / 23.2554086639533, 1, 1e-9);
  EXPECT_NEAR(s.standard_deviation[0] / 0.579366144187254, 1, 1e-9);
  EXPECT_NEAR(s.mean[4] / 0.591086624819538, 1, 1e-9);
  EXPECT_NEAR(s.standard_deviation[4] / 0.0160111024295676, 1, 1e-9);
}

}  // namespace
}  // namespace dpl
