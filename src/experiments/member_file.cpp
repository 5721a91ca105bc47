// Writing and reading of member.json.
#include "dpl/experiments/member_file.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

// The configuration without what may differ between the parts of one series.
std::string settings_of(const RunConfig& whole) {
  const RunConfig neutral;
  RunConfig config = without_part_of_run(whole);
  config.output = neutral.output;
  config.parallel = neutral.parallel;
  config.data_sources = neutral.data_sources;
  config.basins = neutral.basins;
  config.scaling = neutral.scaling;
  config.synth = neutral.synth;
  return resolved_yaml(config);
}

std::string first_difference(const std::string& then, const std::string& now) {
  std::istringstream a(then), b(now);
  std::string x, y;
  while (std::getline(a, x), std::getline(b, y), a || b) {
    if (x != y)
      return fmt::format("\"{}\" then, \"{}\" now", x.substr(x.find_first_not_of(' ')),
                         y.substr(y.find_first_not_of(' ')));
    x.clear(), y.clear();
  }
  return "nothing";
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string member_text(const SeriesMember& member, const MemberResult& result) {
  Json json;
  json["updates"] = result.updates;
  json["place_days"] = result.place_days;
  json["rank_seconds"] = result.rank_seconds;
  json["configuration"] = settings_of(member.config);
  json["train"] = member.train;
  json["held_out"] = member.held_out;
  json["metrics"] = metric_names();
  for (const auto& s : result.scores) {
    Json values = Json::array();
    for (const double value : s.metrics.values) values.push_back(number(value));
    json["scores"].push_back({s.place_id, s.list, s.metrics.count, values});
  }
  return json.dump(1) + "\n";
}

MemberResult read_member(const std::string& path, const SeriesMember& member) {
  std::ifstream in(path, std::ios::binary);
  const Json json = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.contains("scores") || json["metrics"] != Json(metric_names()))
    fail("{}: is not the result of a training of this version; remove the folder of this training to do it again",
         path);
  const auto refuse = [&](const std::string& what) {
    fail(
        "{}: this training was made with another configuration: {}; resume with the configuration of the run folder or "
        "start a new run",
        path, what);
  };
  const std::string settings = settings_of(member.config);
  if (const std::string then = json["configuration"]; then != settings) refuse(first_difference(then, settings));
  if (json["train"] != Json(member.train)) refuse("other basins to train on");
  if (json["held_out"] != Json(member.held_out)) refuse("other basins held out");
  MemberResult result{json["updates"], json["place_days"], json["rank_seconds"], {}};
  for (const auto& row : json["scores"]) {
    BasinScore score{row[0], row[1], {{}, row[2]}};
    for (const auto& value : row[3])
      score.metrics.values.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
    result.scores.push_back(std::move(score));
  }
  return result;
}

double seconds_of_updates(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  double seconds = 0;
  while (std::getline(in, line))
    if (const auto comma = line.find(','); comma != std::string::npos) seconds += std::stod(line.substr(comma + 1));
  return seconds;
}

}  // namespace dpl
