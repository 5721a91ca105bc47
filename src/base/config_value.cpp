// Reading and writing of single values, by type.
#include "dpl/base/config_value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"

namespace dpl {
namespace {

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overload(Cases...) -> Overload<Cases...>;

std::string shown(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::list) return "a list";
  if (node.kind == YamlNode::Kind::map) return "a map";
  return fmt::format("'{}'", node.text);
}

[[noreturn]] void refuse(const ConfigKey& key, const YamlNode& node) {
  const auto near = node.text.empty() ? "" : nearest_name(node.text, key.allowed.words);
  fail("{}: key {} is {}; {}allowed: {}{}", node.place, key.key, shown(node),
       near.empty() ? "" : fmt::format("did you mean {}? ", near), allowed_text(key),
       key.unit.empty() ? "" : fmt::format(" ({})", key.unit));
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool within(const Allowed& allowed, double value) {
  return std::isfinite(value) && value <= allowed.high &&
         (allowed.low_excluded ? value > allowed.low : value >= allowed.low);
}

double read_number(const ConfigKey& key, const YamlNode& node) {
  const auto value = node.kind == YamlNode::Kind::scalar ? number_of<double>(node.text) : std::nullopt;
  if (!value || !within(key.allowed, *value)) refuse(key, node);
  return *value;
}

// 300, 1e6 and 300.0 are whole numbers; 0.5 and what does not fit are not.
template <class Integer>
Integer read_integer(const ConfigKey& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar)
    if (const auto exact = number_of<Integer>(node.text); exact && within(key.allowed, static_cast<double>(*exact)))
      return *exact;
  const double value = read_number(key, node);
  const double largest = std::min(0x1p53, static_cast<double>(std::numeric_limits<Integer>::max()));
  if (value != std::floor(value) || std::abs(value) > largest) refuse(key, node);
  return static_cast<Integer>(value);
}

std::string read_text(const ConfigKey& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::scalar) refuse(key, node);
  const auto& words = key.allowed.words;
  const bool known = std::find(words.begin(), words.end(), node.text) != words.end();
  if (node.text.empty() && !key.allowed.empty) refuse(key, node);
  if (!words.empty() && !known && !key.allowed.path) refuse(key, node);
  if (!key.allowed.path || known) return node.text;
  return expand_variables(node.text, fmt::format("{}: key {}", node.place, key.key));
}

std::vector<std::string> read_texts(const ConfigKey& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) refuse(key, node);
  const auto items = node.kind == YamlNode::Kind::list ? node.items : std::vector<YamlNode>{node};
  std::vector<std::string> texts;
  for (const auto& item : items) {
    texts.push_back(read_text(key, item));
    if (std::count(texts.begin(), texts.end(), texts.back()) > 1)
      fail("{}: key {} holds {} twice", item.place, key.key, shown(item));
  }
  return texts;
}

std::vector<double> read_numbers(const ConfigKey& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) refuse(key, node);
  const auto items = node.kind == YamlNode::Kind::list ? node.items : std::vector<YamlNode>{node};
  std::vector<double> numbers;
  for (const auto& item : items) {
    numbers.push_back(read_number(key, item));
    if (std::count(numbers.begin(), numbers.end(), numbers.back()) > 1)
      fail("{}: key {} holds {} twice", item.place, key.key, shown(item));
  }
  return numbers;
}

Range read_range(const ConfigKey& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::list || node.items.size() != 2) refuse(key, node);
  const Range range{read_number(key, node.items[0]), read_number(key, node.items[1])};
  if (!(range.low < range.high))
    fail("{}: key {} is [{}, {}]; the first number must be below the second", node.place, key.key, range.low,
         range.high);
  return range;
}

std::map<Index, double> read_schedule(const ConfigKey& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::list) refuse(key, node);
  if (node.kind == YamlNode::Kind::scalar) return {{1, read_number(key, node)}};
  std::map<Index, double> schedule;
  for (const auto& entry : node.entries) {
    const auto epoch = number_of<Index>(entry.key);
    if (!epoch || *epoch < 1)
      fail("{}: key {} holds '{}', which is no epoch; epochs are whole numbers from 1", entry.place, key.key,
           entry.key);
    if (!schedule.emplace(*epoch, read_number(key, entry.value)).second)
      fail("{}: key {} gives epoch {} twice", entry.place, key.key, *epoch);
  }
  if (!schedule.contains(1))
    fail("{}: key {} has no value for epoch 1; give for example {{1: 1e-2}}", node.place, key.key);
  return schedule;
}

std::map<std::string, std::vector<std::string>> read_lists(const ConfigKey& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::list || !node.text.empty()) refuse(key, node);
  std::map<std::string, std::vector<std::string>> lists;
  for (const auto& entry : node.entries) lists.emplace(entry.key, read_texts(key, entry.value));
  return lists;
}

