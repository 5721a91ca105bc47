// The one table of configuration keys: where a value goes, what it may be, what it means.
#pragma once

#include <limits>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// The member of a RunConfig that a key fills; its type is the key's type.
using ConfigBinding =
    std::variant<std::string* (*)(RunConfig&), Index* (*)(RunConfig&), std::uint64_t* (*)(RunConfig&),
                 double* (*)(RunConfig&), bool* (*)(RunConfig&), Date* (*)(RunConfig&), Range* (*)(RunConfig&),
                 std::vector<std::string>* (*)(RunConfig&), std::vector<double>* (*)(RunConfig&),
                 std::map<Index, double>* (*)(RunConfig&),
                 std::map<std::string, std::vector<std::string>>* (*)(RunConfig&),
                 std::vector<ProgramParameter>* (*)(RunConfig&)>;

/// What a value may be.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;         ///< numbers above `low` only
  std::vector<std::string> words{};  ///< text: one of these; empty = any
  bool path = false;                 ///< text: ${VARIABLE} expands; with `words`, any other text is a path
  bool empty = true;                 ///< text: may be empty
};

struct ConfigKey {
  std::string key;  ///< section.key
  ConfigBinding member;
  std::string unit;  ///< empty: none
  Allowed allowed;
  std::string help;         ///< one sentence for the reference
  std::string needed_by{};  ///< verbs that cannot run without it, separated by blanks
};

/// A section or an older place that also takes a key's value: `output: runs` means output.folder.
struct ConfigShortcut {
  std::string given;
  std::string key;
};

/// All keys, section by section, in the order of the reference.
const std::vector<ConfigKey>& config_keys();

const std::vector<ConfigShortcut>& config_shortcuts();

/// One sentence on a section ("routing") for the reference; empty for one without.
std::string config_section_help(const std::string& section);

/// nullptr when there is none.
const ConfigKey* find_config_key(const std::string& key);

/// The names that may stand directly below a section ("" = top level), in the order of the table.
std::vector<std::string> config_names_below(const std::string& section);

}  // namespace dpl
