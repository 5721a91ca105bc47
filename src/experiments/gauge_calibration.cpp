// Levels of gauges from the headwaters down, each searched by SCE-UA with one routing a point.
#include "dpl/experiments/gauge_calibration.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/calibration_objective.hpp"
#include "dpl/experiments/report.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/period_router.hpp"
#include "dpl/training/sampler.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

using Json = nlohmann::json;

// The keys of a section with their values, but for those that results do not depend on.
std::string section_of(const RunConfig& config, const std::string& section) {
  std::istringstream lines(resolved_yaml(without_part_of_run(config)));
  std::string line, text;
  for (bool inside = false; std::getline(lines, line);) {
    if (!line.empty() && line[0] != ' ') inside = line == section + ":";
    const auto first = line.find_first_not_of(' ');
    if (inside && first != std::string::npos && first > 0) text += (text.empty() ? "" : ", ") + line.substr(first);
  }
  return text;
}

// A gauge whose observations do not vary has no efficiency.
std::vector<std::uint8_t> with_varying_flow(Index gauges, std::span<const double> observed, Count intervals) {
  std::vector<std::uint8_t> usable;
  for (Index g = 0; g < gauges; ++g) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    const auto first = static_cast<std::size_t>(g * intervals);
    for (const double o : observed.subspan(first, static_cast<std::size_t>(intervals)))
      if (!std::isnan(o)) low = std::min(low, o), high = std::max(high, o);
    usable.push_back(low < high);
  }
  return usable;
}

Json json_of(const CalibratedGauge& gauge, const std::string& id, const std::string& settings,
             const std::vector<LearnedParameter>& learned) {
  Json curve = Json::array(), names = Json::array();
  for (const auto& at : gauge.curve) curve.push_back({at.evaluations, at.value});
  for (const auto& p : learned) names.push_back(p.name);
  return {{"gauge_id", id},     {"settings", settings},  {"parameters", names},
          {"values", gauge.values}, {"value", gauge.value}, {"evaluations", gauge.evaluations},
          {"why", gauge.why},   {"curve", curve}};
}

std::optional<CalibratedGauge> stored(const std::string& path, const std::string& settings, std::size_t parameters) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const Json json = Json::parse(read_text(path));
    if (json.at("settings") != settings)
      fail("{}: was calibrated with \"{}\", now it is \"{}\"; use the configuration of that run, or begin a new one",
           path, json.at("settings").get<std::string>(), settings);
    CalibratedGauge gauge{json.at("values"), json.at("value"), json.at("evaluations"), json.at("why"), {}};
    for (const auto& at : json.at("curve")) gauge.curve.push_back({at.at(0), at.at(1)});
    if (gauge.values.size() != parameters)
      fail("{}: holds {} values for {} parameters; remove it to calibrate that gauge again", path, gauge.values.size(),
           parameters);
    return gauge;
  } catch (const Json::exception& problem) {
    fail("{}: is not a result of a calibration ({}); remove it to calibrate that gauge again", path, problem.what());
  }
}

// Gauges on few of many pieces are routed alone where there are enough pieces.
RunConfig for_some_gauges(RunConfig config) {
  config.experiment.batch_size = 1;
  return config;
}

}  // namespace

struct GaugeCalibration::Search {
  Index gauge;
  SceUa search;
  std::vector<double> values;  // of the points asked for, so far
};