// {NAME: [low, high], NAME: [low, high, log]}
std::vector<ProgramParameter> read_program_parameters(const ConfigKey& key, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::map) refuse(key, node);
  std::vector<ProgramParameter> parameters;
  for (const auto& entry : node.entries) {
    const auto& items = entry.value.items;
    const bool log_space = items.size() == 3 && items[2].text == "log";
    if (entry.key.empty() || entry.value.kind != YamlNode::Kind::list || (items.size() != 2 && !log_space))
      fail("{}: key {}.{} is {}; allowed: [low, high] or [low, high, log]", entry.place, key.key, entry.key,
           shown(entry.value));
    const ProgramParameter p{entry.key, read_number(key, items[0]), read_number(key, items[1]), log_space};
    if (!(p.low < p.high) || (log_space && !(p.low > 0)))
      fail("{}: key {}.{} is [{}, {}]; the first number must be below the second{}", entry.place, key.key, entry.key,
           p.low, p.high, log_space ? ", and with log above 0" : "");
    parameters.push_back(p);
  }
  return parameters;
}

std::string written_path(std::string text) {
  for (std::size_t i = 0; (i = text.find('$', i)) != std::string::npos; i += 2) text.insert(i, 1, '$');
  return text;
}

}  // namespace

void read_config_value(const ConfigKey& key, const YamlNode& node, RunConfig& config) {
  const auto read_date = [&] {
    if (node.kind != YamlNode::Kind::scalar) refuse(key, node);
    return Date{parse_iso_date(node.text, fmt::format("{}: key {}", node.place, key.key))};
  };
  const auto read_bool = [&] {
    if (node.kind != YamlNode::Kind::scalar || (node.text != "true" && node.text != "false")) refuse(key, node);
    return node.text == "true";
  };
  const Overload read{
      [&](std::string* (*at)(RunConfig&)) { *at(config) = read_text(key, node); },
      [&](Index* (*at)(RunConfig&)) { *at(config) = read_integer<Index>(key, node); },
      [&](std::uint64_t* (*at)(RunConfig&)) { *at(config) = read_integer<std::uint64_t>(key, node); },
      [&](double* (*at)(RunConfig&)) { *at(config) = read_number(key, node); },
      [&](bool* (*at)(RunConfig&)) { *at(config) = read_bool(); },
      [&](Date* (*at)(RunConfig&)) { *at(config) = read_date(); },
      [&](Range* (*at)(RunConfig&)) { *at(config) = read_range(key, node); },
      [&](std::vector<std::string>* (*at)(RunConfig&)) { *at(config) = read_texts(key, node); },
      [&](std::vector<double>* (*at)(RunConfig&)) { *at(config) = read_numbers(key, node); },
      [&](std::map<Index, double>* (*at)(RunConfig&)) { *at(config) = read_schedule(key, node); },
      [&](std::map<std::string, std::vector<std::string>>* (*at)(RunConfig&)) { *at(config) = read_lists(key, node); },
      [&](std::vector<ProgramParameter>* (*at)(RunConfig&)) { *at(config) = read_program_parameters(key, node); },
  };
  std::visit(read, key.member);
}

std::string write_config_value(const ConfigKey& key, RunConfig& config) {
  const auto text_of = [&](const std::string& text) {
    return yaml_scalar(key.allowed.path ? written_path(text) : text);
  };
  const Overload write{
      [&](std::string* (*at)(RunConfig&)) { return text_of(*at(config)); },
      [&](bool* (*at)(RunConfig&)) { return std::string(*at(config) ? "true" : "false"); },
      [&](Date* (*at)(RunConfig&)) { return at(config)->day == kNoDay ? std::string() : iso_date(at(config)->day); },
      [&](Range* (*at)(RunConfig&)) { return fmt::format("[{}, {}]", at(config)->low, at(config)->high); },
      [&](std::vector<std::string>* (*at)(RunConfig&)) {
        std::vector<std::string> items;
        for (const auto& text : *at(config)) items.push_back(text_of(text));
        return fmt::format("[{}]", fmt::join(items, ", "));
      },
      [&](std::map<Index, double>* (*at)(RunConfig&)) {
        std::vector<std::string> entries;
        for (const auto& [epoch, value] : *at(config)) entries.push_back(fmt::format("{}: {}", epoch, value));
        return fmt::format("{{{}}}", fmt::join(entries, ", "));
      },
      [&](std::map<std::string, std::vector<std::string>>* (*at)(RunConfig&)) {
        std::vector<std::string> entries;
        for (const auto& [name, texts] : *at(config)) {
          std::vector<std::string> items;
          for (const auto& text : texts) items.push_back(text_of(text));
          entries.push_back(fmt::format("{}: [{}]", yaml_scalar(name), fmt::join(items, ", ")));
        }
        return fmt::format("{{{}}}", fmt::join(entries, ", "));
      },
      [&](std::vector<ProgramParameter>* (*at)(RunConfig&)) {
        std::vector<std::string> entries;
        for (const auto& p : *at(config))
          entries.push_back(fmt::format("{}: [{}, {}{}]", yaml_scalar(p.name), p.low, p.high, p.log_space ? ", log" : ""));
        return entries.empty() ? std::string() : fmt::format("{{{}}}", fmt::join(entries, ", "));
      },
      [&](auto at) { return fmt::format("{}", *at(config)); },
  };
  return std::visit(write, key.member);
}

