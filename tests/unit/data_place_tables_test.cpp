// Attributes and observations of places, and lists of basins.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "dpl/data/basin_list.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/place_tables.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr Count kFirstDay = 10000;  // 1997-05-19

class PlaceTables : public testing::Test {
 protected:
  PlaceTables() {
    header_.path = "forcing.nc";
    header_.place_id = {"01", "02", "03"};
    header_.area_km2 = {86.4, 0, 864};
    header_.first_day = kFirstDay;
    header_.days = 100;
  }

  NetcdfFile create(const std::string& name, const std::vector<std::string>& ids) {
    auto file = NetcdfFile::create_local(folder_ / name);
    file.define_dimension("place", static_cast<Count>(ids.size()));
    file.define_dimension("length", 4);
    file.define_variable("place_id", "char", {"place", "length"});
    return file;
  }

  // Flow of places 03, 01, 04 on two days from kFirstDay + 1.
  void write_flow(const std::vector<double>& values, const std::string& units, const std::string& name = "streamflow") {
    const std::vector<std::string> ids{"03", "01", "04"};
    auto file = create("observations.nc", ids);
    file.define_dimension("time", 2);
    file.define_variable("time", "double", {"time"});
    file.put_attribute("time", "units", "days since 1997-05-20");
    file.define_variable(name, "double", {"place", "time"});
    file.put_attribute(name, "units", units);
    file.write_strings("place_id", ids);
    file.write("time", std::vector<double>{0, 1});
    file.write(name, values);
    file.close();
  }

  PlaceObservations flow(const std::vector<Index>& places, Count first = 0, Count end = 4,
                         const std::string& name = "streamflow") {
    return read_place_observations(comm_, folder_ / "observations.nc", name, header_, places, kFirstDay + first,
                                   kFirstDay + end);
  }

