// From the YAML list to runs with whole configurations: on rank 0, the others get the result.
#include "dpl/experiments/experiment_plan.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/base/yaml_node.hpp"
#include "dpl/experiments/verb.hpp"

namespace dpl {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string did_you_mean(const std::string& wrong, const std::vector<std::string>& known) {
  const auto near = nearest_name(wrong, known);
  return near.empty() ? "" : fmt::format("did you mean {}? ", near);
}

void refuse_other_keys(const YamlNode& map, const std::string& what, const std::vector<std::string>& known) {
  if (map.kind != YamlNode::Kind::map) fail("{}: {} must be a map of {}", map.place, what, fmt::join(known, ", "));
  for (const auto& entry : map.entries)
    if (std::find(known.begin(), known.end(), entry.key) == known.end())
      fail("{}: key {} of {} is not known; {}allowed: {}", entry.place, entry.key, what, did_you_mean(entry.key, known),
           fmt::join(known, ", "));
}

const YamlNode* find(const YamlNode& map, const std::string& key) {
  for (const auto& entry : map.entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::string needed(const YamlNode& map, const std::string& what, const std::string& key) {
  const YamlNode* node = find(map, key);
  if (node == nullptr || node->kind != YamlNode::Kind::scalar || node->text.empty())
    fail("{}: {} needs the key {}, a text", map.place, what, key);
  return node->text;
}

// Names become folders.
std::string checked_name(const std::string& name, const std::string& place) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; };
  if (!std::all_of(name.begin(), name.end(), plain))
    fail("{}: name {} becomes a folder; allowed are letters, digits, _ and -", place, name);
  return name;
}

void flatten(const YamlNode& node, std::vector<YamlNode>& out) {
  if (node.kind == YamlNode::Kind::map) fail("{}: a setting must be a text, key.sub=value", node.place);
  if (node.kind == YamlNode::Kind::scalar) out.push_back(node);
  for (const auto& item : node.items) flatten(item, out);
}

std::string check_verb(const YamlNode& map) {
  const std::string verb = needed(map, "a step", "verb");
  std::vector<std::string> names;
  for (const auto& v : verbs())
    if (v.takes_config && v.own_file == nullptr) names.emplace_back(v.name);
  if (std::find(names.begin(), names.end(), verb) == names.end())
    fail("{}: {} is not a verb of a step; {}allowed: {}", find(map, "verb")->place, verb, did_you_mean(verb, names),
         fmt::join(names, ", "));
  return verb;
}

/// Makes the runs of the steps, in order; a run may refer to those made before.
class PlanMaker {
 public:
  PlanMaker(ExperimentPlan& plan, const std::string& path, const std::vector<std::string>& overrides)
      : plan_(plan), path_(path), overrides_(overrides) {}

  void add(const YamlNode& map) {
    refuse_other_keys(map, "a step", {"name", "verb", "config", "set", "seeds"});
    ExperimentStep step;
    step.step = checked_name(needed(map, "a step", "name"), map.entries.front().place);
    step.verb = check_verb(map);
    step.config_path = (fs::path(path_).parent_path() / needed(map, "a step", "config")).lexically_normal().string();
    std::vector<YamlNode> settings, seeds;
    if (const auto* set = find(map, "set")) flatten(*set, settings);
    if (const auto* given = find(map, "seeds")) flatten(*given, seeds);
    const std::string& place = map.entries.front().place;
    if (seeds.empty()) return add(step, settings, place);
    for (const auto& seed : seeds) {
      step.seed = seed.text;
      add(step, settings, seed.place);
    }
  }

 private:
  void add(ExperimentStep step, const std::vector<YamlNode>& settings, const std::string& place) {
    step.name = step.seed.empty() ? step.step : fmt::format("{}_{}", step.step, step.seed);
    for (const auto& other : plan_.steps)
      if (other.name == step.name) fail("{}: step {} is given twice; give each a name of its own", place, step.name);
    step.folder = fmt::format("{}/steps/{}", plan_.folder, step.name);
    std::vector<std::string> all;
    if (!step.seed.empty()) all.push_back(fmt::format("seed={}", step.seed));
    for (const auto& setting : settings) {
      refuse_own(setting.text, setting.place);
      all.push_back(expanded(setting.text, step, setting.place));
    }
    all.insert(all.end(), overrides_.begin(), overrides_.end());
    try {
      RunConfig config = load_config(step.config_path, all);
      config.name = step.name;
      check_needed_keys(config, step.verb, step.config_path);
      step.settings = resolved_yaml(config);
    } catch (const Error& error) {
      fail("{}: step {}: {}", place, step.name, error.what());
    }
    plan_.steps.push_back(std::move(step));
  }

  static void refuse_own(const std::string& setting, const std::string& place) {
    const auto key = setting.substr(0, setting.find('='));
    if (key == "resume" || key == "name" || key == "output" || key == "output.folder")
      fail("{}: a step cannot set {}: its folder is OUTPUT/NAME/steps/STEP", place, key);
  }

