// metrics.json, metrics_by_basin.csv and the table of a contest over basins.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dpl/base/date.hpp"
#include "dpl/base/version.hpp"
#include "dpl/experiments/basin_contest.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

// Of the places of a list ("": of all) where the metric is defined.
std::vector<double> column(const BasinReport& r, const BasinContender& c, std::size_t metric, const std::string& list) {
  std::vector<double> values;
  for (std::size_t k = 0; k < c.scores.size(); ++k)
    if ((list.empty() || r.problem.list[k] == list) && c.scores[k].count > 0 && !std::isnan(c.scores[k].values[metric]))
      values.push_back(c.scores[k].values[metric]);
  return values;
}

Json contender_json(const BasinReport& r, const BasinContender& c, const std::string& list) {
  if (c.scores.empty()) return nullptr;
  Json json;
  for (std::size_t m = 0; m < metric_names().size(); ++m) {
    const auto values = column(r, c, m, list);
    json[metric_names()[m]] = {{"median", number(quantile(values, 0.5))},
                               {"q25", number(quantile(values, 0.25))},
                               {"q75", number(quantile(values, 0.75))},
                               {"count", values.size()}};
  }
  return json;
}

Json set_json(const BasinReport& r) {
  const Period& period = r.problem.config.test.period;
  Json excluded = Json::array();
  for (const auto& e : r.problem.excluded)
    excluded.push_back({{"place_id", e.place_id}, {"reason", e.reason}, {"detail", e.detail}});
  Json lists = Json::object();
  for (const auto& name : r.problem.list) lists[name] = lists.value(name, 0) + 1;
  return {{"places", r.problem.size()},
          {"lists", lists},
          {"start", iso_date(period.start.day)},
          {"end", iso_date(period.end.day)},
          {"excluded", excluded}};
}

std::vector<std::string> lists_of(const BasinReport& r) {
  std::vector<std::string> names;
  for (const auto& name : r.problem.list)
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

double median(const BasinReport& r, const BasinContender& c, const std::string& metric, const std::string& list) {
  const auto& names = metric_names();
  const auto m = static_cast<std::size_t>(std::find(names.begin(), names.end(), metric) - names.begin());
  return quantile(column(r, c, m, list), 0.5);
}

}  // namespace

std::string basin_metrics_json(const BasinReport& r, const std::map<std::string, std::string>& checksums) {
  Json json;
  json["set"] = set_json(r);
  Json reasons = Json::object(), by_list = Json::object();
  for (const auto& c : r.contenders.at(r.primary())) {
    json[c.name] = contender_json(r, c, "");
    if (c.scores.empty()) reasons[c.name] = c.reason;
    for (const auto& list : lists_of(r)) by_list[list][c.name] = contender_json(r, c, list);
  }
  json["absent"] = reasons;
  json["by_list"] = by_list;
  for (const auto& [variable, contenders] : r.contenders)
    if (variable != r.primary())
      for (const auto& c : contenders) {
        json[variable][c.name] = contender_json(r, c, "");
        for (const auto& list : lists_of(r)) json[variable]["by_list"][list][c.name] = contender_json(r, c, list);
      }
  json["variable"] = r.primary();
  json["runoff"] = r.problem.config.runoff.variant;
  json["pet"] = r.problem.config.runoff.pet;
  json["seed"] = r.problem.config.seed;
  json["updates"] = r.update;
  for (const BasinMember& m : r.members)
    json["members"].push_back({{"contender", m.name}, {"path", m.path}, {"seed", m.seed}, {"updates", m.update}});
  json["inputs"] = checksums;
  json["program"] = {{"version", kVersion}, {"git", kGitHash}};
  return json.dump(2) + "\n";
}

std::string basin_metrics_csv(const BasinReport& r) {
  std::string csv = "contender,variable,place_id,list,count";
  for (const auto& name : metric_names()) csv += "," + name;
  csv += "\n";
  for (const auto& [variable, contenders] : r.contenders)
    for (const auto& c : contenders)
      for (std::size_t k = 0; k < c.scores.size(); ++k) {
        csv += fmt::format("{},{},{},{},{}", c.name, variable, r.problem.id(static_cast<Index>(k)), r.problem.list[k],
                           c.scores[k].count);
        for (const double value : c.scores[k].values) csv += std::isnan(value) ? "," : fmt::format(",{}", value);
        csv += "\n";
      }
  return csv;
}

std::vector<std::string> basin_metrics_table(const BasinReport& r) {
  const Period& period = r.problem.config.test.period;
  std::vector<std::string> lines;
  for (const auto& [variable, contenders] : r.contenders)
    for (const auto& list : lists_of(r)) {
      const auto places = std::count(r.problem.list.begin(), r.problem.list.end(), list);
      lines.push_back(fmt::format("{}, {}..{}, median of {} basins ({})", variable, iso_date(period.start.day),
                                  iso_date(period.end.day), places, list));
      lines.push_back(fmt::format("{:<26}{:>9}{:>9}{:>9}{:>9}", "", "NSE", "KGE", "bias", "RMSE"));
      for (const auto& c : contenders)
        lines.push_back(c.scores.empty() ? fmt::format("{:<26}  not computed: {}", c.name, c.reason)
                                         : fmt::format("{:<26}{:>9.4f}{:>9.4f}{:>9.4f}{:>9.4f}", c.name,
                                                       median(r, c, "nse", list), median(r, c, "kge", list),
                                                       median(r, c, "bias", list), median(r, c, "rmse", list)));
    }
  return lines;
}

}  // namespace dpl