  std::string list(const std::string& text, const std::string& name = "list.txt") {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  ForcingHeader header_;
  TemporaryFolder folder_;
  Communicator comm_;
};

void expect_words(const std::string& message, std::initializer_list<const char*> words) {
  for (const char* word : words) EXPECT_NE(message.find(word), std::string::npos) << word << "\n" << message;
}

TEST_F(PlaceTables, AttributesAreMatchedById) {
  const std::vector<std::string> ids{"03", "02", "01"};
  auto file = create("attributes.nc", ids);
  for (const char* name : {"slope", "aridity"}) file.define_variable(name, "double", {"place"});
  file.write_strings("place_id", ids);
  file.write("slope", std::vector<double>{3, 2, 1});
  file.write("aridity", std::vector<double>{0.3, kGap, 0.1});
  file.close();
  const auto read = [&](const std::vector<Index>& places, const std::vector<std::string>& names) {
    return read_place_attributes(comm_, folder_ / "attributes.nc", header_, places, names);
  };
  const auto a = read({0, 2}, {"aridity", "slope"});
  EXPECT_EQ(a.values, (std::vector<double>{0.1, 1, 0.3, 3}));
  EXPECT_EQ(a.count, 2);
  EXPECT_TRUE(std::isnan(read({1}, {"aridity"}).values[0]));
  expect_words(message_of([&] { read({0}, {"slop"}); }), {"variable slop is missing", "did you mean slope?"});
  header_.place_id = {"01", "x2", "x3"};
  expect_words(message_of([&] { read({0, 1, 2}, {"slope"}); }), {"attributes.nc: no row for 2 places: x2, x3"});
  const PlaceNeeds needs{{}, kFirstDay, kFirstDay, false, false, false, folder_ / "attributes.nc"};
  const std::vector<Index> all{0, 1, 2};
  const auto usable = usable_places(comm_, header_, all, needs);
  EXPECT_EQ(usable.place, (std::vector<Index>{0}));
  expect_words(usable.excluded[1].reason, {"no row in", "attributes.nc"});
}

TEST_F(PlaceTables, FlowOverTheAreaIsADepth) {
  write_flow({1, 2, 3, 4, 5, 6}, "m3 s-1");
  auto o = flow({0, 2});  // 86.4 and 864 km2: 1 m3/s is 1 and 0.1 mm/day
  const auto expected = std::vector<float>{3, 0.1F, 4, 0.2F};
  for (int k = 0; k < 4; ++k) EXPECT_FLOAT_EQ(o.values[2 + k], expected[k]);
  for (const int k : {0, 1, 6, 7}) EXPECT_TRUE(std::isnan(o.values[k])) << "days outside the record";
  EXPECT_EQ(o.present, (std::vector<Count>{2, 2}));
  EXPECT_EQ(o.unit, "mm/day");
  EXPECT_TRUE(o.warnings.empty());
  write_flow({1, 2, 3, 4, 5, 6}, "ft3 s-1");
  EXPECT_FLOAT_EQ(flow({0}).values[1], 3 * 0.028316846592);
  write_flow({1, 2, 3, 4, 5, 6}, "mm/day");
  EXPECT_EQ(flow({2}).values[1], 1) << "no area is needed";
  write_flow({1, 2, 3, 4, 5, 6}, "acre-feet");
  expect_words(message_of([&] { flow({0}); }),
               {"streamflow has the units \"acre-feet\"", "mm/day", "m3 s-1", "ft3 s-1"});
  header_.area_km2[0] = 0;
  write_flow({1, 2, 3, 4, 5, 6}, "m3 s-1");
  expect_words(message_of([&] { flow({0}); }), {"area_km2 of place 01 is 0 in forcing.nc"});
}

TEST_F(PlaceTables, GapsStayGapsAndEmptyRecordsAreNamed) {
  write_flow({kGap, 2, -3, 0, 5, 6}, "mm/day");
  auto o = flow({0, 1, 2});
  EXPECT_EQ(o.present, (std::vector<Count>{1, 0, 1}));
  ASSERT_EQ(o.warnings.size(), 2U);
  expect_words(o.warnings[0], {"1 value of streamflow at place 01", "as missing"});
  expect_words(o.warnings[1], {"1 place has no value of streamflow from 1997-05-19 to 1997-05-22: 02"});
  EXPECT_EQ(flow({0, 2}, 50, 60).present, (std::vector<Count>{0, 0})) << "a period without any day of the record";
  write_flow({0.2, 1.5, 0.1, 0.3, 0, 0}, "m3/m3", "soil_moisture");
  o = flow({2}, 0, 4, "soil_moisture");
  EXPECT_EQ(o.present[0], 1);
  expect_words(o.warnings[0], {"soil_moisture at place 03", "0..1"});
  expect_words(message_of([&] { flow({0}); }), {"variable streamflow is missing"});
}

TEST_F(PlaceTables, ListsOfBasins) {
  const auto read = [&](const std::string& text) { return read_basin_list(comm_, list(text)); };
  const auto l = read("\xEF\xBB\xBF# training\n 02 \r\n\n01 # near the sea\n");
  EXPECT_EQ(l.id, (std::vector<std::string>{"02", "01"}));
  EXPECT_EQ(l.line, (std::vector<int>{2, 4}));
  EXPECT_EQ(places_of(l, header_.place_id, header_.path), (std::vector<Index>{1, 0}));
  expect_words(message_of([&] { read("01\n02\n01\n"); }), {"list.txt: basin 01 stands in line 1 and in line 3"});
  expect_words(message_of([&] { read("01\n02 03\n"); }), {"line 2 is \"02 03\"", "one id a line"});
  expect_words(message_of([&] { read("01,02\n"); }), {"line 1 is \"01,02\""});
  expect_words(message_of([&] { read("# none\n"); }), {"holds no basin"});
  expect_words(message_of([&] { read_basin_list(comm_, folder_ / "none.txt"); }), {"none.txt: cannot be opened"});
  const std::vector<std::string> known{"01333000", "01350000"};
  const auto wrong = read("01350000\n0133300\n");
  expect_words(message_of([&] { places_of(wrong, known, "forcing.nc"); }),
               {"line 2: basin 0133300 is not in forcing.nc", "did you mean 01333000?"});
  const auto other = read_basin_list(comm_, list("07\n\n01\n", "other.txt"));
  check_apart(wrong, other);
  expect_words(message_of([&] { check_apart(l, other); }),
               {"other.txt: line 3: basin 01 stands in line 4 of", "list.txt too"});
}

}  // namespace
}  // namespace dpl
