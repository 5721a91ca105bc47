// Dates: strict ISO, the Gregorian rules, the way back.
#include <gtest/gtest.h>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

std::string error_of(std::string_view text) {
  try {
    parse_iso_date(text, "f.yaml:3: key k");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Date, KnownDays) {
  EXPECT_EQ(day_from_civil(1970, 1, 1), 0);
  EXPECT_EQ(day_from_civil(1969, 12, 31), -1);
  EXPECT_EQ(day_from_civil(2000, 3, 1), 11017);
  EXPECT_EQ(parse_iso_date("1981-10-01", ""), 4291);
  EXPECT_EQ(parse_iso_date("2010-09-30", "") - parse_iso_date("1995-10-01", "") + 1, 5479);  // the Juniata's test days
}

TEST(Date, WritingIsTheInverseOfReading) {
  for (Count day = -200000; day < 200000; day += 97) ASSERT_EQ(parse_iso_date(iso_date(day), ""), day);
}

TEST(Date, LeapYears) {
  EXPECT_EQ(parse_iso_date("2000-02-29", ""), 11016);
  EXPECT_EQ(error_of("1900-02-29"), "f.yaml:3: key k: '1900-02-29' is not a date: month 2 of 1900 has no day 29");
  EXPECT_EQ(error_of("1981-02-29"), "f.yaml:3: key k: '1981-02-29' is not a date: month 2 of 1981 has no day 29");
}

TEST(Date, AnythingElseIsRefused) {
  for (const char* text : {"", "1981-10-1", "81-10-01", "01.10.1981", "10/01/1981", "1981-10-01T00:00", "1981-1O-01",
                           " 1981-10-01", "+981-10-01", "19811001", "1981_10_01"})
    EXPECT_EQ(error_of(text), fmt::format("f.yaml:3: key k: '{}' is not a date of the form YYYY-MM-DD (for example "
                                          "1981-10-01)",
                                          text));
  EXPECT_EQ(error_of("1981-13-01"),
            "f.yaml:3: key k: '1981-13-01' is not a date: there is no month 13 (form YYYY-MM-DD)");
  EXPECT_EQ(error_of("1981-00-01"),
            "f.yaml:3: key k: '1981-00-01' is not a date: there is no month 0 (form YYYY-MM-DD)");
  EXPECT_EQ(error_of("1981-04-31"), "f.yaml:3: key k: '1981-04-31' is not a date: month 4 of 1981 has no day 31");
  EXPECT_EQ(error_of("1981-04-00"), "f.yaml:3: key k: '1981-04-00' is not a date: month 4 of 1981 has no day 0");
  EXPECT_THROW(day_from_civil(1981, 2, 30), Error);
}

TEST(Date, TimesOfTheDay) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00");
  EXPECT_EQ(iso_time(86399), "1970-01-01T23:59:59");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59");
  EXPECT_EQ(iso_time(-86400), "1969-12-31T00:00:00");
  EXPECT_EQ(iso_time(86400 * 4291 + 3661), "1981-10-01T01:01:01");
}

}  // namespace
}  // namespace dpl
