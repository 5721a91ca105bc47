// Forcing of places: both orders and any chunks, units, gaps, what is refused and what is left out.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/data/forcing.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "src/data/place_rows.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

// What a test changes of a sound file of 3 places and 4 days from 2000-02-28.
struct Contents {
  std::vector<std::string> ids{"00000007", "b", "00000009"};
  std::vector<double> precipitation{0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};  // [place][day]
  std::vector<double> area{100, 250, 50}, latitude{10, 20, -30};
  std::vector<std::int64_t> reach{5, 0, 6};
  std::string precipitation_units = "mm/day", temperature_units = "degC", time_units = "days since 2000-02-28";
  std::vector<double> temperature = std::vector<double>(12, 5.0);
  bool time_first = false;
  std::vector<Count> chunks;  // of precipitation, in its own order
  std::vector<double> time{0, 1, 2, 3};
};

class ForcingFile : public testing::Test {
 protected:
  void put(NetcdfFile& file, const std::string& name, const std::vector<std::string>& dimensions,
           const std::string& units) {
    file.define_variable(name, "double", dimensions);
    if (!units.empty()) file.put_attribute(name, "units", units);
  }

  ForcingHeader header(const Contents& c) {
    auto file = NetcdfFile::create_local(path());
    const auto places = static_cast<Count>(c.ids.size());
    file.define_dimension("place", places);
    file.define_dimension("time", 4);
    file.define_dimension("length", 10);
    file.define_variable("place_id", "char", {"place", "length"});
    file.define_variable("hru_reach", "int64", {"place"});
    put(file, "time", {"time"}, c.time_units);
    put(file, "area_km2", {"place"}, "km2");
    put(file, "latitude", {"place"}, "degrees_north");
    const std::vector<std::string> order =
        c.time_first ? std::vector<std::string>{"time", "place"} : std::vector<std::string>{"place", "time"};
    put(file, "precipitation", order, c.precipitation_units);
    if (!c.chunks.empty()) file.set_chunks("precipitation", c.chunks);
    put(file, "temperature_mean", {"place", "time"}, c.temperature_units);
    put(file, "humidity", {"place", "time"}, "furlongs");  // not named by the format: no unit is checked
    file.write_strings("place_id", c.ids);
    file.write("hru_reach", c.reach);
    file.write("time", c.time);
    file.write("area_km2", c.area);
    file.write("latitude", c.latitude);
    std::vector<double> rain = c.precipitation;
    if (c.time_first)
      for (Count p = 0; p < places; ++p)
        for (Count t = 0; t < 4; ++t) rain[t * places + p] = c.precipitation[p * 4 + t];
    file.write("precipitation", rain);
    file.write("temperature_mean", c.temperature);
    file.write("humidity", std::vector<double>(12, -7));
    file.close();
    return read_forcing_header(comm_, path());
  }

  Forcing rain(const ForcingHeader& h, const std::vector<Index>& places, Count first = 0, Count end = 4,
               Gaps gaps = Gaps::refuse) {
    return read_forcing(comm_, h, places, {"precipitation"}, h.first_day + first, h.first_day + end, gaps);
  }

  std::string path() const { return folder_ / "forcing.nc"; }

  TemporaryFolder folder_;
  Communicator comm_;
};

void expect_words(const std::string& message, std::initializer_list<const char*> words) {
  for (const char* word : words) EXPECT_NE(message.find(word), std::string::npos) << word << "\n" << message;
}

TEST_F(ForcingFile, HeaderSaysPlacesDaysAndVariables) {
  const auto h = header({});
  EXPECT_EQ(h.place_id, (std::vector<std::string>{"00000007", "b", "00000009"}));
  EXPECT_EQ(iso_date(h.first_day), "2000-02-28");
  EXPECT_EQ(iso_date(h.end_day() - 1), "2000-03-02") << "a leap year";
  EXPECT_EQ(h.variables, (std::vector<std::string>{"precipitation", "temperature_mean", "humidity"}));
  EXPECT_EQ(h.area_km2, (std::vector<double>{100, 250, 50}));
  EXPECT_TRUE(std::isnan(h.elevation_m[0])) << "the file has none";
  EXPECT_EQ(h.reach_id, (std::vector<ReachId>{5, 0, 6}));
}

