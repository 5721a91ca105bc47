// One line of `dpl_hpc --version`.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace dpl {

/// `name  version  options`, in columns.
inline std::string version_line(std::string_view name, std::string_view version, std::string_view options) {
  return fmt::format("{:<9} {:<16} {}\n", name, version, options);
}

}  // namespace dpl
