// member.json: what a finished training of a series leaves for the table.
#pragma once

#include <string>

#include "dpl/experiments/basin_series_run.hpp"

namespace dpl {

/// Text of member.json: the result beside the configuration and the lists it was made with.
std::string member_text(const SeriesMember& member, const MemberResult& result);

/// **Local:** the result stored in the file. Throws Error where it cannot be read, or was made with another
/// configuration or other lists than the member's, naming the first difference.
MemberResult read_member(const std::string& path, const SeriesMember& member);

/// **Local:** sum of the seconds of all updates in a timing.csv.
double seconds_of_updates(const std::string& path);

}  // namespace dpl
