// Lateral inflow read window by window: the file's values whatever the order of dimensions and rows, read ahead or not; a
// failure in the thread is told by the read that wanted the rows; whole chunks are decoded once a window.
#include <gtest/gtest.h>

#include <numeric>

#include "dpl/data/inflow_reader.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

constexpr Index kReaches = 70;
constexpr Count kRows = 50;

float value_of(ReachId id, Count row) { return 0.1F * static_cast<float>(id) + 0.37F * static_cast<float>(row); }

class InflowReading : public testing::Test {
 protected:
  // Columns of the file are the network's reaches backwards.
  void write(const std::string& type, bool time_first, double broken_value = 0, Count broken_row = -1) {
    for (Index r = 0; r < kReaches; ++r) network_.reach_id.push_back(1000 - 3 * r);
    auto file = NetcdfFile::create_local(folder_ / "inflow.nc");
    file.define_dimension("time", kRows);
    file.define_dimension("reach", kReaches);
    file.define_variable("reach_id", "int64", {"reach"});
    file.define_variable("q_lateral", type, time_first ? std::vector<std::string>{"time", "reach"} : std::vector<std::string>{"reach", "time"}, 1);
    file.write("reach_id", std::vector<std::int64_t>(network_.reach_id.rbegin(), network_.reach_id.rend()));
    std::vector<double> values(kRows * kReaches);
    for (Count t = 0; t < kRows; ++t)
      for (Index c = 0; c < kReaches; ++c) {
        const bool broken = t == broken_row && c == kReaches - 1 - 5;   // reach 5
        values[time_first ? t * kReaches + c : c * kRows + t] = broken ? broken_value : value_of(network_.reach_id[kReaches - 1 - c], t);
      }
    file.write("q_lateral", values);
    file.close();
    header_ = {folder_ / "inflow.nc", {0, 3600, kRows}};
  }

  template <class Real>
  void expect_rows(InflowReader<Real>& reader, Index first_reach, Index end_reach, Count first_row, Count end_row) {
    const auto values = reader.read(first_row, end_row);
    const Count rows = end_row - first_row;
    ASSERT_EQ(values.size(), static_cast<std::size_t>((end_reach - first_reach) * rows));
    for (Index r = first_reach; r < end_reach; ++r)
      for (Count t = 0; t < rows; ++t)
        ASSERT_EQ(values[(r - first_reach) * rows + t], static_cast<Real>(value_of(network_.reach_id[r], first_row + t)))
            << "reach " << r << ", row " << first_row + t;
  }

  TemporaryFolder folder_;
  Communicator comm_;
  RiverNetwork network_;
  LateralInflowHeader header_;
};

TEST_F(InflowReading, GivesTheFilesValuesInEveryFormAheadOrNot) {
  for (const bool time_first : {true, false})
    for (const char* type : {"float", "double"}) {
      SCOPED_TRACE(std::string(type) + (time_first ? " (time, reach)" : " (reach, time)"));
      network_ = {};
      write(type, time_first);
      InflowReader<float> reader(comm_, header_, network_, 10, 64);
      expect_rows(reader, 10, 64, 3, 20);                // not ahead
      reader.prefetch(20, 37);
      expect_rows(reader, 10, 64, 20, 37);               // ahead
      reader.prefetch(0, 5);
      expect_rows(reader, 10, 64, 40, kRows);            // other rows than those ahead
      reader.prefetch(1, 2);
      reader.prefetch(7, 9);                             // given up for others
      expect_rows(reader, 10, 64, 7, 9);
      expect_rows(reader, 10, 64, 0, kRows);
    }
}

TEST_F(InflowReading, EveryValueIsDecodedOnceAWindow) {
  for (const bool time_first : {true, false}) {
    network_ = {};
    write("float", time_first);
    InflowReader<float> reader(comm_, header_, network_, 0, 30);
    reader.prefetch(10, 20);
    expect_rows(reader, 0, 30, 10, 20);
    EXPECT_EQ(reader.values_decoded(), 30 * 10);
  }
}

TEST_F(InflowReading, AFailureInTheThreadIsToldByTheReadThatWantsTheRows) {
  write("float", true, -1, 30);
  InflowReader<float> reader(comm_, header_, network_, 0, kReaches);
  reader.prefetch(25, 35);
  expect_rows(reader, 0, kReaches, 0, 25);
  const std::string here = message_of([&] { reader.read(25, 35); });
  reader.prefetch(25, 35);
  const std::string ahead = message_of([&] { reader.read(25, 35); });
  EXPECT_NE(ahead.find("q_lateral is -1 at reach 985, 1970-01-02T06:00"), std::string::npos) << ahead;
  EXPECT_EQ(here, ahead);
  EXPECT_NE(message_of([&] { reader.read(45, 51); }).find("rows 45..50 were asked for, the file has 50"), std::string::npos);
  expect_rows(reader, 0, kReaches, 31, kRows);
}

// Others may write while a thread reads: the library is asked by one at a time.
TEST_F(InflowReading, FilesAreWrittenWhileAThreadReads) {
  write("float", false);
  InflowReader<float> reader(comm_, header_, network_, 0, kReaches);
  std::vector<double> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0.5);
  for (int round = 0; round < 50; ++round) {
    reader.prefetch(round % 40, round % 40 + 10);
    {
      auto other = NetcdfFile::create_local(folder_ / "other.nc");
      other.define_dimension("x", 1000);
      other.define_variable("y", "double", {"x"}, 1);
      other.write("y", numbers);
      other.close();
    }
    ASSERT_EQ(NetcdfFile::open_local(folder_ / "other.nc").read("y"), numbers);
    expect_rows(reader, 0, kReaches, round % 40, round % 40 + 10);
  }
}

}  // namespace
}  // namespace dpl
