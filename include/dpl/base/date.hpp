// Calendar days as day numbers; strict ISO in, ISO out.
#pragma once

#include <string>
#include <string_view>

#include "dpl/base/types.hpp"

namespace dpl {

/// Days since 1970-01-01 of a proleptic Gregorian date.
Count day_from_civil(int year, int month, int day);

/// Strict YYYY-MM-DD. Throws Error saying what is wrong (`what` names key or file).
Count parse_iso_date(std::string_view text, std::string_view what);

/// YYYY-MM-DD.
std::string iso_date(Count day);

/// YYYY-MM-DDTHH:MM:SS of seconds since 1970-01-01.
std::string iso_time(Count seconds);

}  // namespace dpl
