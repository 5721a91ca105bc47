// Walks the YAML tree along the table of keys, then writes the table back.
#include "dpl/base/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dpl/base/config_check.hpp"
#include "dpl/base/config_table.hpp"
#include "dpl/base/config_value.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/base/yaml_node.hpp"

namespace dpl {
namespace {

using Places = std::map<std::string, std::string>;

std::string join(const std::string& section, const std::string& name) {
  return section.empty() ? name : section + "." + name;
}

const ConfigShortcut* find_shortcut(const std::string& given) {
  for (const auto& shortcut : config_shortcuts())
    if (shortcut.given == given) return &shortcut;
  return nullptr;
}

// The nearest key by its whole name; else one that ends the same way, as for a key in the wrong section.
std::string suggestion(const std::string& wrong) {
  std::vector<std::string> known;
  for (const auto& key : config_keys()) {
    known.push_back(key.key);
    for (auto dot = key.key.find('.'); dot != std::string::npos; dot = key.key.find('.', dot + 1))
      known.push_back(key.key.substr(0, dot));
  }
  const auto last = fmt::format(".{}", wrong.substr(wrong.rfind('.') + 1));
  for (const auto& name : known)
    if (name.ends_with(last)) return name;
  return nearest_name(wrong, known);
}

[[noreturn]] void refuse_unknown(const std::string& key, const std::string& section, const std::string& place) {
  const auto near = suggestion(key);
  fail("{}: key {} is not known; {}allowed {}: {}", place, key,
       near.empty() ? "" : fmt::format("did you mean {}? ", near),
       section.empty() ? "at the top level" : "below " + section, fmt::join(config_names_below(section), ", "));
}

/// Fills a configuration from one document after the other (the file, then each setting of the command line).
class Reader {
 public:
  RunConfig config;

  void read(const YamlNode& root) {
    read_in_this_document_.clear();
    walk(root, "");
  }

  std::string place(const std::string& key, const std::string& file) const {
    const auto found = places_.find(key);
    return found == places_.end() ? file : found->second;
  }

 private:
  void walk(const YamlNode& node, const std::string& section) {
    if (node.kind != YamlNode::Kind::map)
      fail("{}: {} must be a map of {}", node.place, section.empty() ? "the configuration" : "key " + section,
           fmt::join(config_names_below(section), ", "));
    for (const auto& entry : node.entries) {
      const auto key = join(section, entry.key);
      const bool is_map = entry.value.kind == YamlNode::Kind::map;
      if (const auto* shortcut = find_shortcut(key); shortcut && !is_map)
        assign(*find_config_key(shortcut->key), entry);
      else if (const auto* known = find_config_key(key))
        assign(*known, entry);
      else if (!config_names_below(key).empty())
        walk(is_map || !is_blank(entry.value) ? entry.value : empty_map(entry), key);
      else
        refuse_unknown(key, section, entry.place);
    }
  }

  void assign(const ConfigKey& key, const YamlNode::Entry& entry) {
    const auto& place = entry.value.place;
    if (const auto first = read_in_this_document_.find(key.key); first != read_in_this_document_.end())
      fail("{}: key {} is given twice, first at {}; keep one of the two", place, key.key, first->second);
    read_config_value(key, entry.value, config);
    read_in_this_document_[key.key] = places_[key.key] = place;
  }

  static bool is_blank(const YamlNode& node) { return node.kind == YamlNode::Kind::scalar && node.text.empty(); }
  static YamlNode empty_map(const YamlNode::Entry& entry) { return {YamlNode::Kind::map, {}, {}, {}, entry.place}; }

