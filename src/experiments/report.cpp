// Medians, quartiles, rows and tables.
#include "dpl/experiments/report.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/version.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::vector<double> column(const Contender& c, std::size_t metric) {
  std::vector<double> values;
  for (const auto& m : c.scores)
    if (m.count > 0 && !std::isnan(m.values[metric])) values.push_back(m.values[metric]);
  return values;
}

// The gauges of one list.
Contender part_of(const Contender& c, const std::vector<std::string>& list, const std::string& name) {
  Contender part;
  for (std::size_t g = 0; g < c.scores.size(); ++g)
    if (list[g] == name) part.scores.push_back(c.scores[g]);
  return part;
}

Json contender_json(const Contender& c) {
  if (c.scores.empty()) return nullptr;
  Json json;
  for (std::size_t m = 0; m < metric_names().size(); ++m) {
    const auto values = column(c, m);
    json[metric_names()[m]] = {{"median", number(quantile(values, 0.5))},
                               {"q25", number(quantile(values, 0.25))},
                               {"q75", number(quantile(values, 0.75))},
                               {"count", values.size()}};
  }
  for (const auto& [name, value] : c.facts) json[name] = number(value);
  return json;
}

Json set_json(const Report& r) {
  const auto scored = r.evaluation.scored_days();
  const auto& o = *r.problem.observations;
  Index gauges = 0;
  for (Index g = 0; g < o.size(); ++g)
    if (!r.contenders.empty() && r.contenders.front().scores[g].count > 0) ++gauges;
  return {{"gauges", gauges},
          {"start", iso_date(r.evaluation.period().start.day)},
          {"end", iso_date(r.evaluation.period().end.day)},
          {"scored_start", scored.values > 0 ? Json(iso_date(scored.first_day)) : Json(nullptr)},
          {"scored_end", scored.values > 0 ? Json(iso_date(scored.last_day)) : Json(nullptr)},
          {"scored_values", scored.values},
          {"interval_s", r.evaluation.clock().interval_s},
          {"gauge_id", o.gauge_id}};
}

double median(const Contender& c, const std::string& metric) {
  const auto& names = metric_names();
  const auto m = static_cast<std::size_t>(std::find(names.begin(), names.end(), metric) - names.begin());
  return quantile(column(c, m), 0.5);
}

std::string file_checksum(const std::string& path) {
  constexpr std::streamsize kEnd = 64 << 20;
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("{}: cannot be read", path);
  const auto size = static_cast<std::streamsize>(std::filesystem::file_size(path));
  Fingerprint f;
  std::vector<char> bytes(std::min(size, kEnd));
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  f.add(std::span<const char>(bytes));
  if (size > kEnd) {
    bytes.resize(std::min(size - kEnd, kEnd));
    in.seekg(-static_cast<std::streamoff>(bytes.size()), std::ios::end);
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    f.add(std::span<const char>(bytes));
  }
  return fmt::format("fnv1a64:{}:{}", size, f.hex());
}

}  // namespace

std::string metrics_json(const Report& r, const std::map<std::string, std::string>& checksums) {
  Json json;
  json["set"] = set_json(r);
  Json reasons = Json::object();
  for (const auto& c : r.contenders) {
    json[c.name] = contender_json(c);
    if (c.scores.empty()) reasons[c.name] = c.reason;
  }
  json["absent"] = reasons;
  for (const char* name : {"train", "holdout"}) {
    if (std::find(r.list.begin(), r.list.end(), name) == r.list.end()) continue;
    for (const auto& c : r.contenders) json["by_list"][name][c.name] = contender_json(part_of(c, r.list, name));
    for (std::size_t g = 0; g < r.list.size(); ++g)
      if (r.list[g] == name) json["set"]["lists"][name].push_back(r.problem.observations->gauge_id[g]);
  }
  json["scheme"] = r.problem.config.routing.scheme;
  json["seed"] = r.problem.config.seed;
  json["updates"] = r.update;
  json["water_balance"] = {
      {"lateral_inflow_m3", r.water.lateral_inflow},
      {"outflow_m3", r.water.outflow},
      {"storage_change_m3", r.water.storage_change},
      {"created_by_floor_m3", r.water.created_by_floor},
      {"relative_error", number((r.water.lateral_inflow + r.water.created_by_floor - r.water.outflow -
                                 r.water.storage_change) /
                                r.water.lateral_inflow)}};
  json["inputs"] = checksums;
  json["program"] = {{"version", kVersion}, {"git", kGitHash}};
  return json.dump(2) + "\n";
}

std::string metrics_by_gauge_csv(const Report& r) {
  const auto& o = *r.problem.observations;
  std::string csv = r.list.empty() ? "contender,gauge_id,reach_id,count" : "contender,gauge_id,reach_id,list,count";
  for (const auto& name : metric_names()) csv += "," + name;
  csv += "\n";
  for (const auto& c : r.contenders)
    for (std::size_t g = 0; g < c.scores.size(); ++g) {
      csv += fmt::format("{},{},{},", c.name, o.gauge_id[g], r.problem.network.reach_id[o.reach[g]]);
      csv += r.list.empty() ? fmt::format("{}", c.scores[g].count) : fmt::format("{},{}", r.list[g], c.scores[g].count);
      for (double value : c.scores[g].values) csv += std::isnan(value) ? "," : fmt::format(",{}", value);
      csv += "\n";
    }
  return csv;
}

std::vector<std::string> metrics_table(const Report& r) {
  std::vector<std::string> lines;
  const auto scored = r.evaluation.scored_days();
  lines.push_back(fmt::format("test period {}..{}, median of {} gauge{}", iso_date(scored.first_day),
                              iso_date(scored.last_day), r.problem.observations->size(),
                              r.problem.observations->size() == 1 ? "" : "s"));
  lines.push_back(fmt::format("{:<26}{:>9}{:>9}{:>12}{:>12}", "", "NSE", "KGE", "bias m3/s", "RMSE m3/s"));
  for (const auto& c : r.contenders) {
    if (c.scores.empty()) {
      lines.push_back(fmt::format("{:<26}  not computed: {}", c.name, c.reason));
      continue;
    }
    const auto row = [&](const std::string& name, const Contender& of) {
      lines.push_back(fmt::format("{:<26}{:>9.4f}{:>9.4f}{:>12.3f}{:>12.3f}", name, median(of, "nse"), median(of, "kge"),
                                  median(of, "bias"), median(of, "rmse")));
    };
    row(c.name, c);
    for (const char* name : {"train", "holdout"})
      if (std::find(r.list.begin(), r.list.end(), name) != r.list.end())
        row(fmt::format("  {} ({})", name, std::count(r.list.begin(), r.list.end(), name)), part_of(c, r.list, name));
  }
  return lines;
}

std::map<std::string, std::string> input_checksums(const Communicator& comm, const DataSources& sources) {
  std::map<std::string, std::string> sums;
  for (const auto& [name, path] : {std::pair<std::string, std::string>{"network", sources.network},
                                   {"attributes", sources.attributes},
                                   {"lateral_inflow", sources.lateral_inflow},
                                   {"observations", sources.observations},
                                   {"reach_attributes", sources.reach_attributes},
                                   {"forcing", sources.forcing}}) {
    if (path.empty()) continue;
    std::string sum;
    agree_on_root(comm, "checksum", [&, &file = path] { sum = file_checksum(file); });
    sums[name] = comm.broadcast(sum);
  }
  return sums;
}

}  // namespace dpl