TEST_F(ForcingFile, RowsAreThoseAskedForInEveryLayout) {
  for (const bool time_first : {false, true})
    for (const std::vector<Count>& chunks : {std::vector<Count>{}, {1, 3}, {3, 1}, {2, 2}, {3, 3}}) {
      Contents c;
      c.time_first = time_first;
      c.chunks = chunks;
      const auto h = header(c);
      const auto f = rain(h, {2, 0, 2}, 1, 4);
      EXPECT_EQ(f.of("precipitation"), (std::vector<float>{21, 1, 21, 22, 2, 22, 23, 3, 23}));
      EXPECT_TRUE(rain(h, {}).of("precipitation").empty());
      EXPECT_TRUE(rain(h, {1}, 2, 2).of("precipitation").empty());
      const auto file = NetcdfFile::open_local(path());
      const std::vector<Index> all{2, 0, 1};
      for (const Count tile : {1, 2, 5}) {
        std::vector<float> values(9);
        read_place_rows(file, "precipitation", {}, all, 0, 3, values, tile);
        EXPECT_EQ(values, (std::vector<float>{20, 0, 10, 21, 1, 11, 22, 2, 12})) << tile;
      }
    }
  expect_words(message_of([&] { rain(header({}), {0}).of("snow"); }), {"snow was not read"});
}

TEST_F(ForcingFile, StatedUnitsAreConvertedOthersRefused) {
  Contents c;
  const std::pair<const char*, double> units[] = {
      {"mm d-1", 1}, {"mm h-1", 24}, {"kg m-2 s-1", 86400}, {"in/day", 25.4}};
  for (const auto& [unit, factor] : units) {
    c.precipitation_units = unit;
    c.precipitation.assign(12, 0.01);
    EXPECT_FLOAT_EQ(rain(header(c), {0}).of("precipitation")[2], 0.01 * factor) << unit;
  }
  c = {};
  c.temperature_units = "K";
  c.temperature.assign(12, 300);
  auto h = header(c);
  const std::vector<Index> one{1};
  EXPECT_FLOAT_EQ(read_forcing(comm_, h, one, {"temperature_mean"}, h.first_day, h.end_day()).values[0][3], 26.85F);
  c.temperature_units = "degree_fahrenheit";
  c.temperature.assign(12, 50);
  h = header(c);
  EXPECT_NEAR(read_forcing(comm_, h, one, {"temperature_mean"}, h.first_day, h.end_day()).values[0][0], 10, 1e-6);
  EXPECT_EQ(forcing_unit("temperature_mean"), "degC");
  EXPECT_EQ(forcing_unit("humidity"), "");
  for (const char* unit : {"furlongs", "", "mm/month"}) {
    c = {};
    c.precipitation_units = unit;
    expect_words(message_of([&] { header(c); }), {"forcing.nc: variable precipitation", unit, "mm/day, mm/h"});
  }
}

TEST_F(ForcingFile, GapsAreRefusedOrKept) {
  Contents c;
  c.precipitation[4 + 2] = kGap;
  c.precipitation[4 + 3] = kGap;
  const auto h = header(c);
  expect_words(message_of([&] {
                 rain(h, {0, 1});
               }),
               {"forcing.nc: precipitation is missing at place b on 2000-03-01 (2 of the 8 values read)"});
  EXPECT_EQ(rain(h, {0, 1}, 0, 2).of("precipitation").size(), 4U) << "no gap in these days";
  EXPECT_EQ(rain(h, {0, 2}).of("precipitation").size(), 8U) << "nor at these places";
  const auto kept = rain(h, {1}, 0, 4, Gaps::keep).of("precipitation");
  EXPECT_EQ(kept[1], 11);
  EXPECT_TRUE(std::isnan(kept[2]));
}

