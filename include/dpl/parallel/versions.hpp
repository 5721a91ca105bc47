// Versions and options of the libraries behind the door of the room parallel.
#pragma once

#include <string>

namespace dpl {

/// **Local:** one line a library: name, version, options.
std::string parallel_versions();

}  // namespace dpl
