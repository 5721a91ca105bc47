// Versions and options of the libraries behind the door of the room coupling.
#pragma once

#include <string>

namespace dpl {

/// **Local:** one line a library: name, version, options.
std::string coupling_versions();

}  // namespace dpl
