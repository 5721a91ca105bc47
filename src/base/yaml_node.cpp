// From yaml-cpp's nodes to ours, with the checks that yaml-cpp leaves out.
#include "dpl/base/yaml_node.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

/// Names a line of the document, or the one place that a value of the command line has.
struct Places {
  std::string name;
  bool with_line;
  std::string at(const YAML::Mark& mark) const {
    return with_line && !mark.is_null() ? fmt::format("{}:{}", name, mark.line + 1) : name;
  }
};

YamlNode convert(const YAML::Node& node, const Places& places, const std::string& parent_place);

YamlNode::Entry convert_entry(const YAML::Node& key, const YAML::Node& value, const Places& places,
                              const std::vector<YamlNode::Entry>& before) {
  const auto place = places.at(key.Mark());
  if (!key.IsScalar()) fail("{}: a key must be plain text", place);
  for (const auto& entry : before)
    if (entry.key == key.Scalar())
      fail("{}: key {} is given twice, first at {}; keep one of the two", place, entry.key, entry.place);
  return {key.Scalar(), place, convert(value, places, place)};
}

YamlNode convert(const YAML::Node& node, const Places& places, const std::string& parent_place) {
  YamlNode result;
  result.place = node.IsScalar() || node.IsSequence() ? places.at(node.Mark()) : parent_place;
  if (node.IsScalar()) {
    result.text = node.Scalar();
  } else if (node.IsSequence()) {
    result.kind = YamlNode::Kind::list;
    for (const auto& item : node) result.items.push_back(convert(item, places, result.place));
  } else if (node.IsMap()) {
    result.kind = YamlNode::Kind::map;
    for (const auto& entry : node)
      result.entries.push_back(convert_entry(entry.first, entry.second, places, result.entries));
  }
  return result;
}

std::vector<YAML::Node> load(const std::string& text, const Places& places) {
  try {
    return YAML::LoadAll(text);
  } catch (const YAML::Exception& error) {
    fail("{}: not valid YAML: {}", places.at(error.mark), error.msg);
  }
}

bool is_plain_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '/' || c == '-';
}

}  // namespace

YamlNode parse_yaml(const std::string& text, const std::string& name) {
  const Places places{name, true};
  const auto documents = load(text, places);
  if (documents.size() > 1)
    fail("{}: holds {} YAML documents (separated by ---), one is allowed", places.at(documents[1].Mark()),
         documents.size());
  YamlNode root;
  if (!documents.empty()) root = convert(documents.front(), places, name);
  if (root.kind == YamlNode::Kind::scalar && root.text.empty()) root.kind = YamlNode::Kind::map;
  if (root.place.empty()) root.place = name;
  return root;
}

YamlNode parse_yaml_value(const std::string& text, const std::string& place) {
  const Places places{place, false};
  const auto documents = load(text, places);
  if (documents.size() > 1) fail("{}: '{}' is more than one YAML value", place, text);
  YamlNode value;
  if (!documents.empty()) value = convert(documents.front(), places, place);
  value.place = place;
  return value;
}

std::string yaml_scalar(std::string_view text) {
  static constexpr std::array<std::string_view, 8> words{"null", "true", "false", "yes", "no", "on", "off", "nan"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool starts_plain = !text.empty() && is_plain_letter(text[0]) && text[0] != '-' && text[0] != '.' &&
                            !(text[0] >= '0' && text[0] <= '9');
  if (starts_plain && std::all_of(text.begin(), text.end(), is_plain_letter) &&
      std::find(words.begin(), words.end(), lower) == words.end())
    return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      quoted += c;
  }
  return quoted + "\"";
}

}  // namespace dpl
