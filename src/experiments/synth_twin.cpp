// Laws, clock, options and file heads of the twins.
#include "synth_twin.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr const char* kMadeBy = "dpl_hpc synth";

bool is_whole(double value) { return std::abs(value - std::round(value)) <= 1e-9; }

}  // namespace

TwinClock twin_clock(const RunConfig& config) {
  TwinClock clock;
  clock.options.scheme = scheme_from_name(config.routing.scheme);
  const double dt_s = clock.options.dt_s = config.routing.dt_s / config.routing.substeps;
  clock.options.q_min_m3s = config.routing.q_min_m3s;
  clock.options.x = config.routing.x;
  const double hold = config.synth.inflow_step_h * 3600 / dt_s;
  if (hold < 1 || !is_whole(hold))
    fail("config: synth.inflow_step_h ({} h) is not a multiple of the routing step ({} s)", config.synth.inflow_step_h, dt_s);
  clock.hold = static_cast<Index>(std::llround(hold));
  const double length = config.synth.observation_step_h * 3600 / dt_s, per_day = 24 / config.synth.observation_step_h;
  if (!is_whole(length) || !is_whole(per_day))
    fail("config: synth.observation_step_h ({} h) must divide a day and be a multiple of the routing step ({} s)",
         config.synth.observation_step_h, dt_s);
  clock.mean = {std::llround(length), std::llround(config.params.tau_h * 3600 / dt_s)};
  clock.intervals = config.synth.days * std::llround(per_day);
  return clock;
}

Index twin_sub_reaches(const RunConfig& config, double length_m, double slope, double upstream_area_km2, double n, double p,
                       double q) {
  const auto& split = config.routing.split;
  if (split.method == "max_length") return sub_reaches_by_length(length_m, split.max_length_m);
  if (split.method == "courant")
    return sub_reaches_by_courant(length_m, slope, n, p, q, split.flow_m3s_per_km2 * upstream_area_km2,
                                  config.routing.dt_s / config.routing.substeps);
  return 1;
}

double bounded_lognormal(const RandomKey& key, double median, double spread, double low, double high) {
  return std::clamp(median * std::exp(spread * random_normal(key)), low, high);
}

std::string twin_attribute_name(Index k) { return k == 0 ? "log10_uparea" : fmt::format("a{:02}", k); }

std::vector<double> twin_attribute(const RunConfig& config, Index k, std::span<const double> upstream_area_km2,
                                   std::span<const double> x_km, std::span<const double> y_km, double shortest_km) {
  constexpr double kTwoPi = 2 * std::numbers::pi;
  std::vector<double> values(upstream_area_km2.size(), 0.0);
  if (k == 0)
    for (std::size_t r = 0; r < values.size(); ++r) values[r] = std::log10(upstream_area_km2[r]);
  for (std::uint64_t wave = 0; k > 0 && wave < 4; ++wave) {
    const auto draw = [&](std::uint32_t d) {
      return random_uniform({config.seed, Purpose::synth_attributes, static_cast<std::uint64_t>(k), wave}, d);
    };
    const double number = kTwoPi / (shortest_km + 4 * shortest_km * draw(0)), angle = kTwoPi * draw(1), phase = kTwoPi * draw(2);
    for (std::size_t r = 0; r < values.size(); ++r)
      values[r] += std::cos(number * (x_km[r] * std::cos(angle) + y_km[r] * std::sin(angle)) + phase);
  }
  return values;
}

SynthTruth twin_truth(const RunConfig& config, std::span<const double> upstream_area_km2,
                      const std::function<std::vector<double>(Index)>& standardised) {
  const std::size_t count = upstream_area_km2.size();
  SynthTruth truth{std::vector<double>(count), std::vector<double>(count, 21.0), std::vector<double>(count, 0.5)};
  if (config.synth.truth == "area") {
    for (std::size_t r = 0; r < count; ++r) truth.n[r] = 0.0915 * std::pow(upstream_area_km2[r], -0.131);
  } else {
    std::vector<double> index(count, 0.0);
    for (Index k = 0; k < std::max<Index>(1, config.synth.attributes / 2); ++k) {
      const auto z = standardised(k);
      for (std::size_t r = 0; r < count; ++r)
        index[r] += k == 0 ? -0.8 * z[r] : (k % 2 == 1 ? 0.7 * z[r] : 0.8 * std::tanh(z[r]));
    }
    for (std::size_t r = 0; r < count; ++r) truth.n[r] = 0.052 * std::pow(3.0, 0.5 * std::tanh(0.8 * index[r]));
  }
  const Range range = config.params.ranges.at("n");
  for (double& n : truth.n) n = std::clamp(n, range.low * 1.01, range.high * 0.99);
  return truth;
}

void refuse_foreign(const std::string& path) {
  if (path.empty()) fail("config: synth writes network, attributes, lateral_inflow and observations; set all four data_sources");
  if (!std::filesystem::exists(path)) return;
  std::string made_by;
  try {
    made_by = NetcdfFile::open_local(path).text_attribute("", "made_by");
  } catch (const Error&) {
    made_by.clear();
  }
  if (made_by != kMadeBy) fail("{}: exists and was not made by synth; it is not overwritten. Choose another data_sources path", path);
}

