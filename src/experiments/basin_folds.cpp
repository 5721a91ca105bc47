// Folds as members of a series, and their one table.
#include "dpl/experiments/basin_folds.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/data/basin_list.hpp"
#include "dpl/experiments/folds.hpp"
#include "dpl/experiments/series_summary.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

struct FoldTraining {
  std::string fold;
  std::uint64_t seed = 0;
};

std::vector<std::string> ids_of(const BasinProblem& problem) {
  std::vector<std::string> ids;
  for (Index k = 0; k < problem.size(); ++k) ids.push_back(problem.id(k));
  return ids;
}

// Basins of a region that cannot be trained on cannot be told apart from those that can: they are left out of both.
std::vector<BasinFold> regions(const BasinProblem& probe, const std::vector<std::string>& usable) {
  std::vector<BasinList> lists;
  std::vector<BasinFold> folds;
  for (const auto& path : probe.config.basins.pur) {
    lists.push_back(read_basin_list(probe.comm, path));
    for (std::size_t k = 0; k + 1 < lists.size(); ++k) check_apart(lists[k], lists.back());
    places_of(lists.back(), probe.forcing.place_id, probe.forcing.path);
    const std::string name = std::filesystem::path(path).stem().string();
    for (const auto& fold : folds)
      if (fold.name == name) fail("config: basins.pur has two lists named {}; give them different names", name);
    folds.push_back({name, others(usable, others(usable, lists.back().id))});
    if (folds.back().held_out.empty())
      fail("{}: none of its {} basins can take part (basins.train, forcing, observations); take it out of basins.pur",
           path, lists.back().id.size());
    if (folds.back().held_out.size() == usable.size())
      fail("{}: holds all {} basins that can take part; nothing is left to train on", path, usable.size());
  }
  return folds;
}

using ByGroup = std::vector<std::pair<std::string, std::vector<const BasinScore*>>>;

std::vector<const BasinScore*>& group(ByGroup& groups, const std::string& name) {
  for (auto& [known, scores] : groups)
    if (known == name) return scores;
  return groups.emplace_back(name, std::vector<const BasinScore*>{}).second;
}

Json summaries(const ByGroup& groups) {
  Json json = Json::object();
  for (const auto& [name, scores] : groups) json[name] = Json::parse(metric_summary(scores));
  return json;
}

void print_group(const std::string& name, const std::vector<const BasinScore*>& scores) {
  const auto nse = metric_values(scores, "nse");
  log_info("{:<26}{:>8}{:>9.4f}{:>9.4f}{:>9.4f}{:>9.4f}", name, nse.size(), quantile(nse, 0.25), quantile(nse, 0.5),
           quantile(nse, 0.75), quantile(metric_values(scores, "kge"), 0.5));
}

}  // namespace

bool has_folds(const RunConfig& config) { return config.basins.pub > 0 || !config.basins.pur.empty(); }

std::vector<BasinFold> basin_folds(const BasinProblem& probe) {
  const auto usable = ids_of(probe);
  if (probe.config.basins.pub == 0) return regions(probe, usable);
  std::vector<BasinFold> folds;
  for (auto& ids : random_folds(usable, probe.config.basins.pub, probe.config.seed))
    folds.push_back({fmt::format("{}", folds.size() + 1), std::move(ids)});
  return folds;
}

int run_basin_folds(const VerbContext& context) {
  const RunConfig& config = context.config;
  if (!config.test.period.given())
    fail("{}: test.start_time and test.end_time are not set; what is held out is scored over that period",
         context.config_path);
  const BasinProblem probe = load_basin_problem(context.comm, config, BasinUse::train);
  tell_left_out(probe);
  std::vector<SeriesMember> members;
  std::vector<FoldTraining> trainings;
  const auto usable = ids_of(probe);
  for (const auto& fold : basin_folds(probe))
    for (Index s = 0; s < config.basins.fold_seeds; ++s) {
      trainings.push_back({fold.name, config.seed + static_cast<std::uint64_t>(s)});
      SeriesMember member{fmt::format("fold_{}", fold.name), config, others(usable, fold.held_out), fold.held_out};
      if (config.basins.fold_seeds > 1) member.name += fmt::format("_seed_{}", trainings.back().seed);
      member.config.seed = trainings.back().seed;
      members.push_back(std::move(member));
    }
  return run_series_verb(context, members, [&](const RunFolder& folder, const std::vector<MemberResult>& results) {
    std::string csv = "contender,variable,place_id,list" + score_columns() + ",fold,seed\n";
    Json json = Json::parse(series_origin(probe));
    ByGroup all, by_fold, by_seed;
    for (std::size_t k = 0; k < results.size(); ++k)
      for (const auto& s : results[k].scores) {
        csv += fmt::format("learned,{},{},{}{},{},{}\n", json["variable"].get<std::string>(), s.place_id, s.list,
                           score_cells(s), trainings[k].fold, trainings[k].seed);
        for (auto* scores : {&group(all, "held out"), &group(by_fold, trainings[k].fold),
                             &group(by_seed, fmt::format("{}", trainings[k].seed))})
          scores->push_back(&s);
      }
    if (context.comm.is_root()) {
      json["spatial_test"] = config.basins.pub > 0 ? "pub" : "pur";
      json["learned"] = Json::parse(metric_summary(group(all, "held out")));
      json["by_fold"] = summaries(by_fold);
      json["by_seed"] = summaries(by_seed);
      log_info("{:<26}{:>8}{:>9}{:>9}{:>9}{:>9}", "held out", "basins", "NSE q25", "median", "q75", "KGE");
      for (const auto& [name, scores] : by_fold) print_group("fold " + name, scores);
      print_group("all", group(all, "held out"));
    }
    folder.write_text(context.comm, "metrics_by_basin.csv", csv);
    folder.write_text(context.comm, "metrics.json", json.dump(2) + "\n");
  });
}

}  // namespace dpl
