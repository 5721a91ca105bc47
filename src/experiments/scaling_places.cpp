// Nested subsets as members of a series, and the curve they give.
#include "dpl/experiments/scaling_places.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/basin_folds.hpp"
#include "dpl/experiments/folds.hpp"
#include "dpl/experiments/series_summary.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

// Which of a member's scores a column is about.
struct Selected {
  std::vector<const BasinScore*> in, out, core;
};

Selected select(const ScalingPoint& point, const MemberResult& result) {
  const std::set<std::string> core(point.core.begin(), point.core.end());
  Selected s;
  for (const auto& score : result.scores) {
    (score.list == "holdout" ? s.out : s.in).push_back(&score);
    if (core.contains(score.place_id)) s.core.push_back(&score);
  }
  return s;
}

double at(const std::vector<const BasinScore*>& scores, const char* metric, double share) {
  return quantile(metric_values(scores, metric), share);
}

Index batch_of(const TrainConfig& experiment, std::size_t places) {
  const auto all = static_cast<Index>(places);
  return experiment.batch_size == 0 ? all : std::min(all, experiment.batch_size);
}

// Updates of an epoch with `places` of the `pool` basins.
void set_updates(RunConfig& config, std::size_t places, std::size_t pool) {
  TrainConfig& experiment = config.experiment;
  if (config.scaling.budget == "updates") return;
  double updates = updates_of_epoch(experiment, static_cast<Index>(pool));
  updates *= static_cast<double>(batch_of(experiment, pool)) / batch_of(experiment, places);
  if (config.scaling.budget == "runs_per_place") updates *= static_cast<double>(places) / static_cast<double>(pool);
  experiment.updates = static_cast<Index>(std::max(1.0, std::ceil(updates - 1e-9)));
  experiment.epoch_coverage = 0;
}

double runs_per_place(const MemberResult& result, std::size_t places, Count days) {
  return result.place_days / (static_cast<double>(days) * static_cast<double>(places));
}

std::string by_basin_csv(const ScalingSeries& series, const std::vector<MemberResult>& results) {
  std::string csv = "subset,seed,place_id,list,core" + score_columns() + "\n";
  for (std::size_t k = 0; k < results.size(); ++k) {
    const auto& point = series.points[k];
    for (const auto& s : results[k].scores)
      csv += fmt::format("{},{},{},{},{}{}\n", point.fraction, point.seed, s.place_id, s.list,
                         std::ranges::binary_search(point.core, s.place_id) ? 1 : 0, score_cells(s));
  }
  return csv;
}

Json spread_over_seeds(const std::vector<double>& values) {
  return {{"median", quantile(values, 0.5)},
          {"q25", quantile(values, 0.25)},
          {"q75", quantile(values, 0.75)},
          {"count", values.size()}};
}

// Of the medians over basins, the spread over the seeds.
Json by_subset(const ScalingSeries& series, const std::vector<MemberResult>& results, Count days) {
  Json json = Json::object();
  log_info("{:<10}{:>8}{:>9}{:>12}{:>10}{:>12}{:>12}", "subset", "basins", "updates", "runs/place", "s/place", "NSE in",
           "NSE out");
  for (std::size_t first = 0; first < results.size();) {
    std::map<std::string, std::vector<double>> columns;
    std::size_t k = first;
    const auto places = series.members[first].train.size();
    for (; k < results.size() && series.points[k].fraction == series.points[first].fraction; ++k) {
      const Selected s = select(series.points[k], results[k]);
      for (const char* metric : {"nse", "kge"}) {
        columns[fmt::format("{}_in", metric)].push_back(at(s.in, metric, 0.5));
        columns[fmt::format("{}_core", metric)].push_back(at(s.core, metric, 0.5));
        if (!s.out.empty()) columns[fmt::format("{}_out", metric)].push_back(at(s.out, metric, 0.5));
      }
      columns["forward_runs_per_place"].push_back(runs_per_place(results[k], places, days));
      columns["seconds_per_place"].push_back(results[k].rank_seconds / static_cast<double>(places));
    }
    Json& entry = json[fmt::format("{}", series.points[first].fraction)];
    entry["places"] = places;
    for (const auto& [name, values] : columns) entry[name] = spread_over_seeds(values);
    log_info("{:<10}{:>8}{:>9}{:>12.1f}{:>10.3f}{:>12.4f}{:>12.4f}", series.points[first].fraction, places,
             results[first].updates, quantile(columns["forward_runs_per_place"], 0.5),
             quantile(columns["seconds_per_place"], 0.5), quantile(columns["nse_in"], 0.5),
             quantile(columns["nse_out"], 0.5));
    first = k;
  }
  return json;
}

}  // namespace

