// CF time axes: units, starts and steps; what is refused.
#include <gtest/gtest.h>

#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/data/calendar.hpp"

namespace dpl {
namespace {

std::string message_of(const std::vector<double>& values, const std::string& units, const std::string& calendar = "") {
  try {
    time_axis_from_cf(values, units, calendar, "file.nc");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Calendar, EveryUnitGivesTheSameAxis) {
  const auto expected = time_axis_from_cf({0, 1, 2}, "days since 1980-01-01 00:00:00", "proleptic_gregorian", "file.nc");
  EXPECT_EQ(expected.start_s, 3652 * 86400);
  EXPECT_EQ(expected.step_s, 86400);
  EXPECT_EQ(expected.end_s(), 3655 * 86400);
  for (const auto& [units, scale] : {std::pair<std::string, double>{"hours since 1980-01-01", 24},
                                     {"minutes since 1980-01-01 00:00", 1440},
                                     {"seconds since 1980-01-01T00:00:00Z", 86400},
                                     {"seconds since 1980-01-01 00:00:00 UTC", 86400},
                                     {"seconds since 1980-01-01 00:00:00 +00:00", 86400},
                                     {"seconds since 1980-01-01T00:00:00+00:00", 86400},
                                     {"seconds since 1980-01-01 0:0:0", 86400},
                                     {"seconds since 1980-1-1 00:00:00.000000", 86400},
                                     {"seconds since 1980-01-01 00:00:00 -0:00", 86400},
                                     {"Days Since 1980-01-01 UTC", 1},
                                     {"days since 1980-01-01T00:00Z ", 1}}) {
    const auto axis = time_axis_from_cf({0, scale, 2 * scale}, units, "gregorian", "file.nc");
    EXPECT_EQ(axis.start_s, expected.start_s) << units;
    EXPECT_EQ(axis.step_s, expected.step_s) << units;
  }
}

TEST(Calendar, StartCarriesTheTimeOfDayAndTheFirstValue) {
  const auto axis = time_axis_from_cf({3, 6, 9}, "hours since 2000-01-01 06:30:00", "", "file.nc");
  EXPECT_EQ(axis.start_s, 10957 * 86400 + 9 * 3600 + 1800);
  EXPECT_EQ(axis.step_s, 3 * 3600);
}

TEST(Calendar, RefusesWhatItDoesNotUnderstand) {
  EXPECT_NE(message_of({0, 1, 3}, "days since 1980-01-01").find("not regular"), std::string::npos);
  EXPECT_NE(message_of({0, -1}, "days since 1980-01-01").find("not regular"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "months since 1980-01-01").find("months"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 1980-02-30").find("1980-02-30"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 1980-01-01", "noleap").find("noleap"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 1980-01-01 00:00:00 -05:00").find("time zone"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 1980-01-01T00:00:00+05:00").find("time zone"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 1980-01-01 EST").find("time zone"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 1980-01-01 24:00:00").find("time of day"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since 19800101").find("YYYY-MM-DD"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "days since").find("YYYY-MM-DD"), std::string::npos);
  EXPECT_NE(message_of({0, 1}, "").find("allowed"), std::string::npos);
  EXPECT_NE(message_of({0}, "days since 1980-01-01").find("at least 2"), std::string::npos);
}

TEST(Calendar, RefusesValuesThatAreNoTimes) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(message_of({nan, 1}, "days since 1980-01-01").find("missing in row 0"), std::string::npos);
  EXPECT_NE(message_of({0, nan}, "days since 1980-01-01").find("missing in row 1"), std::string::npos);
  EXPECT_NE(message_of({0, 1e300}, "days since 1980-01-01").find("in row 1"), std::string::npos);
  EXPECT_NE(message_of({-1e18, 0}, "seconds since 1980-01-01").find("in row 0"), std::string::npos);
  EXPECT_NE(message_of({0, 2.5e6, 5e6, 0}, "days since 1980-01-01").find("in row 2"), std::string::npos);
}

TEST(Calendar, TheStandardCalendarIsJulianBefore15821015) {
  // 2000-01-01 is day 730121 after 0001-01-01 in the mixed calendar and day 730119 in the proleptic one (by cftime).
  for (const char* name : {"", "standard", "gregorian"})
    EXPECT_EQ(time_axis_from_cf({730121, 730122}, "days since 0001-01-01", name, "file.nc").start_s, 10957 * 86400) << name;
  EXPECT_EQ(time_axis_from_cf({730119, 730120}, "days since 1-1-1", "proleptic_gregorian", "file.nc").start_s, 10957 * 86400);
  // The day after 1582-10-04 is 1582-10-15.
  EXPECT_EQ(time_axis_from_cf({1, 2}, "days since 1582-10-04", "standard", "file.nc").start_s,
            time_axis_from_cf({0, 1}, "days since 1582-10-15", "standard", "file.nc").start_s);
  EXPECT_NE(message_of({0, 1}, "days since 1582-10-10", "standard").find("no such day"), std::string::npos);
  EXPECT_EQ(message_of({0, 1}, "days since 1582-10-10", "proleptic_gregorian"), "");
  EXPECT_EQ(message_of({0, 1}, "days since 1500-02-29", "standard"), "") << "a Julian leap year";
  EXPECT_NE(message_of({0, 1}, "days since 1500-02-29", "proleptic_gregorian"), "");
}

}  // namespace
}  // namespace dpl