  Places places_, read_in_this_document_;
};

std::vector<std::string> names_of(const std::string& key) {
  std::vector<std::string> names;
  std::size_t begin = 0, dot = 0;
  do {
    dot = key.find('.', begin);
    names.push_back(key.substr(begin, dot - begin));
    begin = dot + 1;
  } while (dot != std::string::npos);
  return names;
}

// `a.b=value` as the document {a: {b: value}}.
YamlNode override_document(const std::string& setting) {
  const std::string place = "command line";
  const auto equals = setting.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError(fmt::format("{}: '{}' is not of the form key.sub=value", place, setting));
  YamlNode node = parse_yaml_value(setting.substr(equals + 1), place);
  const auto names = names_of(setting.substr(0, equals));
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (name->empty()) throw UsageError(fmt::format("{}: '{}' is not of the form key.sub=value", place, setting));
    YamlNode parent{YamlNode::Kind::map, {}, {}, {}, place};
    parent.entries.push_back({*name, place, std::move(node)});
    node = std::move(parent);
  }
  return node;
}

std::string file_text(const std::string& path) {
  if (std::filesystem::is_directory(path)) fail("{} is a folder; give the path of a configuration file", path);
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read the configuration {}: {}", path, std::strerror(errno));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

RunConfig load_config(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_config(file_text(path), path, overrides);
}

RunConfig parse_config(const std::string& text, const std::string& name, const std::vector<std::string>& overrides) {
  Reader reader;
  reader.read(parse_yaml(text, name));
  for (const auto& setting : overrides) reader.read(override_document(setting));
  RunConfig& config = reader.config;
  config.experiment.set = config.experiment.period.end.day != kNoDay;
  config.test.set = config.test.period.end.day != kNoDay;
  check_config(config, [&](const std::string& key) { return reader.place(key, name); });
  return config;
}

std::string resolved_yaml(const RunConfig& config) {
  RunConfig copy = config;
  std::string text;
  std::vector<std::string> open;  // the sections we are in
  for (const auto& key : config_keys()) {
    const auto value = write_config_value(key, copy);
    if (value.empty()) continue;
    auto names = names_of(key.key);
    const auto name = names.back();
    names.pop_back();
    const auto same = std::mismatch(open.begin(), open.end(), names.begin(), names.end()).first - open.begin();
    for (auto level = static_cast<std::size_t>(same); level < names.size(); ++level)
      text += fmt::format("{:{}}{}:\n", "", 2 * level, names[level]);
    text += fmt::format("{:{}}{}: {}\n", "", 2 * names.size(), name, value);
    open = std::move(names);
  }
  return text;
}

namespace {

// On a bound the sigmoid has no finite argument and no derivative: learning could not start there.
void check_starts(const RunConfig& config, const std::string& path) {
  const bool joint = is_joint_run(config);
  const auto& network = joint ? config.channel_network : config.network;
  if (joint && network.input_var_names.empty()) return;
  for (const auto& name : network.learnable_parameters) {
    const auto& range = config.params.ranges.at(name);
    if (const double value = config.params.defaults.at(name); value == range.low || value == range.high)
      fail(
          "{}: key params.defaults.{} is {}, a bound of params.parameter_ranges.{}, [{}, {}]; learning must start "
          "between "
          "them, or leave {} out of {}.learnable_parameters",
          path, name, value, name, range.low, range.high, name, joint ? "channel_network" : "network");
  }
}

}  // namespace

void check_needed_keys(const RunConfig& config, const std::string& verb, const std::string& path) {
  RunConfig copy = config;
  const bool basins = is_basin_run(config), joint = is_joint_run(config) && (verb == "train" || verb == "evaluate");
  for (const auto& key : config_keys()) {
    if (basins && (key.key == "data_sources.network" || key.key == "data_sources.lateral_inflow")) continue;
    if (joint && key.key == "data_sources.lateral_inflow") continue;
    const auto verbs = fmt::format(" {} ", key.needed_by);
    if (verbs.find(fmt::format(" {} ", verb)) != std::string::npos && is_config_value_missing(key, copy))
      fail("{}: key {} is not given, and {} needs it; {} Allowed: {}", path, key.key, verb, key.help,
           allowed_text(key));
  }
  if (verb == "train" && !basins) check_starts(config, path);
}

}  // namespace dpl
