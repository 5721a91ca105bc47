// The verb `calibrate` over basins: each searched alone over the training period, then the test period.
#include "dpl/experiments/calibrate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/basin_training.hpp"
#include "dpl/experiments/report.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/training/basin_output.hpp"
#include "dpl/training/durable_folder.hpp"

namespace dpl {
namespace {

using Json = nlohmann::json;

constexpr Index kLanes = 256;      // windows of one call of the model: enough to fill its vectors many times
constexpr double kTogether_s = 1;  // between two points where the ranks meet

// Everything that results of a basin depend on.
std::string settings_of(const BasinProblem& problem, const std::map<std::string, std::string>& inputs) {
  const RunConfig& c = problem.config;
  std::string sums;
  for (const auto& [name, sum] : inputs) sums += fmt::format(" {} {}", name, sum);
  const CalibrationConfig& k = c.calibration;
  const std::string method =
      k.method == "sce_ua"
          ? fmt::format("complexes {}, evaluations {}, objective {}, stop {} {} {}", k.complexes, k.evaluations,
                        k.objective, k.stop_loops, k.stop_change, k.stop_range)
          : fmt::format("gradient, starts {}, steps {}, rate {}, decay_to {}, start_spread {}, objective {}, "
                        "through the warm-up {}",
                        k.starts, k.steps, k.rate, k.decay_to, k.start_spread, k.objective,
                        c.runoff.gradient_through_warmup);
  return fmt::format("{}; {};{}", runoff_settings(c, c.runoff.nmul), method, sums);
}

Json json_of(const CalibratedPlace& place, const std::string& id, const std::string& settings) {
  Json curve = Json::array();
  for (const auto& at : place.curve) curve.push_back({at.evaluations, at.value});
  return {{"place_id", id},       {"settings", settings}, {"shares", place.shares}, {"value", place.value},
          {"evaluations", place.evaluations}, {"adjoints", place.adjoints}, {"why", place.why},   {"curve", curve}};
}

// What is stored of a basin, if anything.
std::optional<CalibratedPlace> stored(const std::string& path, const std::string& settings) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const Json json = Json::parse(read_text(path));
    if (json.at("settings") != settings)
      fail("{}: was calibrated with \"{}\", now it is \"{}\"; use the configuration of that run, or begin a new one", path,
           json.at("settings").get<std::string>(), settings);
    CalibratedPlace place{json.at("shares"), json.at("value"), json.at("evaluations"), json.at("why"), {},
                          json.value("adjoints", Count{0})};
    for (const auto& at : json.at("curve")) place.curve.push_back({at.at(0), at.at(1)});
    return place;
  } catch (const Json::exception& problem) {
    fail("{}: is not a result of a calibration ({}); remove it to calibrate that basin again", path, problem.what());
  }
}

class Calibration {
 public:
  Calibration(const BasinProblem& problem, const BasinSeries& series, const RunFolder& folder)
      : problem_(problem),
        series_(series),
        folder_(folder),
        settings_(settings_of(problem, input_checksums(problem.comm, problem.config.data_sources))),
        own_(static_cast<std::size_t>(problem.own())) {
    agree_on_root(problem.comm, "calibrated basins", [&] {
      std::error_code ignored;
      std::filesystem::create_directories(folder.file("places"), ignored);
    });
    agree(problem.comm, "calibrated basins", [&] {
      for (Index k = 0; k < problem.own(); ++k) own_[static_cast<std::size_t>(k)] = stored(path_of(k), settings_);
    });
  }

  Count done() const {
    const auto mine = std::count_if(own_.begin(), own_.end(), [](const auto& p) { return p.has_value(); });
    return problem_.comm.sum(std::int64_t{mine});
  }

