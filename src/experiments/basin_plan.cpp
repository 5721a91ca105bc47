// Bytes of windows and series on a GPU, and the windows that fit.
#include "dpl/experiments/basin_plan.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/scaling_plan.hpp"
#include "dpl/physics/runoff_kernels.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {
namespace {

using Json = nlohmann::ordered_json;

Count window_days(const RunConfig& config) { return config.experiment.rho_days; }

Count days_on_tape(const RunConfig& config) {
  return window_days(config) - (config.runoff.gradient_through_warmup ? 0 : config.experiment.warmup_days);
}

template <class Real>
BasinBytes bytes_of(const RunConfig& config, Index windows) {
  const BasinParameters parameters(config);
  const Index width = BasinPhysics<Real>::padded(windows);
  RunoffOptions options = runoff_options(config, parameters, width);
  // The arrays of a GPU, but for scratch, which is larger there: 24 MiB for a launch, and up to 512 MiB where the tape's
  // limit keeps states less often than every 16 days (runoff_device.cpp).
  options.device = Device::emulated;
  if (options.variant == RunoffVariant::hbv_2_0) {
    options.area_km2.assign(static_cast<std::size_t>(width), 1.0);
    options.elevation_m.assign(static_cast<std::size_t>(width), 1.0);
  }
  return basin_bytes(Runoff<Real>(options), parameters, window_days(config), days_on_tape(config), 0);
}

// The most windows that `bytes` hold: there are no more columns than a GPU numbers.
Index fitting(const RunConfig& config, Count bytes) {
  const Index most = std::numeric_limits<Index>::max() / static_cast<Index>(2 * kChunkDays) /
                     BasinParameters(config).components;
  Index fit = 0, above = 1;
  while (above < most && planned_bytes(config, above).all() <= bytes) fit = above, above = std::min(most, 2 * above);
  while (above - fit > 1) {
    const Index middle = fit + (above - fit) / 2;
    (planned_bytes(config, middle).all() <= bytes ? fit : above) = middle;
  }
  return fit;
}

double gb(Count bytes) { return static_cast<double>(bytes) / 1e9; }

}  // namespace

BasinBytes planned_bytes(const RunConfig& config, Index windows) {
  return config.precision == "double" ? bytes_of<double>(config, windows) : bytes_of<float>(config, windows);
}

double BasinPlan::per_component_day(Count BasinBytes::* part) const {
  const BasinPlanRow& row = rows.front();
  return static_cast<double>(row.window_bytes.*part) /
         (static_cast<double>(row.windows) * components * static_cast<double>(days));
}

BasinPlan plan_basins(const RunConfig& config, const BlockDistribution& blocks, Count series_days,
                      std::span<const Index> ranks) {
  BasinPlan plan{window_days(config), days_on_tape(config), BasinParameters(config).components, {}};
  const auto channels = static_cast<Count>(history_channels(config).size());
  const Index batch = config.experiment.batch_size, all = blocks.reaches;
  const auto memory = static_cast<Count>(config.plan.gpu_memory_gib * (Count{1} << 30)) - kGpuContextBytes;
  for (const Index count : ranks) {
    BasinPlanRow row;
    row.ranks = count;
    row.places = std::min(all, (blocks.blocks() + count - 1) / count * blocks.block_size);  // whole blocks
    row.series_bytes = row.places * (SeriesOnDevice::forcing_bytes(series_days) +
                                     SeriesOnDevice::history_bytes(series_days, channels));
    const bool whole = batch == 0 || batch >= all;
    row.windows = whole ? row.places : static_cast<Index>((Count{batch} * row.places + all - 1) / all);
    row.window_bytes = planned_bytes(config, row.windows);
    // Series that take more than half stay with the host.
    row.windows_fit = fitting(config, memory - (row.series_bytes <= memory / 2 ? row.series_bytes : 0));
    plan.rows.push_back(row);
  }
  return plan;
}

std::vector<std::string> basin_plan_table(const BasinPlan& plan, const PlanConfig& config) {
  std::vector<std::string> lines;
  const double tape = plan.per_component_day(&BasinBytes::tape), daily = plan.per_component_day(&BasinBytes::daily),
               series = plan.per_component_day(&BasinBytes::series);
  lines.push_back(fmt::format(
      "windows of {} days, {} on tape, {} components: {:.2f} bytes a component-day of runoff: tape {:.2f}, parameters by "
      "day {:.2f}, forcing, runoff and all else {:.2f}",
      plan.days, plan.taped, plan.components, tape + daily + series, tape, daily, series));
  lines.push_back(fmt::format("GPUs of {:.4g} GiB, one a rank; a network's own memory is not in it", config.gpu_memory_gib));
  lines.push_back(fmt::format("{:>7} {:>10} {:>12} {:>12} {:>12} {:>12}", "ranks", "places", "GB of series",
                              "windows", "GB of them", "windows fit"));
  for (const BasinPlanRow& r : plan.rows)
    lines.push_back(fmt::format("{:>7} {:>10} {:>12.3f} {:>12} {:>12.3f} {:>12}", r.ranks, r.places, gb(r.series_bytes),
                                r.windows, gb(r.window_bytes.all()), r.windows_fit));
  return lines;
}

std::string basin_plan_json(const BasinPlan& plan, const PlanConfig& config) {
  Json json;
  json["window_days"] = plan.days;
  json["days_on_tape"] = plan.taped;
  json["components"] = plan.components;
  json["gpu_memory_gib"] = config.gpu_memory_gib;
  json["gpu_bytes_per_component_day"] = {{"tape", plan.per_component_day(&BasinBytes::tape)},
                                         {"daily_parameters", plan.per_component_day(&BasinBytes::daily)},
                                         {"series_and_all_else", plan.per_component_day(&BasinBytes::series)}};
  json["plan"] = Json::array();
  for (const BasinPlanRow& r : plan.rows)
    json["plan"].push_back({{"ranks", r.ranks},
                            {"places", r.places},
                            {"series_bytes", r.series_bytes},
                            {"windows", r.windows},
                            {"window_bytes", r.window_bytes.all()},
                            {"windows_fit", r.windows_fit}});
  return json.dump(2) + "\n";
}

int run_basin_plan(const VerbContext& context) {
  RunConfig config = context.config;
  const Communicator& comm = context.comm;
  if (config.device != "cuda")
    fail(
        "config: device is {}; over basins plan tells what a training takes of a GPU's memory: set device: cuda (none "
        "need be here)",
        config.device);
  config.device = "cpu";
  const auto ranks = planned_ranks(config.plan);
  RunFolder::check_creatable(comm, config.output.folder, config.name);
  const BasinProblem problem = load_basin_problem(comm, config, BasinUse::train);
  const Count series = series_days(problem, config.experiment.period, config.experiment.warmup_days).days;
  if (context.validate_only) {
    log_info("a plan of {} would be made for {} numbers of ranks up to {}", config.data_sources.forcing, ranks.size(),
             ranks.back());
    return 0;
  }
  BasinPlan plan;
  agree(comm, "plan", [&] { plan = plan_basins(problem.config, problem.blocks, series, ranks); });
  for (const auto& line : basin_plan_table(plan, config.plan)) log_info("{}", line);
  auto folder = RunFolder::create(comm, config.output.folder, config.name);
  folder.write_text(comm, "config.yaml", resolved_yaml(config));
  folder.write_text(comm, "plan.json", basin_plan_json(plan, config.plan));
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
