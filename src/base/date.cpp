// Strict reading and writing of ISO dates.
#include "dpl/base/date.hpp"

#include <chrono>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

std::chrono::year_month_day civil(Count day) { return std::chrono::sys_days(std::chrono::days(day)); }

bool has_iso_form(std::string_view text) {
  if (text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? text[i] != '-' : (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

int number(std::string_view digits) {
  int value = 0;
  for (char c : digits) value = 10 * value + (c - '0');
  return value;
}

}  // namespace

Count day_from_civil(int year, int month, int day) {
  using namespace std::chrono;
  const auto date = std::chrono::year(year) / month / day;
  if (month < 1 || day < 1 || !date.ok()) fail("there is no day {} in month {} of year {}", day, month, year);
  return sys_days(date).time_since_epoch().count();
}

Count parse_iso_date(std::string_view text, std::string_view what) {
  if (!has_iso_form(text)) fail("{}: '{}' is not a date of the form YYYY-MM-DD (for example 1981-10-01)", what, text);
  const int year = number(text.substr(0, 4)), month = number(text.substr(5, 2)), day = number(text.substr(8, 2));
  if (month < 1 || month > 12)
    fail("{}: '{}' is not a date: there is no month {} (form YYYY-MM-DD)", what, text, month);
  const auto date = std::chrono::year(year) / month / day;
  if (!date.ok()) fail("{}: '{}' is not a date: month {} of {} has no day {}", what, text, month, year, day);
  return day_from_civil(year, month, day);
}

std::string iso_date(Count day) {
  const auto date = civil(day);
  return fmt::format("{:04d}-{:02d}-{:02d}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string iso_time(Count seconds) {
  const Count day = seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400);
  const Count s = seconds - 86400 * day;
  return fmt::format("{}T{:02d}:{:02d}:{:02d}", iso_date(day), s / 3600, s / 60 % 60, s % 60);
}

}  // namespace dpl