  // Collective. False where a signal came before the end.
  bool run() {
    const Count at_start = done();
    if (at_start > 0) log_info("{} of {} basins are calibrated already", at_start, problem_.size());
    const Count budget = largest_evaluations(problem_.config.calibration);
    Progress progress("evaluation", problem_.size() * budget, "basin-days", at_start * budget);
    const auto days = static_cast<double>(period_windows(problem_, problem_.config.experiment.period, 0, 0).days);
    std::vector<Index> pending;
    for (Index k = 0; k < problem_.own(); ++k)
      if (!own_[static_cast<std::size_t>(k)]) pending.push_back(k);
    const Index lanes = lanes_of_place(problem_.config.calibration);
    const auto group = static_cast<std::size_t>(std::max<Index>(1, kLanes / lanes));
    std::unique_ptr<PlaceSearch> search;
    std::vector<Index> places;
    std::size_t next = 0;
    Count finished = 0;
    while (problem_.comm.any(search || next < pending.size())) {
      if (problem_.comm.any(stop_requested())) return false;
      agree(problem_.comm, "calibration", [&] {
        const auto start = std::chrono::steady_clock::now();
        while ((search || next < pending.size()) && !stop_requested() &&
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < kTogether_s) {
          if (!search) {
            const auto end = std::min(pending.size(), next + group);
            places.assign(pending.begin() + static_cast<std::ptrdiff_t>(next),
                          pending.begin() + static_cast<std::ptrdiff_t>(end));
            next = end;
            search = make_place_search(problem_, series_, places);
          }
          search->step();
          if (!search->finished()) continue;
          finished += static_cast<Count>(places.size()) * budget;
          evaluations_ += search->evaluations();
          seconds_.forward += search->seconds().forward;
          seconds_.adjoint += search->seconds().adjoint;
          keep(places, search->results());
          search.reset();
        }
      });
      const Count now = problem_.comm.sum(finished + (search ? search->evaluations() : 0));
      const Count worked = problem_.comm.sum(evaluations_ + (search ? search->evaluations() : 0));
      progress.show(at_start * budget + now, static_cast<double>(worked) * days);
    }
    return true;
  }

  // Collective: [place] on all ranks.
  std::vector<CalibratedPlace> all(Index outputs) const {
    const auto width = static_cast<std::size_t>(outputs);
    std::vector<double> rows(static_cast<std::size_t>(problem_.size()) * (width + 3), 0.0);
    for (std::size_t k = 0; k < own_.size(); ++k) {
      auto to = rows.begin() + static_cast<std::ptrdiff_t>((static_cast<std::size_t>(problem_.first_own()) + k) * (width + 3));
      to = std::copy(own_[k]->shares.begin(), own_[k]->shares.end(), to);
      *to++ = own_[k]->value;
      *to++ = static_cast<double>(own_[k]->evaluations);
      *to = static_cast<double>(own_[k]->adjoints);
    }
    problem_.comm.gather_owned(rows);
    std::vector<CalibratedPlace> places;
    for (std::size_t k = 0; k < static_cast<std::size_t>(problem_.size()); ++k) {
      const auto from = rows.begin() + static_cast<std::ptrdiff_t>(k * (width + 3));
      const auto after = from + static_cast<std::ptrdiff_t>(width);
      places.push_back({{from, after}, after[0], static_cast<Count>(after[1]), "", {}, static_cast<Count>(after[2])});
    }
    return places;
  }

  /// Collective: what an adjoint cost on all ranks, in forward runs that keep a tape; NaN without any.
  double adjoint_cost() const {
    const auto of_ranks = [&](double seconds) {
      return static_cast<double>(problem_.comm.sum(static_cast<std::int64_t>(seconds * 1e9)));
    };
    return of_ranks(seconds_.adjoint) / of_ranks(seconds_.forward);
  }

  std::string path_of(Index own) const { return folder_.file("places/" + problem_.id(problem_.first_own() + own) + ".json"); }

 private:
  void keep(const std::vector<Index>& places, std::vector<CalibratedPlace> results) {
    for (std::size_t k = 0; k < places.size(); ++k) {
      const std::string path = path_of(places[k]), temporary = path + ".tmp";
      if (!std::isfinite(results[k].value))
        fail("basin {}: the objective {} is not defined over {} to {} for any parameters tried; its observations do not "
             "vary, leave it out of basins.train",
             problem_.id(problem_.first_own() + places[k]), problem_.config.calibration.objective,
             iso_date(problem_.config.experiment.period.start.day), iso_date(problem_.config.experiment.period.end.day));
      {
        std::ofstream out(temporary);
        out << json_of(results[k], problem_.id(problem_.first_own() + places[k]), settings_).dump() << "\n";
        out.flush();
        if (!out) fail("{}: cannot be written; check that the folder is writable and the disk is not full", path);
      }
      publish_file(temporary, path);
      own_[static_cast<std::size_t>(places[k])] = std::move(results[k]);
    }
  }

