// ranks: 1 2 4
// Each rank reads the forcing of its own places only, and all ranks agree on what is wrong and on who is left out.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "dpl/data/basin_list.hpp"
#include "dpl/data/forcing.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/place_tables.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

constexpr Index kPlaces = 90;
constexpr Count kDays = 40;
constexpr float kGap = std::numeric_limits<float>::quiet_NaN();

float rain_of(Index place, Count day) { return static_cast<float>((place * 7 + day * 3) % 50); }

class PlaceRows : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / ("dpl_place_rows_" + std::to_string(comm_.size()))).string();
    agree_on_root(comm_, "test", [&] { write(); });
    header_ = read_forcing_header(comm_, folder_ + "/forcing.nc");
    for (Index p = comm_.rank(); p < kPlaces; p += comm_.size()) mine_.push_back(p);
  }

  void TearDown() override { comm_.barrier(); }  // files are open on other ranks still

  // Gaps at place 60, day 5, and all over place 61; place 62 has no area, 63 no attributes, 64 no flow.
  void write() const {
    std::filesystem::create_directories(folder_);
    std::vector<float> rain;
    std::vector<double> area(kPlaces, 86.4), slope, flow;
    std::vector<std::string> ids;
    for (Index p = 0; p < kPlaces; ++p) {
      ids.push_back("b" + std::to_string(1000 + p));
      slope.push_back(p);
      for (Count t = 0; t < kDays; ++t) {
        rain.push_back((p == 60 && t == 5) || p == 61 ? kGap : rain_of(p, t));
        flow.push_back(p == 64 ? kGap : p + 0.5);
      }
    }
    area[62] = 0;
    auto f = create("forcing.nc", ids);
    f.define_dimension("time", kDays);
    f.define_variable("time", "double", {"time"});
    f.put_attribute("time", "units", "days since 2000-01-01");
    f.define_variable("area_km2", "double", {"place"});
    f.put_attribute("area_km2", "units", "km2");
    f.define_variable("precipitation", "float", {"place", "time"}, 1);
    f.put_attribute("precipitation", "units", "mm/day");
    f.set_chunks("precipitation", {1, kDays});
    f.define_variable("streamflow", "double", {"place", "time"});  // one file serves as both here
    f.put_attribute("streamflow", "units", "mm/day");
    f.write_strings("place_id", ids);
    std::vector<double> days;
    for (Count t = 0; t < kDays; ++t) days.push_back(static_cast<double>(t));
    f.write("time", days);
    f.write("area_km2", area);
    f.write("precipitation", rain);
    f.write("streamflow", flow);
    f.close();
    ids.erase(ids.begin() + 63);
    slope.erase(slope.begin() + 63);
    auto a = create("attributes.nc", ids);
    a.define_variable("slope", "double", {"place"});
    a.write_strings("place_id", ids);
    a.write("slope", slope);
    a.close();
    std::ofstream(folder_ + "/train.txt") << "b1001\nb1000\n";
    std::ofstream(folder_ + "/twice.txt") << "b1001\nb1001\n";
  }

  NetcdfFile create(const std::string& name, const std::vector<std::string>& ids) const {
    auto file = NetcdfFile::create_local(folder_ + "/" + name);
    file.define_dimension("place", static_cast<Count>(ids.size()));
    file.define_dimension("length", 5);
    file.define_variable("place_id", "char", {"place", "length"});
    return file;
  }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  Communicator comm_;
  std::string folder_;
  ForcingHeader header_;
  std::vector<Index> mine_;
};

// The text is the same on all ranks.
void expect_agreed(const Communicator& comm, const std::string& message, const std::string& words) {
  EXPECT_NE(message.find(words), std::string::npos) << message;
  EXPECT_EQ(message, comm.broadcast(message));
}

