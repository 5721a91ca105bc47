// What the tables of folds and of scaling share.
#include "dpl/experiments/series_summary.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dpl/base/date.hpp"
#include "dpl/base/version.hpp"
#include "dpl/experiments/report.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::vector<double> metric_values(const std::vector<const BasinScore*>& scores, const std::string& metric) {
  std::vector<double> values;
  for (const BasinScore* s : scores)
    if (const double value = s->metrics.get(metric); s->metrics.count > 0 && !std::isnan(value))
      values.push_back(value);
  return values;
}

std::string metric_summary(const std::vector<const BasinScore*>& scores) {
  Json json;
  for (const auto& name : metric_names()) {
    const auto values = metric_values(scores, name);
    json[name] = {{"median", number(quantile(values, 0.5))},
                  {"q25", number(quantile(values, 0.25))},
                  {"q75", number(quantile(values, 0.75))},
                  {"count", values.size()}};
  }
  return json.dump();
}

std::string csv_number(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

std::string score_columns() { return fmt::format(",count,{}", fmt::join(metric_names(), ",")); }

std::string score_cells(const BasinScore& score) {
  std::string cells = fmt::format(",{}", score.metrics.count);
  for (const double value : score.metrics.values) cells += "," + csv_number(value);
  return cells;
}

std::string series_origin(const BasinProblem& probe) {
  const Period& period = probe.config.test.period;
  Json excluded = Json::array();
  for (const auto& e : probe.excluded)
    excluded.push_back({{"place_id", e.place_id}, {"reason", e.reason}, {"detail", e.detail}});
  Json json;
  json["set"] = {{"places", probe.size()},
                 {"start", iso_date(period.start.day)},
                 {"end", iso_date(period.end.day)},
                 {"excluded", excluded}};
  json["variable"] = probe.config.experiment.targets.streamflow > 0 ? "streamflow" : "soil_moisture";
  json["runoff"] = probe.config.runoff.variant;
  json["pet"] = probe.config.runoff.pet;
  json["seed"] = probe.config.seed;
  json["inputs"] = input_checksums(probe.comm, probe.config.data_sources);
  json["program"] = {{"version", kVersion}, {"git", kGitHash}};
  return json.dump();
}

}  // namespace dpl
