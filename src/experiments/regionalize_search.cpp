// SCE-UA over the coefficients of the transfer functions: one objective over all places.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fmt/ranges.h>
#include <fstream>
#include <sstream>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/regionalize.hpp"
#include "dpl/experiments/run_start.hpp"
#include "dpl/learning/transfer_network.hpp"
#include "dpl/parallel/exact_sum.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {
namespace {

constexpr Index kLanes = 256;        // windows of one call of the model
constexpr double kSmallFlow = 0.1;   // mm/day, of the loss nse_batch

SceUa search_of(const RunConfig& config, const std::vector<std::vector<Index>>& predictors, const std::string& name) {
  std::vector<double> upper;
  for (const auto& of_output : predictors) {
    upper.push_back(config.regionalize.largest_intercept);
    upper.insert(upper.end(), of_output.size(), config.regionalize.largest_slope);
  }
  std::vector<double> lower;
  for (const double u : upper) lower.push_back(-u);
  const CalibrationConfig& c = config.calibration;
  return SceUa(lower, upper, {c.complexes, c.evaluations, c.stop_loops, c.stop_change, c.stop_range},
               {config.seed, Purpose::complex_evolution, 0, station_key("transfer " + name)});
}

std::vector<double> shares_of(const std::vector<std::vector<Index>>& predictors, std::span<const double> attributes,
                              std::span<const double> coefficients) {
  std::vector<double> shares = transfer_outputs(predictors, attributes, coefficients);
  for (double& s : shares) s = 1 / (1 + std::exp(-s));
  return shares;
}

std::span<const double> attributes_of(const BasinProblem& problem, Index own) {
  const std::size_t width = problem.config.network.input_var_names.size();
  return std::span(problem.inputs).subspan(static_cast<std::size_t>(own) * width, width);
}

}  // namespace

// Own places whose windows are run together; its forcing stays with the model from call to call.
struct TransferSearch::Group {
  BasinPhysics<float> physics;
  BasinWindows windows;  // of every place one a point
};

TransferSearch::TransferSearch(const BasinProblem& problem, const BasinSeries& series, const std::string& name,
                               std::string path)
    : problem_(problem),
      series_(series),
      parameters_(problem.config),
      predictors_(transfer_predictors(problem.config.network, parameters_.output_names())),
      search_(search_of(problem.config, predictors_, name)),
      path_(std::move(path)) {
  const Period& period = problem.config.experiment.period;
  divisor_ = observed_deviations(problem, series, series.streamflow_mm_day, period);
  for (double& d : divisor_) d += kSmallFlow;
  Count count = 0;
  for (Index k = 0; k < problem.own(); ++k) {
    const float* o = series.streamflow_mm_day.data() + Count{k} * series.days + (period.start.day - series.first_day);
    count += std::count_if(o, o + period.days(), [](float x) { return !std::isnan(x); });
  }
  observations_ = static_cast<double>(problem.comm.sum(count));
}

// What the values depend on; also of data, by the places.
std::string TransferSearch::settings() const {
  const RunConfig& c = problem_.config;
  std::string functions;
  for (const auto& [name, list] : c.network.transfer) functions += fmt::format(" {}({})", name, fmt::join(list, " "));
  return fmt::format(
      "{}; basins {}; complexes {}, evaluations {}, stop {} {} {}; coefficients within {} and {};{}",
      runoff_settings(c, parameters_.components), problem_.fingerprint, c.calibration.complexes,
      c.calibration.evaluations, c.calibration.stop_loops, c.calibration.stop_change, c.calibration.stop_range,
      c.regionalize.largest_intercept, c.regionalize.largest_slope, functions);
}

// The search is a function of the values it was told: told the stored ones, it stands where it stood. A last line that
// was not written whole, and a batch that was not, are left out and made again.
void TransferSearch::replay() {
  std::vector<double> values;
  agree_on_root(problem_.comm, "transfer functions", [&] {
    if (!std::filesystem::exists(path_)) return;
    std::istringstream lines(read_text(path_));
    std::string line;
    std::getline(lines, line);
    if (line != settings())
      fail("{}: was searched with \"{}\", now it is \"{}\"; use the configuration of that run, or begin a new one",
           path_, line, settings());
    while (std::getline(lines, line) && !lines.eof()) {
      std::istringstream number(line);
      double value = 0;
      if (!(number >> value)) fail("{}: \"{}\" is no value; remove the file to search again", path_, line);
      values.push_back(value);
    }
  });
  std::vector<std::int64_t> count{static_cast<std::int64_t>(values.size())};
  problem_.comm.broadcast(std::span(count));
  values.resize(static_cast<std::size_t>(count.front()));
  problem_.comm.broadcast(std::span(values));
  std::size_t told = 0;
  while (!search_.finished() && told + static_cast<std::size_t>(search_.asked_count()) <= values.size()) {
    const auto batch = std::span(values).subspan(told, static_cast<std::size_t>(search_.asked_count()));
    told += batch.size();
    search_.tell(batch);
  }
  agree_on_root(problem_.comm, "transfer functions", [&] {
    std::string text = settings() + "\n";
    for (std::size_t k = 0; k < told; ++k) text += fmt::format("{}\n", values[k]);
    const std::string temporary = path_ + ".tmp";
    std::ofstream(temporary) << text;
    publish_file(temporary, path_);
  });
}

