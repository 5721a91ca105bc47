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

Count unit_seconds(const std::string& unit, const std::string& units, const std::string& where) {
  for (const auto& [names, seconds] : {std::pair<std::string, Count>{"days day d", 86400},
                                       {"hours hour hrs hr h", 3600},
                                       {"minutes minute mins min", 60},
                                       {"seconds second secs sec s", 1}}) {
    std::istringstream list(names);
    for (std::string name; list >> name;)
      if (unit == name) return seconds;
  }
  fail("{}: time units \"{}\"; allowed: days, hours, minutes or seconds since a date", where, units);
}

// "00:00:00", "06:30", optionally with a fraction or a Z behind it, in seconds of the day.
double clock_seconds(std::string text, const std::string& units, const std::string& where) {
  if (!text.empty() && (text.back() == 'Z' || text.back() == 'z')) text.pop_back();
  double part[3] = {0, 0, 0};   // hours, minutes, seconds
  std::istringstream in(text);
  std::string field;
  int count = 0;
  bool understood = !text.empty() && text.back() != ':';
  for (; std::getline(in, field, ':'); ++count) {
    std::size_t used = 0;
    if (count < 3 && !field.empty() && std::isdigit(static_cast<unsigned char>(field[0]))) part[count] = std::stod(field, &used);
    understood = understood && used == field.size() && used > 0;
  }
  if (!understood || count > 3 || part[0] > 23 || part[1] > 59 || part[2] >= 60)
    fail("{}: time units \"{}\": the time of day is not understood", where, units);
  return part[0] * 3600 + part[1] * 60 + part[2];
}

// Only UTC is accepted behind the time of day.
void check_zone(const std::string& zone, const std::string& units, const std::string& where) {
  for (const char* known : {"UTC", "GMT", "Z", "+00:00", "+0000", "+00", "00:00", "0:00", "-00:00"})
    if (zone == known) return;
  fail("{}: time units \"{}\" carry the time zone {}; give UTC", where, units, zone);
}

double start_seconds(const std::string& units, std::istringstream& in, const std::string& where) {
  std::string date, clock, zone;
  in >> date >> clock >> zone;
  if (const auto t = date.find('T'); t != std::string::npos) {
    zone = clock;
    clock = date.substr(t + 1);
    date.resize(t);
  }
  const double day = 86400.0 * static_cast<double>(parse_iso_date(date, where + ": time units \"" + units + "\""));
  if (!zone.empty()) check_zone(zone, units, where);
  return day + (clock.empty() ? 0 : clock_seconds(clock, units, where));
}

}  // namespace

TimeAxis time_axis_from_cf(const std::vector<double>& values, const std::string& units, const std::string& calendar,
                           const std::string& where) {
  std::string lower = calendar;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!lower.empty() && lower != "standard" && lower != "gregorian" && lower != "proleptic_gregorian")
    fail("{}: calendar {}; allowed: standard, gregorian, proleptic_gregorian", where, calendar);
  std::istringstream in(units);
  std::string unit, since;
  in >> unit >> since;
  if (since != "since") fail("{}: time units \"{}\"; allowed: days, hours, minutes or seconds since a date", where, units);
  const auto scale = static_cast<double>(unit_seconds(unit, units, where));
  const double start = start_seconds(units, in, where);
  if (values.size() < 2) fail("{}: the time axis has {} values, at least 2 are needed to know its step", where, values.size());

  TimeAxis axis;
  axis.size = static_cast<Count>(values.size());
  axis.start_s = std::llround(start + values[0] * scale);
  axis.step_s = std::llround((values[1] - values[0]) * scale);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double expected = static_cast<double>(axis.start_s + static_cast<Count>(k) * axis.step_s);
    const double found = start + values[k] * scale;
    if (axis.step_s <= 0 || !(std::abs(found - expected) < 0.5))
      fail("{}: the time axis is not regular: value {} is {}, {} was expected from the first step; steps must be equal and "
           "positive",
           where, k, std::isfinite(found) ? iso_time(std::llround(found)) : "missing", iso_time(std::llround(expected)));
  }
  return axis;
}

}  // namespace dpl