GaugeCalibration::GaugeCalibration(const Problem& problem, const RunFolder& folder)
    : problem_(problem),
      folder_(folder),
      field_(problem, learned_parameters(problem.config)),
      sigma_(observed_deviation(*problem.observations, problem.config.experiment.period)),
      found_(static_cast<std::size_t>(problem.observations->size())) {
  const RunConfig& config = problem.config;
  const Observations& observations = *problem.observations;
  const Period& period = config.experiment.period;
  domain_ = make_routed_domain(problem.comm, for_some_gauges(config), problem.network,
                               reaches_above(problem.network, observations.reach), problem.blocks);
  clock_ = make_gauge_clock(config, observations, domain_->step_s());
  const auto rows = inflow_rows(problem, period, "the training period (experiment)");
  rows_per_day_ = (rows.end - rows.first) / period.days();
  window_ = {rows.first, rows.end - rows.first, clock_.means, period.days() * clock_.per_day, false, {}, 0, 0, 0};
  domain_->use_inflow(problem.inflow, rows.first, rows.end);
  observed_ = clock_.observed(observations, period.start.day, period.days(), config.experiment.warmup_days,
                              domain_->discharge_rows(window_.rows));
  areas_ = gauge_areas(problem.network.topology, observations.reach,
                       with_varying_flow(observations.size(), observed_, window_.intervals));
  if (areas_.levels() == 0)
    fail("{}: no gauge has observations that vary in {}..{}, after {} days of experiment.warmup", observations.path,
         iso_date(period.start.day), iso_date(period.end.day), config.experiment.warmup_days);
  for (Index g = 0; g < observations.size(); ++g)
    if (areas_.level[g] < 0)
      log_warning("gauge {} is not calibrated: its observations do not vary in the training period, or another gauge "
                  "stands on its reach", observations.gauge_id[g]);
  std::vector<double> start;
  for (const auto& p : field_.learned()) start.push_back(p.start);
  values_ = field_.learned_columns(field_.uniform(start));
  for (const auto& [name, sum] : input_checksums(problem.comm, config.data_sources))
    if (name != "attributes") sums_ += fmt::format(" {} {}", name, sum);

  agree_on_root(problem.comm, "calibrated gauges", [&] {
    std::error_code ignored;
    std::filesystem::create_directories(folder.file("places"), ignored);
  });
  agree(problem.comm, "calibrated gauges", [&] {
    for (Index g = 0; g < observations.size(); ++g) {
      if (areas_.level[g] < 0) continue;
      found_[g] = stored(path_of(g), settings_of(g), field_.learned().size());
      if (found_[g]) take_values(g, found_[g]->values);
    }
  });
}

std::string GaugeCalibration::settings_of(Index gauge) const {
  const RunConfig& c = problem_.config;
  const CalibrationConfig& k = c.calibration;
  std::vector<std::string> above;
  for (const Index g : areas_.above[gauge]) above.push_back(problem_.observations->gauge_id[g]);
  return fmt::format(
      "seed {}; {}; {}; {}; learned {}; {} to {}, warmup {}; complexes {}, evaluations {}, objective {}, "
      "stop {} {} {}; gauges above: {}; network {};{}",
      c.seed, c.precision, section_of(c, "routing"), section_of(c, "params"),
      fmt::join(c.network.learnable_parameters, " "), iso_date(c.experiment.period.start.day),
      iso_date(c.experiment.period.end.day), c.experiment.warmup_days, k.complexes, k.evaluations, k.objective,
      k.stop_loops, k.stop_change, k.stop_range, above.empty() ? "none" : fmt::format("{}", fmt::join(above, " ")),
      problem_.fingerprint, sums_);
}

std::string GaugeCalibration::path_of(Index gauge) const {
  return folder_.file("places/" + problem_.observations->gauge_id[gauge] + ".json");
}

Index GaugeCalibration::done() const {
  return static_cast<Index>(std::count_if(found_.begin(), found_.end(), [](const auto& f) { return f.has_value(); }));
}

Index GaugeCalibration::gauges() const {
  return static_cast<Index>(std::count_if(areas_.level.begin(), areas_.level.end(), [](Index l) { return l >= 0; }));
}

std::vector<double> GaugeCalibration::values_at(std::span<const double> shares) const {
  std::vector<double> values;
  for (std::size_t j = 0; j < shares.size(); ++j)  // a share of the range is the sigmoid of an output
    values.push_back(field_.learned()[j].from_output(std::log(shares[j] / (1 - shares[j]))));
  return values;
}

void GaugeCalibration::take_values(Index gauge, std::span<const double> values) {
  const Index first = problem_.blocks.first_reach(), end = problem_.blocks.end_reach();
  for (Index r = first; r < end; ++r)
    if (areas_.gauge_of_reach[r] == gauge)
      std::ranges::copy(values, values_.begin() + static_cast<Count>(r - first) * static_cast<Count>(values.size()));
}

