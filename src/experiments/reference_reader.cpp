// Opens a reference file.
#include "dpl/experiments/reference_reader.hpp"

#include <filesystem>
#include <fstream>

namespace dpl {

nlohmann::json parse_reference_file(const std::string& path) {
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path)) fail("{}: cannot be read; give the path of a reference file", path);
  try {
    return nlohmann::json::parse(in);
  } catch (const nlohmann::json::parse_error& problem) {  // its own words may quote bytes that no terminal shows
    fail("{}: is not JSON, as byte {} shows; give the path of a reference file", path, problem.byte);
  }
}

}  // namespace dpl
