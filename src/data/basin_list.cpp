// Reads lists of basins.
#include "dpl/data/basin_list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unordered_map>

#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"

namespace dpl {
namespace {

std::string text_of(const std::string& path) {
  if (std::filesystem::is_directory(path))
    fail("{}: is a folder; a list of basins is a text file with one id a line", path);
  std::ifstream in(path, std::ios::binary);
  if (!in)
    fail("{}: cannot be opened ({}); a list of basins is a text file with one id a line", path, std::strerror(errno));
  return {std::istreambuf_iterator<char>(in), {}};
}

BasinList parse(const std::string& path, const std::string& text) {
  BasinList list{path, {}, {}};
  std::unordered_map<std::string, int> seen;
  std::istringstream lines(text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string id, more;
    if (!(words >> id)) continue;
    if (words >> more || id.find_first_of(",;\"") != std::string::npos)
      fail("{}: line {} is \"{}\"; one id a line is allowed, without commas or quotes", path, number,
           line.substr(0, 60));
    if (const auto [at, fresh] = seen.emplace(id, number); !fresh)
      fail("{}: basin {} stands in line {} and in line {}; each may come once", path, id, at->second, number);
    list.id.push_back(id);
    list.line.push_back(number);
  }
  if (list.id.empty()) fail("{}: holds no basin; one id a line is needed", path);
  return list;
}

}  // namespace

BasinList read_basin_list(const Communicator& comm, const std::string& path) {
  std::string text;
  agree_on_root(comm, "list of basins", [&] { text = text_of(path); });
  text = comm.broadcast(text);
  BasinList list;
  agree(comm, "list of basins", [&] { list = parse(path, text); });
  return list;
}

std::vector<Index> places_of(const BasinList& list, std::span<const std::string> known, const std::string& known_path) {
  std::unordered_map<std::string_view, Index> rows;
  for (std::size_t k = 0; k < known.size(); ++k) rows.emplace(known[k], static_cast<Index>(k));
  std::vector<Index> places;
  for (std::size_t k = 0; k < list.id.size(); ++k) {
    const auto at = rows.find(list.id[k]);
    if (at == rows.end()) {
      const auto nearest = nearest_name(list.id[k], known);
      fail("{}: line {}: basin {} is not in {}{}; correct it or take it out of the list", list.path, list.line[k],
           list.id[k], known_path, nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest));
    }
    places.push_back(at->second);
  }
  return places;
}

void check_apart(const BasinList& first, const BasinList& second) {
  std::unordered_map<std::string_view, int> lines;
  for (std::size_t k = 0; k < first.id.size(); ++k) lines.emplace(first.id[k], first.line[k]);
  for (std::size_t k = 0; k < second.id.size(); ++k)
    if (const auto at = lines.find(second.id[k]); at != lines.end())
      fail("{}: line {}: basin {} stands in line {} of {} too; a basin may be in one of the two lists", second.path,
           second.line[k], second.id[k], at->second, first.path);
}

}  // namespace dpl
