// The configuration file of a run: read with all its checks, written back, documented.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// Reads a YAML file and `key.sub=value` settings of the command line, which win over the file.
/// Throws Error: one line with file and line (or `command line`), key, value, and what is allowed.
RunConfig load_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same for YAML text in memory; `name` stands for the file in messages.
RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<std::string>& overrides = {});

/// All keys with their values, variables expanded, as YAML that parse_config reads back to the same configuration.
std::string resolved_yaml(const RunConfig& config);

/// Throws Error naming the first key that the verb needs and the configuration does not give; for train also where a
/// learned parameter would start on a bound of its range.
void check_needed_keys(const RunConfig& config, const std::string& verb, const std::string& path);

/// docs/configuration.md.
std::string configuration_reference();

}  // namespace dpl
