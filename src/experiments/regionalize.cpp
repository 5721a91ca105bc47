// The verb `regionalize`: every split into gauged and ungauged basins, all methods, one table.
#include "dpl/experiments/regionalize.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/log.hpp"
#include "dpl/data/basin_list.hpp"
#include "dpl/experiments/basin_folds.hpp"
#include "dpl/experiments/folds.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/experiments/series_summary.hpp"
#include "dpl/learning/transfer_network.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> kMethods{"transfer_sce_ua", "nearest_attributes", "nearest_map", "uniform"};

struct Split {
  std::string name;
  std::vector<std::string> gauged, ungauged;  // the same where each is left out in turn
};

struct Scored {
  std::string method, fold;
  BasinScore score;
};

struct Tables {
  std::vector<Scored> scores;
  std::string donors = "contender,place_id,rank,donor,distance,fold\n";
  std::string coefficients = "fold,parameter,component,predictor,coefficient\n";
  std::string curves = "fold,evaluations,loss\n";
  bool has_donors = false, has_search = false;
};

// Why a method cannot take part; empty where it can.
std::string hindrance(const RunConfig& config, const std::string& method) {
  const bool donors = method.starts_with("nearest");
  if (donors) return config.regionalize.donors.empty() ? "regionalize.donors is not set" : "";
  if (config.regionalize.leave_one_out)
    return "with regionalize.leave_one_out it would be searched anew for every basin";
  if (method == "transfer_sce_ua" && config.network.transfer.empty()) return "network.transfer is empty";
  return "";
}

bool named(const RunConfig& config, const std::string& method) {
  const auto& list = config.regionalize.methods;
  return std::find(list.begin(), list.end(), method) != list.end();
}

std::vector<std::string> methods_of(const RunConfig& config) {
  std::vector<std::string> methods;
  for (const auto& method : kMethods) {
    const std::string why_not = hindrance(config, method);
    if (named(config, method) && !why_not.empty())
      fail("config: regionalize.methods names {}, which cannot be done: {}; give what it needs or take it out", method,
           why_not);
    if (why_not.empty() && (config.regionalize.methods.empty() || named(config, method))) methods.push_back(method);
  }
  if (methods.empty())
    fail("config: no method of regionalization can be done: regionalize.leave_one_out needs regionalize.donors");
  return methods;
}

void check(const VerbContext& context) {
  const RunConfig& c = context.config;
  if (!is_basin_run(c))
    fail("{}: regionalize is for runs over basins: data_sources.forcing must be given, data_sources.network must not",
         context.config_path);
  if (!c.test.period.given())
    fail("{}: test.start_time and test.end_time are not set; ungauged basins are scored over that period",
         context.config_path);
  if (!c.runoff.dynamic.empty())
    fail("config: runoff.dynamic names {}; regionalization gives static parameters: leave it empty",
         c.runoff.dynamic.front());
  if (!(c.experiment.targets.streamflow > 0) || c.experiment.targets.soil_moisture > 0)
    fail("config: experiment.targets.streamflow is {}, soil_moisture {}; regionalization is for streamflow alone",
         c.experiment.targets.streamflow, c.experiment.targets.soil_moisture);
  const int ways = int{has_folds(c)} + int{!c.basins.holdout.empty()} + int{c.regionalize.leave_one_out};
  if (ways != 1)
    fail(
        "config: {} of basins.pub or basins.pur, basins.holdout, regionalize.leave_one_out say which basins are "
        "ungauged; give one",
        ways);
  if (c.regionalize.average == "parameters" && c.regionalize.neighbours > 1 && BasinParameters(c).components > 1)
    fail(
        "config: regionalize.average is parameters, and the model has {} components, which do not correspond from "
        "basin to basin; use series or runoff.nmul: 1",
        BasinParameters(c).components);
}

void check_budget(const RunConfig& c) {
  std::size_t dimensions = 0;
  for (const auto& predictors : transfer_predictors(c.network, BasinParameters(c).output_names()))
    dimensions += 1 + predictors.size();
  const Count points = (2 * static_cast<Count>(dimensions) + 1) * c.calibration.complexes;
  if (c.calibration.evaluations < points)
    fail("config: calibration.evaluations is {}; {} complexes of {} points for {} coefficients need at least {}",
         c.calibration.evaluations, c.calibration.complexes, 2 * dimensions + 1, dimensions, points);
}

std::vector<std::string> ids_of(const BasinProblem& problem) {
  std::vector<std::string> ids;
  for (Index k = 0; k < problem.size(); ++k) ids.push_back(problem.id(k));
  return ids;
}

