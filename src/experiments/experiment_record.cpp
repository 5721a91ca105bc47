// step.json, and in words what has changed since it was written.
#include "dpl/experiments/experiment_record.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/version.hpp"
#include "dpl/base/yaml_node.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

std::string path_of(const ExperimentStep& step) { return step.folder + "/step.json"; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string text_of(const YamlNode& node) {
  std::string text = node.text;
  for (const auto& item : node.items) text += (text.empty() ? "" : ", ") + text_of(item);
  return node.kind == YamlNode::Kind::list ? "[" + text + "]" : text;
}

void collect(const YamlNode& node, const std::string& key, std::map<std::string, std::string>& out) {
  if (node.kind != YamlNode::Kind::map) out[key] = text_of(node);
  for (const auto& entry : node.entries) collect(entry.value, key.empty() ? entry.key : key + "." + entry.key, out);
}

std::map<std::string, std::string> keys_of(const std::string& yaml) {
  std::map<std::string, std::string> out;
  collect(parse_yaml(yaml, "step.json"), "", out);
  return out;
}

// The first key that differs; empty where none does.
std::string difference(const std::string& then, const std::string& now) {
  auto before = keys_of(then);
  for (const auto& [key, value] : keys_of(now)) {
    const auto found = before.find(key);
    if (found == before.end()) return fmt::format("{} was not set, now it is {}", key, value);
    if (found->second != value) return fmt::format("{} was {}, now it is {}", key, found->second, value);
    before.erase(found);
  }
  return before.empty() ? ""
                        : fmt::format("{} was {}, now it is not set", before.begin()->first, before.begin()->second);
}

}  // namespace

std::string comparable_settings(const ExperimentPlan& plan, const ExperimentStep& step) {
  const RunConfig neutral;
  RunConfig config = parse_config(step.settings, step.config_path);
  config.parallel = neutral.parallel;
  config.memory = neutral.memory;
  config.output.folder = neutral.output.folder;
  return "verb: " + step.verb + "\n" + replaced(resolved_yaml(config), plan.folder + "/", "EXPERIMENT/");
}

std::optional<StepRecord> read_step_record(const ExperimentPlan& plan, const ExperimentStep& step) {
  const std::string path = path_of(step);
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  const Json json = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.contains("settings"))
    fail("{}: is not the record of a step of this version; remove the folder {} to run the step again", path,
         step.folder);
  StepRecord record{json["state"] == "finished", json["seconds"], json["ranks"], json["settings"]};
  if (const auto what = difference(record.settings, comparable_settings(plan, step)); !what.empty())
    fail(
        "{}: step {} was {} with other settings: {}; take back the change, remove the folder {} to run the step again, "
        "or give "
        "output another folder",
        path, step.name, record.finished ? "finished" : "begun", what, step.folder);
  return record;
}

void write_step_record(const ExperimentStep& step, const StepRecord& record) {
  const std::string path = path_of(step), temporary = path + ".tmp";
  std::error_code problem;
  std::filesystem::create_directories(step.folder, problem);
  const Json json{{"step", step.step},
                  {"seed", step.seed},
                  {"verb", step.verb},
                  {"config", step.config_path},
                  {"state", record.finished ? "finished" : "begun"},
                  {"seconds", record.seconds},
                  {"ranks", record.ranks},
                  {"program", fmt::format("{} {}", kVersion, kGitHash)},
                  {"fingerprint", Fingerprint().add(record.settings).hex()},
                  {"settings", record.settings}};
  {
    std::ofstream out(temporary, std::ios::binary);
    out << json.dump(1) << "\n";
    out.flush();
    if (!out) fail("{}: cannot be written; check that the folder is writable and the disk is not full", path);
  }
  std::filesystem::rename(temporary, path, problem);
  if (problem) fail("{}: cannot be written ({})", path, problem.message());
}

}  // namespace dpl
