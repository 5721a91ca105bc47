// Edit distance by the usual table of prefixes.
#include "dpl/base/nearest_name.hpp"

#include <algorithm>
#include <vector>

namespace dpl {

int edit_distance(std::string_view a, std::string_view b) {
  const std::size_t columns = b.size() + 1;
  std::vector<int> table((a.size() + 1) * columns);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return table[i * columns + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        at(i, j) = static_cast<int>(i + j);
        continue;
      }
      const int replaced = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  return at(a.size(), b.size());
}

std::string nearest_name(std::string_view wrong, std::span<const std::string> known) {
  std::string nearest;
  int smallest = std::max(2, static_cast<int>(wrong.size()) / 3) + 1;
  for (const auto& name : known)
    if (const int distance = edit_distance(wrong, name); distance < smallest) smallest = distance, nearest = name;
  return nearest;
}

}  // namespace dpl