ScalingSeries scaling_series(const RunConfig& config, const std::vector<std::string>& ids) {
  const SampleSplit split = split_sample(ids, config.scaling.out_of_sample, config.seed);
  auto fractions = config.scaling.fractions;
  std::sort(fractions.begin(), fractions.end());
  ScalingSeries series;
  for (const double fraction : fractions)
    for (Index s = 0; s < config.scaling.seeds; ++s) {
      const std::uint64_t seed = config.seed + static_cast<std::uint64_t>(s);
      SeriesMember member{fmt::format("subset_{}_seed_{}", fraction, seed), config,
                          nested_subset(split.pool, fraction, seed), split.out, true};
      member.config.seed = seed;
      set_updates(member.config, member.train.size(), split.pool.size());
      series.members.push_back(std::move(member));
      series.points.push_back({fraction, seed, nested_subset(split.pool, fractions.front(), seed)});
    }
  return series;
}

std::string scaling_csv(const ScalingSeries& series, const std::vector<MemberResult>& results, Count days) {
  std::string csv =
      "subset,seed,places,updates,forward_runs_per_place,seconds_per_place,nse_in,kge_in,nse_out,kge_out,nse_core,"
      "kge_core,places_core,nse_in_q25,nse_in_q75,nse_out_q25,nse_out_q75,scored_in,scored_out,place_days\n";
  for (std::size_t k = 0; k < results.size(); ++k) {
    const MemberResult& r = results[k];
    const ScalingPoint& point = series.points[k];
    const auto places = series.members[k].train.size();
    const Selected s = select(point, r);
    csv += fmt::format("{},{},{},{},{},{}", point.fraction, point.seed, places, r.updates,
                       csv_number(runs_per_place(r, places, days)),
                       csv_number(r.rank_seconds / static_cast<double>(places)));
    for (const double value : {at(s.in, "nse", 0.5), at(s.in, "kge", 0.5), at(s.out, "nse", 0.5), at(s.out, "kge", 0.5),
                               at(s.core, "nse", 0.5), at(s.core, "kge", 0.5)})
      csv += "," + csv_number(value);
    csv += fmt::format(",{}", point.core.size());
    for (const double value :
         {at(s.in, "nse", 0.25), at(s.in, "nse", 0.75), at(s.out, "nse", 0.25), at(s.out, "nse", 0.75)})
      csv += "," + csv_number(value);
    csv += fmt::format(",{},{},{}\n", s.in.size(), s.out.size(), csv_number(r.place_days));
  }
  return csv;
}

int run_scaling(const VerbContext& context) {
  const RunConfig& config = context.config;
  if (!is_basin_run(config))
    fail("{}: data_sources.forcing is not set, or data_sources.network is: scaling trains over basins (docs/basins.md)",
         context.config_path);
  if (has_folds(config) || !config.basins.holdout.empty() || !config.basins.test.empty())
    fail(
        "{}: basins.holdout, basins.test, basins.pub or basins.pur is given; scaling draws by itself what is held out "
        "and "
        "scored (scaling.out_of_sample): leave them out",
        context.config_path);
  const BasinProblem probe = load_basin_problem(context.comm, config, BasinUse::train);
  tell_left_out(probe);
  std::vector<std::string> ids;
  for (Index k = 0; k < probe.size(); ++k) ids.push_back(probe.id(k));
  const ScalingSeries series = scaling_series(config, ids);
  const Count days = config.experiment.period.days();
  return run_series_verb(context, series.members,
                         [&](const RunFolder& folder, const std::vector<MemberResult>& results) {
                           folder.write_text(context.comm, "scaling_by_basin.csv", by_basin_csv(series, results));
                           Json json = Json::parse(series_origin(probe));
                           json["budget"] = config.scaling.budget;
                           json["out_of_sample"] = series.members.front().held_out.size();
                           if (context.comm.is_root()) json["by_subset"] = by_subset(series, results, days);
                           folder.write_text(context.comm, "metrics.json", json.dump(2) + "\n");
                           folder.write_text(context.comm, "scaling.csv", scaling_csv(series, results, days));
                         });
}

}  // namespace dpl
