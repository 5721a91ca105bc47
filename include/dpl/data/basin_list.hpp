// Lists of basins (training, test, hold-out): plain text, one id a line.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Ids in the order of the file, each with its line (from 1).
struct BasinList {
  std::string path;
  std::vector<std::string> id;
  std::vector<int> line;
};

/// **Collective:** rank 0 reads. Blanks around an id, empty lines and what follows a # are left out. Throws Error for a
/// file that cannot be read, an id that comes twice (both lines), a line that holds more than one word, a list without
/// an id.
BasinList read_basin_list(const Communicator& comm, const std::string& path);

/// Position of each basin of the list among `known` ids (those of `known_path`). Throws Error for one that is not
/// there: file, line, id, the nearest id.
std::vector<Index> places_of(const BasinList& list, std::span<const std::string> known, const std::string& known_path);

/// Throws Error where a basin stands in both lists: both files and lines.
void check_apart(const BasinList& first, const BasinList& second);

}  // namespace dpl
