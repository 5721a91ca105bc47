// Rules between keys of the configuration.
#pragma once

#include <functional>
#include <string>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// Throws Error when values that are each allowed do not fit together. `place` gives FILE:LINE of a key.
void check_config(const RunConfig& config, const std::function<std::string(const std::string& key)>& place);

}  // namespace dpl