std::vector<Split> splits_of(const BasinProblem& probe) {
  const auto usable = ids_of(probe);
  if (probe.config.regionalize.leave_one_out) return {{"leave_one_out", usable, usable}};
  std::vector<Split> splits;
  if (has_folds(probe.config)) {
    for (const auto& fold : basin_folds(probe))
      splits.push_back({fmt::format("fold_{}", fold.name), others(usable, fold.held_out), fold.held_out});
    return splits;
  }
  return {{"holdout", usable, read_basin_list(probe.comm, probe.config.basins.holdout).id}};
}

std::string list_text(const std::vector<std::string>& ids) { return fmt::format("{}\n", fmt::join(ids, "\n")); }

// As a training of the split would be configured; no history is read, whatever the kind of the network.
RunConfig config_of(const RunConfig& config, const std::string& folder) {
  RunConfig one = config;
  one.basins = RunConfig().basins;
  one.network.kind = "mlp";
  one.basins.train = folder + "/train.txt";
  if (config.regionalize.leave_one_out) return one;
  one.basins.holdout = one.basins.test = folder + "/held_out.txt";
  return one;
}

/// One split: the methods one after the other.
class Regionalization {
 public:
  Regionalization(const VerbContext& context, const RunFolder& run, const Split& split, const DonorSets& sets,
                  Tables& tables)
      : comm_(context.comm), split_(split), sets_(sets), tables_(tables), folder_(run.file("members/" + split.name)) {
    agree_on_root(comm_, "run folder", [&] {
      std::error_code problem;
      std::filesystem::create_directories(folder_, problem);
      if (problem) fail("{}: cannot be made ({}); the run folder must be writable", folder_, problem.message());
    });
    run.write_text(comm_, "members/" + split.name + "/train.txt", list_text(split.gauged));
    run.write_text(comm_, "members/" + split.name + "/held_out.txt", list_text(split.ungauged));
    const RunConfig config = config_of(context.config, folder_);
    gauged_.emplace(load_basin_problem(comm_, config, BasinUse::train));
    ungauged_.emplace(load_basin_problem(comm_, config, BasinUse::score, &gauged_->statistics));
    test_ = read_basin_series(*ungauged_, config.test.period, evaluation_warmup(config));
  }

  /// False where a signal came.
  bool run(const std::vector<std::string>& methods) {
    for (const auto& method : methods) {
      if (method == "transfer_sce_ua") {
        if (!transfer()) return false;
      } else if (method == "uniform") {
        uniform();
      } else {
        nearest(method);
      }
    }
    return true;
  }

 private:
  const BasinSeries& training() {
    if (!training_) training_ = read_basin_series(*gauged_, gauged_->config.experiment.period,
                                                  evaluation_warmup(gauged_->config));
    return *training_;
  }