std::vector<double> GaugeCalibration::route(std::span<const double> theta, std::vector<std::uint8_t> wanted) {
  RoutedWindow period = window_;
  period.wanted = std::move(wanted);
  const Count rows = rows_of_window(problem_.config, *domain_, rows_per_day_, period.rows);
  if (rows >= period.rows) return domain_->forward(theta, period, false);  // in one piece: fewer messages
  return route_period(problem_.comm, *domain_, problem_.config, period, rows_per_day_, theta);
}

double GaugeCalibration::training_loss(std::span<const double> theta) {
  return loss_at_gauges(problem_.config.experiment, route(theta, {}), observed_, window_.intervals, sigma_).value;
}

bool GaugeCalibration::run() {
  if (done() > 0) log_info("{} of {} gauges are calibrated already", done(), gauges());
  for (Index level = 0; level < areas_.levels(); ++level)
    if (!run_level(level)) return false;
  return true;
}

bool GaugeCalibration::run_level(Index level) {
  const CalibrationConfig& c = problem_.config.calibration;
  const auto gauges = static_cast<std::size_t>(problem_.observations->size());
  const std::size_t n = field_.learned().size();
  std::vector<Search> searches;
  for (Index g = 0; g < problem_.observations->size(); ++g)
    if (areas_.level[g] == level && !found_[g])
      searches.push_back({g,
                          SceUa(std::vector<double>(n, 0.0), std::vector<double>(n, 1.0),
                                {c.complexes, c.evaluations, c.stop_loops, c.stop_change, c.stop_range},
                                {problem_.config.seed, Purpose::complex_evolution, 0,
                                 station_key(problem_.observations->gauge_id[g])}),
                          {}});
  if (searches.empty()) return true;
  Progress progress(fmt::format("level {} of {} ({} gauges), run", level + 1, areas_.levels(), searches.size()),
                    c.evaluations, "reach-steps");
  const double steps = static_cast<double>(problem_.config.experiment.period.days()) * 86400 / domain_->step_s();
  double work = 0;
  for (Count runs = 0; !searches.empty();) {
    if (problem_.comm.any(stop_requested())) return false;
    std::vector<std::uint8_t> wanted(gauges, 0);
    for (const auto& one : searches) {
      wanted[one.gauge] = 1;
      take_values(one.gauge, values_at(one.search.asked().subspan(one.values.size() * n, n)));
    }
    const auto means = route(theta(), std::move(wanted));
    work += steps * static_cast<double>(domain_->reaches_wanted());
    for (auto& one : searches) {
      const auto first = static_cast<std::size_t>(one.gauge * window_.intervals);
      const auto length = static_cast<std::size_t>(window_.intervals);
      one.values.push_back(calibration_value(c.objective, std::span<const double>(means).subspan(first, length),
                                             std::span<const double>(observed_).subspan(first, length)));
      if (static_cast<Index>(one.values.size()) < one.search.asked_count()) continue;
      one.search.tell(one.values);
      one.values.clear();
    }
    for (auto& one : searches)
      if (one.search.finished())
        keep(one.gauge, {values_at(one.search.best()), one.search.best_value(), one.search.evaluations(),
                         one.search.why(), one.search.curve()});
    std::erase_if(searches, [](const Search& one) { return one.search.finished(); });
    progress.show(++runs, work);
  }
  return true;
}

void GaugeCalibration::keep(Index gauge, CalibratedGauge result) {
  const std::string& id = problem_.observations->gauge_id[gauge];
  if (!std::isfinite(result.value))
    fail("gauge {}: the objective {} is not defined for any parameters tried; leave it out of experiment.gauges", id,
         problem_.config.calibration.objective);
  agree_on_root(problem_.comm, "calibrated gauges", [&] {
    const std::string path = path_of(gauge), temporary = path + ".tmp";
    {
      std::ofstream out(temporary);
      out << json_of(result, id, settings_of(gauge), field_.learned()).dump() << "\n";
      out.flush();
      if (!out) fail("{}: cannot be written; check that the folder is writable and the disk is not full", path);
    }
    publish_file(temporary, path);
  });
  take_values(gauge, result.values);
  found_[gauge] = std::move(result);
}

}  // namespace dpl