bool is_config_value_missing(const ConfigKey& key, RunConfig& config) {
  const auto written = write_config_value(key, config);
  return written.empty() || written == "\"\"" || written == "[]" || written == "{}";
}

std::string config_type_name(const ConfigKey& key) {
  const char* text = key.allowed.path ? "path" : "text";
  const Overload name{
      [&](std::string* (*)(RunConfig&)) { return text; },
      [](Index* (*)(RunConfig&)) { return "whole number"; },
      [](std::uint64_t* (*)(RunConfig&)) { return "whole number"; },
      [](double* (*)(RunConfig&)) { return "number"; },
      [](bool* (*)(RunConfig&)) { return "true or false"; },
      [](Date* (*)(RunConfig&)) { return "date"; },
      [](Range* (*)(RunConfig&)) { return "[low, high]"; },
      [](std::vector<std::string>* (*)(RunConfig&)) { return "list of text"; },
      [](std::vector<double>* (*)(RunConfig&)) { return "list of numbers"; },
      [](std::map<Index, double>* (*)(RunConfig&)) { return "map of epoch to number"; },
      [](std::map<std::string, std::vector<std::string>>* (*)(RunConfig&)) { return "map of name to list of text"; },
      [](std::vector<ProgramParameter>* (*)(RunConfig&)) { return "map of name to [low, high] or [low, high, log]"; },
  };
  return std::visit(name, key.member);
}

namespace {

std::string number_bounds(const Allowed& a) {
  const bool low = std::isfinite(a.low), high = std::isfinite(a.high);
  std::string text;
  if (low) text += fmt::format(" {} {}", a.low_excluded ? "above" : "from", a.low);
  if (high) text += fmt::format(" {} {}", low && !a.low_excluded ? "to" : low ? "and at most" : "up to", a.high);
  return text;
}

std::string text_choices(const Allowed& a, const char* free_text) {
  if (a.words.empty()) return a.empty ? free_text : fmt::format("{} that is not empty", free_text);
  return fmt::format("{}{}", fmt::join(a.words, ", "), a.path ? fmt::format(" or {}", free_text) : "");
}

}  // namespace

std::string allowed_text(const ConfigKey& key) {
  const Allowed& a = key.allowed;
  const char* free_text = a.path ? "a path" : "text";
  const Overload text{
      [&](std::string* (*)(RunConfig&)) { return text_choices(a, free_text); },
      [&](double* (*)(RunConfig&)) { return fmt::format("a number{}", number_bounds(a)); },
      [&](bool* (*)(RunConfig&)) { return std::string("true or false"); },
      [&](Date* (*)(RunConfig&)) { return std::string("a date YYYY-MM-DD"); },
      [&](Range* (*)(RunConfig&)) { return fmt::format("[low, high], two numbers{}", number_bounds(a)); },
      [&](std::vector<std::string>* (*)(RunConfig&)) {
        return fmt::format("a list of: {}", text_choices(a, free_text));
      },
      [&](std::vector<double>* (*)(RunConfig&)) { return fmt::format("a list of numbers{}", number_bounds(a)); },
      [&](std::map<Index, double>* (*)(RunConfig&)) {
        return fmt::format("a number{}, or a map of epochs to such numbers", number_bounds(a));
      },
      [](std::map<std::string, std::vector<std::string>>* (*)(RunConfig&)) {
        return std::string("a map of names to lists of text, as {FC: [soil_depth], TT: []}");
      },
      [](std::vector<ProgramParameter>* (*)(RunConfig&)) {
        return std::string("a map of names to [low, high] or [low, high, log]");
      },
      [&](auto) { return fmt::format("a whole number{}", number_bounds(a)); },
  };
  return std::visit(text, key.member);
}

std::string expand_variables(const std::string& text, const std::string& where) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      result += text[i];
    } else if (text.compare(i, 2, "$$") == 0) {
      result += text[++i];
    } else if (text.compare(i, 2, "${") == 0) {
      const auto end = text.find('}', i);
      if (end == std::string::npos) fail("{} is '{}': ${{ is not closed by }}", where, text);
      const auto inside = text.substr(i + 2, end - i - 2);
      const auto colon = inside.find(":-");
      const auto name = inside.substr(0, colon);
      const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
      const bool use_default = colon != std::string::npos && (value == nullptr || *value == '\0');
      if (!use_default && value == nullptr)
        fail("{} is '{}': the environment variable {} is not set; set it, or write ${{{}:-default}}", where, text, name,
             name);
      result += use_default ? inside.substr(colon + 2) : value;
      i = end;
    } else {
      fail("{} is '{}': write ${{NAME}} for a variable, $$ for a dollar sign", where, text);
    }
  }
  return result;
}

}  // namespace dpl
