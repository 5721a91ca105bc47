// One function per rule.
#include "dpl/base/config_check.hpp"

#include <algorithm>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

using PlaceOf = std::function<std::string(const std::string& key)>;

void check_period(const Period& period, const std::string& section, const PlaceOf& place) {
  const bool start = period.start.day != kNoDay, end = period.end.day != kNoDay;
  if (start != end)
    fail("{}: key {section}.{} is given without {section}.{}; give both or none",
         place(section + (start ? ".start_time" : ".end_time")), start ? "start_time" : "end_time",
         start ? "end_time" : "start_time", fmt::arg("section", section));
  if (start && period.start.day > period.end.day)
    fail("{}: key {section}.end_time is {}, before {section}.start_time, {}", place(section + ".end_time"),
         iso_date(period.end.day), iso_date(period.start.day), fmt::arg("section", section));
}

// A window of basins may begin before the period, with days that are not scored: warming up needs forcing only.
void check_window(const TrainConfig& experiment, bool basins, const PlaceOf& place) {
  if (experiment.rho_days <= experiment.warmup_days)
    fail("{}: key experiment.rho is {}, and experiment.warmup {}: a window must be longer than its warm-up",
         place("experiment.rho"), experiment.rho_days, experiment.warmup_days);
  if (experiment.set && basins && experiment.rho_days - experiment.warmup_days > experiment.period.days())
    fail(
        "{}: key experiment.rho is {}: the {} days of a window after its warm-up are longer than the training period {} "
        "to {}, {} days",
        place("experiment.rho"), experiment.rho_days, experiment.rho_days - experiment.warmup_days,
        iso_date(experiment.period.start.day), iso_date(experiment.period.end.day), experiment.period.days());
  if (experiment.set && !basins && experiment.rho_days > experiment.period.days())
    fail("{}: key experiment.rho is {}: a window of {} days is longer than the training period {} to {}, {} days",
         place("experiment.rho"), experiment.rho_days, experiment.rho_days, iso_date(experiment.period.start.day),
         iso_date(experiment.period.end.day), experiment.period.days());
}

void check_parameters(const ParamsConfig& params, const PlaceOf& place) {
  for (const auto& name : params.log_space)
    if (const auto& range = params.ranges.at(name); range.low <= 0)
      fail(
          "{}: key params.parameter_ranges.{} is [{}, {}], but {} is in params.log_space_parameters: its range must "
          "begin above 0",
          place("params.parameter_ranges." + name), name, range.low, range.high, name);
  for (const auto& [name, range] : params.ranges)
    if (const double value = params.defaults.at(name); value < range.low || value > range.high)
      fail("{}: key params.defaults.{} is {}, outside params.parameter_ranges.{}, [{}, {}]",
           place("params.defaults." + name), name, value, name, range.low, range.high);
}

// The name becomes a folder.
void check_name(const std::string& name, const PlaceOf& place) {
  if (name.find('/') != std::string::npos || name == "." || name == "..")
    fail("{}: key name is '{}'; it names a folder: / is not allowed, nor . and .. alone", place("name"), name);
}

void check_learnable_parameters(const std::vector<std::string>& names, const std::string& section,
                                const PlaceOf& place) {
  const std::string key = section + ".learnable_parameters";
  if (names.empty()) fail("{}: key {} is empty; name at least one of n, p, q", place(key), key);
}

void check_baselines(const std::vector<std::string>& baselines, const PlaceOf& place) {
  if (baselines.size() > 1 && std::find(baselines.begin(), baselines.end(), "all") != baselines.end())
    fail("{}: key test.baselines: all stands alone or not at all", place("test.baselines"));
}

void check_solver(const RunConfig& config, const PlaceOf& place) {
  if (config.routing.solver != "krylov") return;
  if (config.precision != "double")
    fail("{}: key routing.solver is krylov, which needs precision double, and precision is {}; set precision: double or "
         "routing.solver: pipeline",
         place("routing.solver"), config.precision);
  if (config.device == "cuda")
    fail("{}: key routing.solver is krylov, which runs on the CPU, and device is {}; set device: cpu or routing.solver: "
         "pipeline",
         place("routing.solver"), config.device);
}

void check_replicas(const RunConfig& config, const PlaceOf& place) {
  if (config.parallel.replicas > config.experiment.windows)
    fail(
        "{}: key parallel.replicas is {}, and experiment.windows {}: every group of ranks takes other windows of an "
        "update; give experiment.windows at least {}, or fewer replicas",
        place("parallel.replicas"), config.parallel.replicas, config.experiment.windows, config.parallel.replicas);
}

void check_folds(const BasinsConfig& basins, const PlaceOf& place) {
  if (basins.pub == 1)
    fail("{}: key basins.pub is 1; folds are held out in turn: 0 for none, or at least 2", place("basins.pub"));
  if (basins.pur.size() == 1)
    fail("{}: key basins.pur holds one list; give at least 2, or that one as basins.holdout", place("basins.pur"));
  if (basins.pub == 0 && basins.pur.empty()) return;
  const std::string folds = basins.pub > 0 ? "basins.pub" : "basins.pur";
  const auto refuse = [&](bool given, const std::string& other) {
    if (given)
      fail("{}: key {} is given with {}, which says itself what is held out and scored; keep one of them", place(folds),
           other, folds);
  };
  refuse(basins.pub > 0 && !basins.pur.empty(), "basins.pur");
  refuse(!basins.holdout.empty(), "basins.holdout");
  refuse(!basins.test.empty(), "basins.test");
}

void check_tasks(const RunConfig& config, const PlaceOf& place) {
  const auto& parallel = config.parallel;
  if (parallel.task > parallel.tasks)
    fail("{}: key parallel.task is {}, above parallel.tasks, {}", place("parallel.task"), parallel.task, parallel.tasks);
  if (parallel.task > 0 && config.resume.empty())
    fail("{}: key parallel.task is {}, and resume is not given; all tasks work in one folder: make it and give resume",
         place("parallel.task"), parallel.task);
  if (config.scaling.fractions.empty())
    fail("{}: key scaling.fractions is empty; give at least one number above 0 and at most 1",
         place("scaling.fractions"));
}

}  // namespace

void check_config(const RunConfig& config, const PlaceOf& place) {
  check_name(config.name, place);
  check_period(config.experiment.period, "experiment", place);
  check_period(config.test.period, "test", place);
  check_window(config.experiment, is_basin_run(config) || is_joint_run(config), place);
  check_parameters(config.params, place);
  check_learnable_parameters(config.network.learnable_parameters, "network", place);
  check_learnable_parameters(config.channel_network.learnable_parameters, "channel_network", place);
  check_baselines(config.test.baselines, place);
  check_solver(config, place);
  check_replicas(config, place);
  check_folds(config.basins, place);
  check_tasks(config, place);
  parse_iso_date(config.synth.start, place("synth.start") + ": key synth.start");
}

}  // namespace dpl
