// CF time axes.
#include "dpl/data/calendar.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <sstream>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr Count kDay = 86400;
constexpr double kYear0 = -62167219200.0, kYear10000 = 253402300800.0;  // first seconds of these years

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Reads "days since 1980-01-01 00:00:00 UTC" from left to right.
class Units {
 public:
  Units(const std::string& units, const std::string& where) : units_(units), where_(where), rest_(lower_case(units)) {}

  Count unit_seconds() {
    const std::string unit = word();
    if (word() != "since") fail_with("allowed: days, hours, minutes or seconds since a date");
    for (const auto& [names, seconds] : {std::pair<std::string, Count>{"days day d", 86400},
                                         {"hours hour hrs hr h", 3600},
                                         {"minutes minute mins min", 60},
                                         {"seconds second secs sec s", 1}}) {
      std::istringstream list(names);
      for (std::string name; list >> name;)
        if (unit == name) return seconds;
    }
    fail_with("allowed: days, hours, minutes or seconds since a date");
  }

  // Day of the date since 1970-01-01. In the standard calendar dates before 1582-10-15 are Julian.
  Count day(bool julian_before_1582) {
    const Count year = number(4), month = (expect('-'), number(2)), day = (expect('-'), number(2));
    const Count date = (year * 100 + month) * 100 + day;
    if (julian_before_1582 && date < 15821015) return julian_day(year, month, day);
    return parse_iso_date(fmt::format("{:04d}-{:02d}-{:02d}", year, month, day),
                          where_ + ": time units \"" + units_ + "\"");
  }

  // "00:00:00", "06:30", "0:0:0.0", "T06"; nothing = midnight.
  double clock_seconds() {
    if (!take('t')) skip_blanks();
    if (rest_.empty() || !std::isdigit(static_cast<unsigned char>(rest_[0]))) return 0;
    const Count hours = number(2), minutes = take(':') ? number(2) : 0;
    double seconds = 0;
    if (take(':')) {
      seconds = static_cast<double>(number(2));
      if (take('.')) seconds += fraction();
    }
    if (hours > 23 || minutes > 59 || seconds >= 60) fail_with("the time of day is not understood");
    return static_cast<double>(hours * 3600 + minutes * 60) + seconds;
  }

  // Only UTC is accepted behind the time of day.
  void zone() {
    skip_blanks();
    const std::string zone = rest_.substr(0, rest_.find_last_not_of(' ') + 1);
    if (zone.empty() || zone == "z" || zone == "utc" || zone == "gmt") return;
    const bool digits_only = zone.find_first_not_of("+-:0123456789") == std::string::npos;
    if (!digits_only && zone[0] != '+' && zone[0] != '-' && !std::isalpha(static_cast<unsigned char>(zone[0])))
      fail_with("the time of day is not understood");
    if (!digits_only || zone.find_first_of("123456789") != std::string::npos || zone.find('0') == std::string::npos)
      fail("{}: time units \"{}\" carry the time zone {}; give UTC", where_, units_, zone);
  }

 private:
  [[noreturn]] void fail_with(const std::string& reason) const {
    fail("{}: time units \"{}\": {}", where_, units_, reason);
  }
  void skip_blanks() { rest_.erase(0, std::min(rest_.find_first_not_of(' '), rest_.size())); }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.erase(0, 1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail_with("the date must have the form YYYY-MM-DD (for example 1980-01-01)");
  }
  std::string word() {
    skip_blanks();
    const std::string found = rest_.substr(0, rest_.find(' '));
    rest_.erase(0, found.size());
    skip_blanks();
    return found;
  }
  Count number(std::size_t most_digits) {
    std::size_t digits = 0;
    Count value = 0;
    for (; digits < rest_.size() && std::isdigit(static_cast<unsigned char>(rest_[digits])); ++digits)
      if (digits < most_digits) value = 10 * value + (rest_[digits] - '0');
    if (digits == 0 || digits > most_digits)
      fail_with("the date must have the form YYYY-MM-DD, the time of day HH:MM:SS");
    rest_.erase(0, digits);
    return value;
  }
  double fraction() {
    double value = 0, place = 0.1;
    for (; !rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_[0])); place /= 10, rest_.erase(0, 1))
      value += place * (rest_[0] - '0');
    return value;
  }
  Count julian_day(Count year, Count month, Count day) const {
    const bool leap = year % 4 == 0;
    const Count lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (year == 1582 && month == 10 && day > 4))
      fail_with("the standard calendar has no such day (it is Julian up to 1582-10-04, then 1582-10-15 follows)");
    // Counted from 1 March of year 0, so that the leap day is a year's last; 719470 days lie between that day and 1970.
    const Count y = month > 2 ? year : year - 1, m = (month + 9) % 12;
    return 365 * y + y / 4 + (153 * m + 2) / 5 + day - 1 - 719470;
  }

  const std::string& units_;
  const std::string& where_;
  std::string rest_;
};

}  // namespace

TimeAxis time_axis_from_cf(const std::vector<double>& values, const std::string& units, const std::string& calendar,
                           const std::string& where) {
  const std::string kind = lower_case(calendar);
  if (!kind.empty() && kind != "standard" && kind != "gregorian" && kind != "proleptic_gregorian")
    fail("{}: calendar {}; allowed: standard, gregorian, proleptic_gregorian", where, calendar);
  Units reader(units, where);
  const auto scale = static_cast<double>(reader.unit_seconds());
  const Count day = reader.day(kind != "proleptic_gregorian");
  const double start = static_cast<double>(day * kDay) + reader.clock_seconds();
  reader.zone();
  if (values.size() < 2)
    fail("{}: the time axis has {} values, at least 2 are needed to know its step", where, values.size());
  for (std::size_t k = 0; k < values.size(); ++k)
    if (const double s = start + values[k] * scale; !(s >= kYear0 && s < kYear10000))
      fail("{}: the time axis has the value {} in row {}; it must be a time in the years 0 to 9999", where,
           std::isnan(values[k]) ? "missing" : fmt::format("{}", values[k]), k);

  TimeAxis axis;
  axis.size = static_cast<Count>(values.size());
  axis.start_s = std::llround(start + values[0] * scale);
  axis.step_s = std::llround((values[1] - values[0]) * scale);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double expected = static_cast<double>(axis.start_s + static_cast<Count>(k) * axis.step_s);
    const double found = start + values[k] * scale;
    if (axis.step_s <= 0 || !(std::abs(found - expected) < 0.5)) {
      const bool shown = expected >= kYear0 && expected < kYear10000;
      fail(
          "{}: the time axis is not regular: row {} is {}, {} was expected from the first step; steps must be equal "
          "and "
          "positive, to half a second (store the times as integers or in double precision)",
          where, k, iso_time(std::llround(found)), shown ? iso_time(std::llround(expected)) : "another time");
    }
  }
  return axis;
}

}  // namespace dpl