void TransferSearch::add_group(std::span<const double> points, Index first, Index count, Group& group,
                               std::vector<double>& squares, Index all) {
  const Period& period = problem_.config.experiment.period;
  const auto dimensions = points.size() / static_cast<std::size_t>(all);
  const Index lanes = problem_.config.calibration.complexes;
  std::vector<float> shares;
  for (Index w = 0; w < group.windows.size(); ++w) {
    const Index point = first + std::min(w % lanes, count - 1);  // some in vain, so that windows stay the same
    const auto of = shares_of(predictors_, attributes_of(problem_, group.windows.place[static_cast<std::size_t>(w)]),
                              points.subspan(static_cast<std::size_t>(point) * dimensions, dimensions));
    shares.insert(shares.end(), of.begin(), of.end());
  }
  const auto made = group.physics.forward(group.windows, shares, {}, Runoff<float>::kNoTape, {});
  const auto days = static_cast<std::size_t>(group.windows.scored());
  for (Index w = 0; w < group.windows.size(); ++w) {
    if (w % lanes >= count) continue;
    const Index place = group.windows.place[static_cast<std::size_t>(w)];
    const float* o =
        series_.streamflow_mm_day.data() + Count{place} * series_.days + (period.start.day - series_.first_day);
    const double* s = made.streamflow_mm_day.data() + static_cast<std::size_t>(w) * days;
    const double divisor = divisor_[static_cast<std::size_t>(problem_.first_own() + place)];
    double sum = 0;
    for (std::size_t d = 0; d < days; ++d) {
      if (std::isnan(o[d])) continue;
      const double error = (s[d] - static_cast<double>(o[d])) / divisor;
      sum += error * error;
    }
    squares[static_cast<std::size_t>(place * all + first + w % lanes)] = sum;
  }
}

bool TransferSearch::run() {
  replay();
  const Count at_start = search_.evaluations();
  if (at_start > 0) log_info("transfer functions: {} evaluations were made before", at_start);
  const Index lanes = problem_.config.calibration.complexes, together = std::max<Index>(1, kLanes / lanes);
  const Period& period = problem_.config.experiment.period;
  std::vector<Group> groups;
  for (Index first = 0; first < problem_.own(); first += together) {
    const BasinWindows places = period_windows(problem_, period, first, std::min(problem_.own(), first + together));
    BasinWindows windows = places;
    windows.place.clear(), windows.first_day.clear();
    for (Index k = 0; k < places.size(); ++k) {
      windows.place.insert(windows.place.end(), static_cast<std::size_t>(lanes),
                           places.place[static_cast<std::size_t>(k)]);
      windows.first_day.insert(windows.first_day.end(), static_cast<std::size_t>(lanes),
                               places.first_day[static_cast<std::size_t>(k)]);
    }
    groups.push_back({BasinPhysics<float>(problem_, series_), std::move(windows)});
  }
  std::ofstream file;
  agree_on_root(problem_.comm, "transfer functions", [&] { file.open(path_, std::ios::app); });
  const auto budget = Count{problem_.config.calibration.evaluations};
  const auto place_days =
      static_cast<double>(problem_.size()) * static_cast<double>(evaluation_warmup(problem_.config) + period.days());
  Progress progress("evaluation", budget, "basin-days", at_start);
  while (!search_.finished()) {
    if (problem_.comm.any(stop_requested())) return false;
    const Index asked = search_.asked_count();
    std::vector<double> squares(static_cast<std::size_t>(problem_.own() * asked), 0.0);  // [own place][point]
    agree(problem_.comm, "transfer functions", [&] {
      for (Index first = 0; first < asked; first += lanes)
        for (Group& group : groups)
          add_group(search_.asked(), first, std::min(lanes, asked - first), group, squares, asked);
    });
    std::vector<const double*> items;
    for (Index k = 0; k < problem_.own(); ++k) items.push_back(squares.data() + k * asked);
    auto values = exact_sum<double>(problem_.comm, items, static_cast<std::size_t>(asked));
    for (double& v : values) v /= observations_;
    search_.tell(values);
    agree_on_root(problem_.comm, "transfer functions", [&] {
      for (const double v : values) file << fmt::format("{}\n", v);
      file.flush();
      if (!file) fail("{}: cannot be written; check that the folder is writable and the disk is not full", path_);
    });
    progress.show(search_.evaluations(), static_cast<double>(search_.evaluations() - at_start) * place_days,
                  fmt::format("best {:.4f}", search_.best_value()));
  }
  return true;
}

std::vector<double> TransferSearch::shares(const BasinProblem& places) const {
  std::vector<double> all;
  for (Index k = 0; k < places.own(); ++k) {
    const auto of = shares_of(predictors_, attributes_of(places, k), search_.best());
    all.insert(all.end(), of.begin(), of.end());
  }
  return all;
}

std::vector<std::string> TransferSearch::lines() const {
  std::vector<std::string> lines;
  const auto names = parameters_.output_names();
  auto coefficient = search_.best().begin();
  Index component = 0;
  for (std::size_t output = 0; output < names.size(); ++output) {
    component = output > 0 && names[output] == names[output - 1] ? component + 1 : 1;
    lines.push_back(fmt::format("{},{},intercept,{}", names[output], component, *coefficient++));
    for (const Index column : predictors_[output])
      lines.push_back(fmt::format("{},{},{},{}", names[output], component,
                                  problem_.config.network.input_var_names[static_cast<std::size_t>(column)],
                                  *coefficient++));
  }
  return lines;
}

}  // namespace dpl
