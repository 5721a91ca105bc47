// Versions and options of the libraries behind the door of the room physics.
#pragma once

#include <string>

namespace dpl {

/// **Local:** one line a library: name, version, options.
std::string physics_versions();

}  // namespace dpl