  const BasinProblem& problem_;
  const BasinSeries& series_;
  const RunFolder& folder_;
  std::string settings_;
  std::vector<std::optional<CalibratedPlace>> own_;
  Count evaluations_ = 0;
  PlaceSearch::Seconds seconds_;
};

// The score that the minimised value stands for.
double score_of(const BasinProblem& problem, const CalibratedPlace& place) {
  return problem.config.calibration.objective == "rmse" ? place.value : 1 - place.value;
}

// Rows for people; the whole curves are in places/.
std::string table_of(const BasinProblem& problem, const std::vector<CalibratedPlace>& places) {
  const std::string& objective = problem.config.calibration.objective;
  std::string csv = fmt::format("place_id,{},evaluations,adjoints\n", objective == "rmse" ? "rmse_mm_day" : objective);
  for (Index k = 0; k < problem.size(); ++k) {
    const auto& place = places[static_cast<std::size_t>(k)];
    csv += fmt::format("{},{},{},{}\n", problem.id(k), score_of(problem, place), place.evaluations, place.adjoints);
  }
  return csv;
}

// The calibrated sets over the test period; basins that were not calibrated are not scored.
void score_calibrated(const BasinProblem& training, const std::vector<CalibratedPlace>& places, RunFolder& folder) {
  RunConfig config = training.config;
  config.basins.holdout.clear();
  BasinProblem problem = load_basin_problem(training.comm, config, BasinUse::score, &training.statistics);
  tell_left_out(problem);
  const BasinSeries series = read_basin_series(problem, config.test.period, evaluation_warmup(config));
  BasinPhysics<float> physics(problem, series);
  const BasinParameters& p = physics.parameters();
  BasinOutputs made;
  std::vector<double> physical;
  agree(problem.comm, "runoff", [&] {
    std::vector<RunoffOutput> further;
    for (const auto& name : config.output.runoff) further.push_back(runoff_output_from_name(name));
    std::map<std::string, std::size_t> calibrated;
    for (Index k = 0; k < training.size(); ++k) calibrated.emplace(training.id(k), static_cast<std::size_t>(k));
    for (Index k = 0; k < problem.own(); ++k) {
      const std::string& id = problem.id(problem.first_own() + k);
      const auto at = calibrated.find(id);
      if (at == calibrated.end())
        fail("basin {} of basins.test was not calibrated: it is not in basins.train, or it was left out", id);
      const auto& found = places[at->second].shares;
      physical.insert(physical.end(), found.begin(), found.end());
    }
    const std::vector<float> shares(physical.begin(), physical.end());
    p.to_physical(physical);
    const auto outputs = static_cast<std::size_t>(p.outputs());
    for (Index first = 0; first < problem.own(); first += problem.blocks.block_size) {
      const Index end = std::min(problem.own(), first + problem.blocks.block_size);
      const std::span<const float> part(shares.data() + static_cast<std::size_t>(first) * outputs,
                                        static_cast<std::size_t>(end - first) * outputs);
      auto of = physics.forward(period_windows(problem, config.test.period, first, end), part, {}, Runoff<float>::kNoTape, further);
      made.streamflow_mm_day.insert(made.streamflow_mm_day.end(), of.streamflow_mm_day.begin(), of.streamflow_mm_day.end());
      for (auto& [o, values] : of.further) made.further[o].insert(made.further[o].end(), values.begin(), values.end());
    }
  });
  BasinReport report{problem, 0, {}};
  report.contenders["streamflow"].push_back(
      {"calibrated", basin_scores(problem, series, series.streamflow_mm_day, made.streamflow_mm_day), ""});
  write_runoff(folder.file("runoff.nc"), problem, series, config.test.period, made);
  write_basin_parameters(folder.file("parameters.nc"), problem, p, physical);
  folder.write_text(problem.comm, "metrics.json", basin_metrics_json(report, input_checksums(problem.comm, config.data_sources)));
  folder.write_text(problem.comm, "metrics_by_basin.csv", basin_metrics_csv(report));
  for (const auto& line : basin_metrics_table(report)) log_info("{}", line);
}

