// ranks: 1 2 4
// Ranks read runs of rows that overlap, as they do where a file's order is not the network's. Collective reads of
// MPI-IO gave wrong numbers there (Open MPI 4.1.4, OMPIO with fcoll vulcan, dynamic and dynamic_gen2).
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "dpl/data/netcdf_file.hpp"

namespace dpl {
namespace {

constexpr Count kRows = 89;

TEST(OverlappingRows, AreReadRightByEveryRank) {
  const Communicator comm;
  const std::string path =
      (std::filesystem::temp_directory_path() / ("dpl_overlapping_rows_" + std::to_string(comm.size()) + ".nc"))
          .string();
  agree_on_root(comm, "test", [&] {
    std::vector<double> values;
    for (Count r = 0; r < kRows; ++r) values.push_back(0.5 * static_cast<double>(r));
    auto file = NetcdfFile::create_local(path);
    file.define_dimension("reach", kRows);
    file.define_variable("slope", "double", {"reach"});
    file.write("slope", values);
    file.close();
  });
  const auto file = NetcdfFile::open(comm, path);
  std::mt19937 draw(7 + comm.rank());
  int wrong = 0;
  for (int round = 0; round < 100; ++round) {
    Count first = draw() % (kRows / 2), count = draw() % (kRows - first + 1);  // none at all may be a rank's share
    if (round == comm.rank()) first = 0, count = kRows;
    const auto values = file.read("slope", std::vector<Count>{first}, std::vector<Count>{count});
    for (Count r = 0; r < count; ++r) wrong += values[r] != 0.5 * static_cast<double>(first + r);
  }
  EXPECT_EQ(wrong, 0) << "numbers";
  comm.barrier();
}

}  // namespace
}  // namespace dpl
