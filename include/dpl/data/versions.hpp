// Versions and options of the libraries behind the door of the room data.
#pragma once

#include <string>

namespace dpl {

/// **Local:** one line a library: name, version, options.
std::string data_versions();

}  // namespace dpl
