// The known name nearest to a misspelt one, for "did you mean".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace dpl {

/// Number of single letters to insert, delete, replace or swap with the neighbour to turn `a` into `b` (optimal string
/// alignment distance, Damerau 1964).
int edit_distance(std::string_view a, std::string_view b);

/// The name with the smallest distance to `wrong` (the first of several); empty when none is near: more than a third
/// of its letters, at least two, would have to change.
std::string nearest_name(std::string_view wrong, std::span<const std::string> known);

}  // namespace dpl