void check(const VerbContext& context) {
  const RunConfig& c = context.config;
  if (!c.runoff.dynamic.empty())
    fail("config: runoff.dynamic names {}; calibration finds static parameters: leave it empty", c.runoff.dynamic.front());
  if (!(c.experiment.targets.streamflow > 0) || c.experiment.targets.soil_moisture > 0)
    fail("config: experiment.targets.streamflow is {}, soil_moisture {}; calibration is for streamflow alone",
         c.experiment.targets.streamflow, c.experiment.targets.soil_moisture);
  if (c.calibration.method != "sce_ua") return;
  const Count dimensions = BasinParameters(c).outputs(), points = (2 * dimensions + 1) * c.calibration.complexes;
  if (c.calibration.evaluations < points)
    fail("config: calibration.evaluations is {}; {} complexes of {} points for {} parameters need at least {}",
         c.calibration.evaluations, c.calibration.complexes, 2 * dimensions + 1, dimensions, points);
}

}  // namespace

Index lanes_of_place(const CalibrationConfig& c) { return c.method == "gradient" ? c.starts : c.complexes; }

Count largest_evaluations(const CalibrationConfig& c) {
  return c.method == "gradient" ? Count{c.starts} * (Count{c.steps} + 1) : Count{c.evaluations};
}

std::unique_ptr<PlaceSearch> make_place_search(const BasinProblem& problem, const BasinSeries& series,
                                               std::vector<Index> places) {
  const auto make = problem.config.calibration.method == "gradient" ? make_basin_descent : make_basin_search;
  return make(problem, series, std::move(places));
}

int run_calibrate(const VerbContext& context) {
  if (is_joint_run(context.config))
    fail("{}: calibrate is for basins (data_sources.forcing without network) or rivers (data_sources.network without "
         "forcing), not for both together",
         context.config_path);
  if (!is_basin_run(context.config)) return run_gauge_calibrate(context);
  check(context);
  const RunConfig& config = context.config;
  const Communicator& comm = context.comm;
  check_run_folder(comm, config);
  BasinProblem problem = load_basin_problem(comm, config, BasinUse::train);
  tell_left_out(problem);
  const BasinParameters parameters(config);
  log_info("{} basins, {} parameters each ({} of HBV {} x {} components{}), {} ranks", problem.size(), parameters.outputs(),
           parameters.runoff.size(), config.runoff.variant, parameters.components,
           parameters.hydrograph ? ", 2 of the unit hydrograph" : "", comm.size());
  if (context.validate_only) {
    log_info("configuration is valid; nothing was computed");
    return 0;
  }
  const BasinSeries series = read_basin_series(problem, config.experiment.period, evaluation_warmup(config));
  for (const auto& warning : series.warnings) log_warning("{}", warning);
  RunFolder folder = begin_run(comm, config);
  Calibration calibration(problem, series, folder);
  const auto start = std::chrono::steady_clock::now();
  if (!calibration.run()) {
    log_info("stopped by a signal with {} of {} basins calibrated; continue with resume={}", calibration.done(),
             problem.size(), folder.path());
    return kStoppedBySignal;
  }
  const auto places = calibration.all(parameters.outputs());
  folder.write_text(comm, "calibration.csv", table_of(problem, places));
  std::vector<double> values, evaluations;
  for (const auto& place : places) {
    values.push_back(score_of(problem, place));
    evaluations.push_back(static_cast<double>(place.evaluations));
  }
  std::string adjoints;
  if (config.calibration.method == "gradient") {
    const double cost = calibration.adjoint_cost();
    adjoints = fmt::format(" and {} adjoints{}", Count{config.calibration.starts} * config.calibration.steps,
                           std::isfinite(cost) ? fmt::format(" (an adjoint took {:.2f} forward runs)", cost) : "");
  }
  log_info("training period: median {} {:.4f}, {:.0f} forward runs{} a basin, {}", config.calibration.objective,
           quantile(values, 0.5), quantile(evaluations, 0.5), adjoints,
           clock_text(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  if (config.test.period.given()) score_calibrated(problem, places, folder);
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