  void keep(const std::string& method, const std::vector<double>& streamflow) {
    const auto all = basin_scores(*ungauged_, test_, test_.streamflow_mm_day, streamflow);
    for (Index k = 0; k < ungauged_->size(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      tables_.scores.push_back({method, split_.name, {ungauged_->id(k), ungauged_->list[at], all[at]}});
    }
  }

  void nearest(const std::string& method) {
    const auto donors = donors_of(*gauged_, *ungauged_, method == "nearest_map");
    keep(method, donated_streamflow(*gauged_, *ungauged_, test_, sets_, donors));
    tables_.has_donors = true;
    for (Index k = 0; k < ungauged_->size(); ++k) {
      int rank = 0;
      for (const Donor& d : donors[static_cast<std::size_t>(k)])
        tables_.donors += fmt::format("{},{},{},{},{},{}\n", method, ungauged_->id(k), ++rank, gauged_->id(d.donor),
                                      d.distance, split_.name);
    }
  }

  void uniform() {
    const UniformSet set = best_uniform_set(*gauged_, training());
    keep("uniform", uniform_streamflow(*ungauged_, test_, set, ungauged_->config.test.period));
  }

  bool transfer() {
    TransferSearch search(*gauged_, training(), split_.name, folder_ + "/search.txt");
    if (!search.run()) return false;
    std::vector<double> flow;
    agree(comm_, "runoff of transfer functions", [&] {
      BasinPhysics<float> physics(*ungauged_, test_);
      flow = streamflow_of_shares(physics, *ungauged_, search.shares(*ungauged_), ungauged_->config.test.period);
    });
    keep("transfer_sce_ua", flow);
    tables_.has_search = true;
    for (const auto& line : search.lines()) tables_.coefficients += fmt::format("{},{}\n", split_.name, line);
    for (const auto& at : search.search().curve())
      tables_.curves += fmt::format("{},{},{}\n", split_.name, at.evaluations, at.value);
    log_info("transfer functions: loss {:.4f} after {} evaluations ({})", search.search().best_value(),
             search.search().evaluations(), search.search().why());
    return true;
  }

  const Communicator& comm_;
  const Split& split_;
  const DonorSets& sets_;
  Tables& tables_;
  std::string folder_;
  std::optional<BasinProblem> gauged_, ungauged_;
  BasinSeries test_;
  std::optional<BasinSeries> training_;
};

std::vector<const BasinScore*> scores_of(const Tables& tables, const std::string& method, const std::string& fold) {
  std::vector<const BasinScore*> scores;
  for (const auto& s : tables.scores)
    if (s.method == method && (fold.empty() || s.fold == fold)) scores.push_back(&s.score);
  return scores;
}

void write_tables(const BasinProblem& probe, const RunFolder& folder, const std::vector<std::string>& methods,
                  const std::vector<Split>& splits, const Tables& tables) {
  const Communicator& comm = probe.comm;
  const RunConfig& config = probe.config;
  Json json = Json::parse(series_origin(probe));
  std::string csv = "contender,variable,place_id,list" + score_columns() + ",fold\n";
  for (const auto& s : tables.scores)
    csv += fmt::format("{},streamflow,{},{}{},{}\n", s.method, s.score.place_id, s.score.list, score_cells(s.score),
                       s.fold);
  Json absent = Json::object(), by_fold = Json::object();
  for (const auto& method : kMethods) {
    const bool done = std::find(methods.begin(), methods.end(), method) != methods.end();
    if (!done) {
      const std::string why = hindrance(config, method);
      absent[method] = why.empty() ? "not in regionalize.methods" : why;
      json[method] = nullptr;
      continue;
    }
    json[method] = Json::parse(metric_summary(scores_of(tables, method, "")));
    for (const auto& split : splits)
      by_fold[split.name][method] = Json::parse(metric_summary(scores_of(tables, method, split.name)));
  }
  json["absent"] = absent;
  json["by_fold"] = by_fold;
  json["components"] = BasinParameters(config).components;
  json["neighbours"] = config.regionalize.neighbours;
  json["average"] = config.regionalize.average;
  json["donors"] = config.regionalize.donors;
  folder.write_text(comm, "metrics_by_basin.csv", csv);
  if (tables.has_donors) folder.write_text(comm, "donors.csv", tables.donors);
  if (tables.has_search) {
    folder.write_text(comm, "coefficients.csv", tables.coefficients);
    folder.write_text(comm, "search_curves.csv", tables.curves);
  }
  folder.write_text(comm, "metrics.json", json.dump(2) + "\n");
  log_info("{:<26}{:>8}{:>9}{:>9}{:>9}{:>9}", "ungauged", "basins", "NSE q25", "median", "q75", "KGE");
  for (const auto& method : methods) {
    const auto scores = scores_of(tables, method, "");
    const auto nse = metric_values(scores, "nse");
    log_info("{:<26}{:>8}{:>9.4f}{:>9.4f}{:>9.4f}{:>9.4f}", method, nse.size(), quantile(nse, 0.25),
             quantile(nse, 0.5), quantile(nse, 0.75), quantile(metric_values(scores, "kge"), 0.5));
  }
}

void print_plan(const std::vector<Split>& splits, const std::vector<std::string>& methods) {
  log_info("configuration is valid; nothing was computed");
  for (const auto& split : splits)
    log_info("{}: {} basins with observations, {} as if without", split.name, split.gauged.size(),
             split.ungauged.size());
  log_info("methods: {}", fmt::join(methods, ", "));
}

}  // namespace

int run_regionalize(const VerbContext& context) {
  check(context);
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  const auto methods = methods_of(config);
  if (std::find(methods.begin(), methods.end(), "transfer_sce_ua") != methods.end()) check_budget(config);
  check_run_folder(comm, config);
  RunConfig for_probe = config;
  for_probe.network.kind = "mlp";  // no history is read
  const BasinProblem probe = load_basin_problem(comm, for_probe, BasinUse::train);
  const auto splits = splits_of(probe);
  DonorSets sets;
  if (std::any_of(methods.begin(), methods.end(), [](const auto& m) { return m.starts_with("nearest"); }))
    sets = read_donors(probe, config.regionalize.donors);
  if (context.validate_only) {
    print_plan(splits, methods);
    return 0;
  }
  RunFolder folder = begin_run(comm, config);
  log_info("{} splits of {} basins; {}; {} parameters a basin, {} ranks", splits.size(), probe.size(),
           fmt::join(methods, ", "), BasinParameters(config).outputs(), comm.size());
  Tables tables;
  for (const auto& split : splits) {
    log_info("{}: {} basins with observations, {} as if without", split.name, split.gauged.size(),
             split.ungauged.size());
    if (!Regionalization(context, folder, split, sets, tables).run(methods)) {
      log_info("stopped by a signal in {}; continue with resume={}", split.name, folder.path());
      return kStoppedBySignal;
    }
  }
  write_tables(probe, folder, methods, splits, tables);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
