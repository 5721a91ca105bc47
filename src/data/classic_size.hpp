// The size a classic netCDF file must have by its header.
#pragma once

#include <string>

namespace dpl {

/// Throws Error when the file is shorter than its header says: the library reads zeros behind the end without a word.
void check_classic_size(const std::string& path);

}  // namespace dpl