TEST_F(PlaceRows, AreThoseOfTheRankAlone) {
  const Count before = NetcdfFile::numbers_read();
  const auto f =
      read_forcing(comm_, header_, mine_, {"precipitation"}, header_.first_day + 10, header_.end_day(), Gaps::keep);
  EXPECT_EQ(NetcdfFile::numbers_read() - before, static_cast<Count>(mine_.size()) * 30);
  for (Count t = 0; t < 30; ++t)
    for (std::size_t k = 0; k < mine_.size(); ++k)
      if (mine_[k] != 61) EXPECT_EQ(f.values[0][t * mine_.size() + k], rain_of(mine_[k], t + 10));
  const auto o = read_place_observations(comm_, path("forcing.nc"), "streamflow", header_, mine_, header_.first_day,
                                         header_.end_day());
  EXPECT_EQ(comm_.sum(static_cast<std::int64_t>(o.warnings.size())), 1) << "the rank of place 64";
  const auto s = read_place_attributes(comm_, path("attributes.nc"), header_,
                                       std::vector<Index>{mine_.back(), mine_.front()}, {"slope"});
  EXPECT_EQ(s.values, (std::vector<double>{static_cast<double>(mine_.back()), static_cast<double>(mine_.front())}));
}

TEST_F(PlaceRows, AFailureOfOneRankIsEveryones) {
  expect_agreed(comm_, message_of([&] {
                  read_forcing(comm_, header_, mine_, {"precipitation"}, header_.first_day, header_.end_day());
                }),
                "precipitation is missing at place b106");
  expect_agreed(comm_,
                message_of([&] { read_place_attributes(comm_, path("attributes.nc"), header_, mine_, {"slope"}); }),
                "no row for 1 place: b1063");
  expect_agreed(comm_, message_of([&] { read_forcing_header(comm_, path("none.nc")); }), "none.nc: cannot be opened");
  expect_agreed(comm_, message_of([&] { read_basin_list(comm_, path("twice.txt")); }),
                "b1001 stands in line 1 and in line 2");
  expect_agreed(comm_, message_of([&] { read_basin_list(comm_, path("none.txt")); }), "none.txt: cannot be opened");
  EXPECT_EQ(read_basin_list(comm_, path("train.txt")).id, (std::vector<std::string>{"b1001", "b1000"}));
}

TEST_F(PlaceRows, AllRanksLeaveTheSamePlacesOut) {
  std::vector<Index> all(kPlaces), kept;
  for (Index p = 0; p < kPlaces; ++p) all[p] = kPlaces - 1 - p;
  for (const Index p : all)
    if (p < 60 || p > 63) kept.push_back(p);
  const PlaceNeeds needs{{"precipitation"},    header_.first_day, header_.end_day(), true, false, false,
                         path("attributes.nc")};
  const auto usable = usable_places(comm_, header_, all, needs);
  EXPECT_EQ(usable.place, kept);
  ASSERT_EQ(usable.excluded.size(), 4U);
  EXPECT_EQ(usable.excluded[0].place_id, "b1063");
  EXPECT_EQ(usable.excluded[1].reason, "area_km2 is 0");
  EXPECT_EQ(usable.excluded[2].detail, "on all 40 days");
  EXPECT_EQ(usable.excluded[3].detail, "on 1 day, the first is 2000-01-06");
  PlaceNeeds flow = needs;
  flow.observations = path("forcing.nc");
  flow.first_observed_day = header_.first_day + 2;
  flow.end_observed_day = header_.end_day();
  const auto observed = usable_places(comm_, header_, all, flow);
  ASSERT_EQ(observed.excluded.size(), 5U);
  EXPECT_EQ(observed.excluded[0].place_id + ": " + observed.excluded[0].reason,
            "b1064: streamflow has no value from 2000-01-03 to 2000-02-09");
  const std::vector<Index> bad{61};
  expect_agreed(comm_, message_of([&] { usable_places(comm_, header_, bad, needs); }), "no place is left");
}

}  // namespace
}  // namespace dpl
