// One configuration value: read from YAML with its checks, written back, described.
#pragma once

#include <string>

#include "dpl/base/config_table.hpp"
#include "dpl/base/yaml_node.hpp"

namespace dpl {

/// Fills the key's member. Throws Error `PLACE: key KEY is 'VALUE'; allowed: ...`.
void read_config_value(const ConfigKey& key, const YamlNode& node, RunConfig& config);

/// The member as one line of YAML; empty for a date that is not given. Reading it gives the same value.
std::string write_config_value(const ConfigKey& key, RunConfig& config);

/// True when the member is empty or not given.
bool is_config_value_missing(const ConfigKey& key, RunConfig& config);

/// `own, inflow`, `a whole number from 1`, ...: the end of an error message and a cell of the reference.
std::string allowed_text(const ConfigKey& key);

/// `number`, `date`, `list of text`, ...: the key's type in the reference.
std::string config_type_name(const ConfigKey& key);

/// Replaces ${NAME} and ${NAME:-default} by environment variables and $$ by $. Throws Error that begins with `where`
/// when a variable is not set and has no default, or the braces do not close.
std::string expand_variables(const std::string& text, const std::string& where);

}  // namespace dpl
