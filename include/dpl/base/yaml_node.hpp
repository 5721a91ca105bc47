// A YAML document as text and places: the door to yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dpl {

/// One value. Scalars stay the text they were written as: 01567000 keeps its zero, 1981-10-01 is no date yet.
struct YamlNode {
  enum class Kind { scalar, list, map };
  struct Entry;

  Kind kind = Kind::scalar;
  std::string text;             ///< scalar; empty for null
  std::vector<YamlNode> items;  ///< list
  std::vector<Entry> entries;   ///< map, in the order of the file
  std::string place;            ///< FILE:LINE, or "command line"
};

struct YamlNode::Entry {
  std::string key;
  std::string place;
  YamlNode value;
};

/// Reads one document. Throws Error `NAME:LINE: ...` on a syntax error, a key given twice, a key that is no plain text,
/// or more than one document. An empty document is an empty map.
YamlNode parse_yaml(const std::string& text, const std::string& name);

/// Reads one value as it stands in a command line; every place inside is `place`.
YamlNode parse_yaml_value(const std::string& text, const std::string& place);

/// The text as a YAML scalar: plain where that is safe for any reader, else in double quotes.
std::string yaml_scalar(std::string_view text);

}  // namespace dpl
