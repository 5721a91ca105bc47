// Versions and options of the libraries behind the door of the room learning.
#pragma once

#include <string>

namespace dpl {

/// **Local:** one line a library: name, version, options.
std::string learning_versions();

}  // namespace dpl
