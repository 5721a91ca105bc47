// CF time axes: units, starts and steps; what is refused.
#include <gtest/gtest.h>

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
                                     {"seconds since 1980-01-01 00:00:00 +00:00", 86400}}) {
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
  EXPECT_NE(message_of({0}, "days since 1980-01-01").find("at least 2"), std::string::npos);
}

}  // namespace
}  // namespace dpl