std::string truth_path(const RunConfig& config) {
  return (std::filesystem::path(config.data_sources.network).parent_path() / "truth.nc").string();
}

void make_folder_of(const std::string& path) {
  std::error_code problem;
  if (const auto parent = std::filesystem::path(path).parent_path(); !parent.empty())
    std::filesystem::create_directories(parent, problem);
  if (problem) fail("{}: the folder cannot be made ({})", path, problem.message());
}

void put_twin_header(NetcdfFile& file, const RunConfig& config, const std::string& title) {
  file.put_attribute("", "Conventions", "CF-1.8");
  file.put_attribute("", "title", title);
  file.put_attribute("", "made_by", kMadeBy);
  file.put_attribute("", "seed", static_cast<double>(config.seed));
  file.put_attribute("", "configuration", resolved_yaml(config));
}

void define_twin_variable(NetcdfFile& file, const std::string& name, const std::string& type,
                          const std::vector<std::string>& dimensions, const std::string& units, const std::string& long_name,
                          int deflate_level) {
  file.define_variable(name, type, dimensions, deflate_level);
  if (!units.empty()) file.put_attribute(name, "units", units);
  file.put_attribute(name, "long_name", long_name);
}

void define_twin_time(NetcdfFile& file, const RunConfig& config, Count size) {
  file.define_dimension("time", size);
  define_twin_variable(file, "time", "double", {"time"}, "hours since " + config.synth.start + " 00:00:00",
                       "start of the interval");
  file.put_attribute("time", "calendar", "proleptic_gregorian");
  file.put_attribute("time", "standard_name", "time");
}

void define_network(NetcdfFile& file, Index reaches) {
  file.define_dimension("reach", reaches);
  const auto define = [&](const char* name, const char* type, const char* units, const char* meaning) {
    define_twin_variable(file, name, type, {"reach"}, units, meaning);
  };
  define("reach_id", "int64", "", "reach identifier");
  define("downstream_id", "int64", "", "reach_id of the downstream reach, 0 = outlet");
  define("length", "double", "m", "reach length");
  define("slope", "double", "1", "channel bed slope");
  define("upstream_area", "double", "km2", "drainage area including the reach");
  define("local_area", "double", "km2", "area of the reach's own catchment");
  define("x", "double", "km", "place of the lower end, east");
  define("y", "double", "km", "place of the lower end, north");
}

void define_attributes(NetcdfFile& file, Index reaches, const std::vector<std::string>& names) {
  file.define_dimension("reach", reaches);
  define_twin_variable(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  for (const auto& name : names) define_twin_variable(file, name, "double", {"reach"}, "1", "synthetic attribute");
}

void define_inflow(NetcdfFile& file, const RunConfig& config, Count rows, Index reaches, int deflate_level) {
  define_twin_time(file, config, rows);
  file.define_dimension("reach", reaches);
  define_twin_variable(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  define_twin_variable(file, "q_lateral", "float", {"time", "reach"}, "m3 s-1",
                       "lateral inflow to the reach, mean over the interval", deflate_level);
}

void define_observations(NetcdfFile& file, const RunConfig& config, Count intervals, Index gauges) {
  define_twin_time(file, config, intervals);
  file.define_dimension("gauge", gauges);
  file.define_dimension("strlen_gauge_id", 8);
  file.define_variable("gauge_id", "char", {"gauge", "strlen_gauge_id"});
  file.put_attribute("gauge_id", "cf_role", "timeseries_id");
  define_twin_variable(file, "reach_id", "int64", {"gauge"}, "", "reach the gauge is on");
  define_twin_variable(file, "discharge", "double", {"gauge", "time"}, "m3 s-1",
                       "observed mean discharge (true discharge with noise)", 1);
  file.put_attribute("discharge", "_FillValue", -9999.0);
}

void define_true_parameters(NetcdfFile& file, Index reaches) {
  file.define_dimension("reach", reaches);
  define_twin_variable(file, "reach_id", "int64", {"reach"}, "", "reach identifier");
  define_twin_variable(file, "n", "double", {"reach"}, "s m-1/3", "true Manning roughness");
  define_twin_variable(file, "p", "double", {"reach"}, "1", "true width coefficient");
  define_twin_variable(file, "q", "double", {"reach"}, "1", "true width exponent");
}

std::vector<double> count_up(Count size, double step) {
  std::vector<double> values(size);
  for (Count k = 0; k < size; ++k) values[k] = static_cast<double>(k) * step;
  return values;
}

double observed(const RunConfig& config, std::size_t gauge, Count interval, double discharge) {
  const RandomKey key{config.seed, Purpose::synth_noise, gauge, static_cast<std::uint64_t>(interval)};
  const double q = discharge * std::max(0.0, 1 + config.synth.noise * random_normal(key));
  return std::isnan(q) ? -9999.0 : q;
}

std::string gauge_name(std::size_t gauge) { return fmt::format("{:08}", gauge + 1); }

}  // namespace dpl
