// CF time axes ("days since ...", "hours since ..."), calendars standard (gregorian) and proleptic_gregorian.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// A regular time axis: value k holds for [start_s + k step_s, start_s + (k + 1) step_s), seconds since 1970-01-01.
struct TimeAxis {
  Count start_s = 0;
  Count step_s = 0;
  Count size = 0;
  Count end_s() const { return start_s + step_s * size; }
};

/// From the values and units of a CF time variable. A standard calendar (also where none is named) counted from a date
/// before 1582-10-15 is Julian there; times of the axis are proleptic Gregorian like all dates of the program. Throws Error naming `where` when units or calendar are not
/// understood, a value is no time, or the steps are not equal and positive.
TimeAxis time_axis_from_cf(const std::vector<double>& values, const std::string& units, const std::string& calendar,
                           const std::string& where);

}  // namespace dpl