TEST_F(ForcingFile, ValuesThatCannotBeAreRefused) {
  Contents c;
  c.precipitation[9] = -0.5;
  expect_words(message_of([&] {
                 rain(header(c), {1, 2});
               }),
               {"precipitation is -0.5 mm/day at place 00000009 on 2000-02-29", "0..3000"});
  c = {};
  c.temperature.assign(12, 290);  // kelvin called degC
  const auto h = header(c);
  const std::vector<Index> all{0, 1, 2};
  expect_words(message_of([&] { read_forcing(comm_, h, all, {"temperature_mean"}, h.first_day, h.end_day()); }),
               {"temperature_mean is 290 degC at place 00000007", "-100..70"});
}

TEST_F(ForcingFile, WrongFilesAreToldInOneLine) {
  const auto words_of = [&](auto change) {
    Contents c;
    change(c);
    return message_of([&] { header(c); });
  };
  expect_words(words_of([](Contents& c) { c.ids[1] = "00000007"; }), {"holds 00000007 twice (rows 0 and 1)"});
  expect_words(words_of([](Contents& c) { c.ids[1] = ""; }), {"no id in row 1"});
  expect_words(words_of([](Contents& c) { c.ids[1] = "a b"; }), {"blank", "row 1"});
  expect_words(words_of([](Contents& c) { c.time_units = "hours since 2000-01-01"; }), {"step is 3600 s", "daily"});
  expect_words(words_of([](Contents& c) { c.time_units = "days since 2000-01-01 06:00"; }),
               {"2000-01-01T06:00:00", "midnight"});
  expect_words(words_of([](Contents& c) { c.time = {0, 1, 3, 4}; }), {"not regular"});
  expect_words(words_of([](Contents& c) { c.area[2] = -1; }), {"area_km2 of place 00000009 is -1"});
  expect_words(words_of([](Contents& c) { c.latitude[0] = 95; }), {"latitude of place 00000007 is 95", "-90..90"});
  const auto h = header({});
  expect_words(message_of([&] { rain(h, {0}, -1, 4); }),
               {"2000-02-27 to 2000-03-02 are asked for", "2000-02-28 to 2000-03-02"});
  const std::vector<Index> one{0};
  expect_words(message_of([&] { read_forcing(comm_, h, one, {"temperature_men"}, h.first_day, h.end_day()); }),
               {"no variable temperature_men", "did you mean temperature_mean?"});
}

TEST_F(ForcingFile, PlacesThatLackSomethingAreLeftOutWithTheReason) {
  Contents c;
  c.precipitation[1] = kGap;
  c.area[1] = 0;
  const auto h = header(c);
  const std::vector<Index> all{2, 1, 0};
  PlaceNeeds needs{{"precipitation", "temperature_mean"}, h.first_day, h.end_day(), true, false, true, {}};
  auto usable = usable_places(comm_, h, all, needs);
  EXPECT_EQ(usable.place, (std::vector<Index>{2}));
  ASSERT_EQ(usable.excluded.size(), 2U);
  EXPECT_EQ(usable.excluded[0].place_id + ": " + usable.excluded[0].reason, "b: area_km2 is 0");
  EXPECT_EQ(usable.excluded[1].reason + " " + usable.excluded[1].detail,
            "precipitation is missing on 1 day, the first is 2000-02-29");
  EXPECT_EQ(usable.messages("f.nc"),
            (std::vector<std::string>{
                "f.nc: 1 place is left out, area_km2 is 0: b",
                "f.nc: 1 place is left out, precipitation is missing: 00000007 (on 1 day, the first is 2000-02-29)"}));
  needs.first_day += 2;
  needs.area = false;
  EXPECT_EQ(usable_places(comm_, h, all, needs).place, all) << "no gap after the second day, areas not needed";
  needs.elevation = true;
  expect_words(message_of([&] { usable_places(comm_, h, all, needs); }),
               {"no place is left", "3 places are left out, elevation_m is missing"});
}

TEST_F(ForcingFile, HruReachNamesReachesOfTheNetwork) {
  RiverNetwork network;
  network.path = "network.nc";
  network.index_of = {{6, 0}, {5, 1}};
  EXPECT_EQ(reaches_of_places(header({}), network), (std::vector<Index>{1, -1, 0}));
  Contents c;
  c.reach[1] = 77;
  const auto h = header(c);
  expect_words(message_of([&] { reaches_of_places(h, network); }), {"hru_reach of place b is 77", "network.nc"});
}

}  // namespace
}  // namespace dpl