  // `{step:...}`, `{seed}` and `{here}` replaced; other braces are YAML's.
  std::string expanded(const std::string& text, const ExperimentStep& step, const std::string& place) const {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const auto close = text.find('}', at);
      const auto word = text[at] == '{' && close != std::string::npos ? text.substr(at + 1, close - at - 1) : "";
      if (word == "here") {
        out += step.folder;
      } else if (word == "seed") {
        if (step.seed.empty()) fail("{}: {{seed}} in '{}', but the step has no seeds", place, text);
        out += step.seed;
      } else if (word.starts_with("step:")) {
        out += folder_of(word.substr(5), step, place);
      } else {
        out += text[at++];
        continue;
      }
      at = close + 1;
    }
    return out;
  }

  std::string folder_of(const std::string& reference, const ExperimentStep& step, const std::string& place) const {
    const auto slash = reference.find('/');
    const std::string name = reference.substr(0, slash);
    std::string seed = slash == std::string::npos ? step.seed : reference.substr(slash + 1);
    std::vector<std::string> names, seeds;
    const ExperimentStep* found = nullptr;
    for (const auto& earlier : plan_.steps) {
      if (std::find(names.begin(), names.end(), earlier.step) == names.end()) names.push_back(earlier.step);
      if (earlier.step != name) continue;
      seeds.push_back(earlier.seed);
      if (earlier.seed == seed || (earlier.seed.empty() && slash == std::string::npos)) found = &earlier;
    }
    if (found != nullptr) return found->folder;
    if (name == step.step && step_folder_of(step.verb) == StepFolder::given) return step.folder;  // as {here}
    if (seeds.size() == 1 && slash == std::string::npos)
      return folder_of(fmt::format("{}/{}", name, seeds[0]), step, place);
    if (!seeds.empty())
      fail("{}: step {} refers to {}, which has the seeds {}; name one: {{step:{}/{}}}", place, step.name, reference,
           fmt::join(seeds, ", "), name, seeds[0]);
    fail("{}: step {} refers to {}, which is no earlier step; {}earlier steps: {}", place, step.name, name,
         did_you_mean(name, names), names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
  }

  ExperimentPlan& plan_;
  std::string path_;
  const std::vector<std::string>& overrides_;
};

ExperimentPlan make_plan(const std::string& path, const std::vector<std::string>& overrides) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path))
    fail("cannot read the experiment {}: {}", path, std::strerror(file ? EISDIR : errno));
  ExperimentPlan plan;
  plan.text.assign(std::istreambuf_iterator<char>(file), {});
  const YamlNode root = parse_yaml(plan.text, path);
  refuse_other_keys(root, "an experiment", {"name", "output", "steps"});
  plan.name = checked_name(needed(root, "an experiment", "name"), root.place);
  std::string output = find(root, "output") != nullptr ? needed(root, "an experiment", "output") : "output";
  std::vector<std::string> settings;
  for (const auto& setting : overrides) {
    const auto key = setting.substr(0, setting.find('='));
    if (key == "output" || key == "output.folder")
      output = setting.substr(setting.find('=') + 1);
    else if (key == "resume" || key == "name" || key == "seed")
      throw UsageError(fmt::format(
          "command line: an experiment has no key {}: {}", key,
          key == "resume" ? "the same command again goes on where it stopped" : "change it in the list of steps"));
    else
      settings.push_back(setting);
  }
  plan.folder = (fs::path(output) / plan.name).string();
  const YamlNode* steps = find(root, "steps");
  if (steps == nullptr || steps->kind != YamlNode::Kind::list || steps->items.empty())
    fail("{}: an experiment needs the key steps, a list of maps with name, verb and config", root.place);
  PlanMaker maker(plan, path, settings);
  for (const auto& step : steps->items) maker.add(step);
  return plan;
}

std::string plan_text(const ExperimentPlan& plan) {
  Json json{{"name", plan.name}, {"folder", plan.folder}, {"text", plan.text}, {"steps", Json::array()}};
  for (const auto& s : plan.steps)
    json["steps"].push_back({s.name, s.step, s.seed, s.verb, s.config_path, s.folder, s.settings});
  return json.dump();
}

}  // namespace

ExperimentPlan read_experiment(const Communicator& comm, const std::string& path,
                               const std::vector<std::string>& overrides) {
  std::string text;
  agree_on_root(comm, "reading the experiment", [&] { text = plan_text(make_plan(path, overrides)); });
  const Json json = Json::parse(comm.broadcast(text));
  ExperimentPlan plan{json["name"], json["folder"], json["text"], {}};
  for (const auto& s : json["steps"]) plan.steps.push_back({s[0], s[1], s[2], s[3], s[4], s[5], s[6]});
  return plan;
}

StepFolder step_folder_of(const std::string& verb) {
  if (verb == "evaluate" || verb == "plan") return StepFolder::moved;
  return verb == "synth" ? StepFolder::given : StepFolder::resume;
}

}  // namespace dpl
