// Donors: who they are, what they were calibrated to, what they give.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/experiments/regionalize.hpp"
#include "dpl/training/basin_model.hpp"
#include "dpl/training/durable_folder.hpp"

namespace dpl {
namespace {

constexpr double kEarthRadius_km = 6371;

template <class Value>
void compare(const std::string& run, const char* key, const Value& then, const Value& now) {
  if (then != now)
    fail("{}: was calibrated with {} {}, this run has {}; calibrate the donors with the same model, ranges and period",
         run, key, then, now);
}

void check_same_model(const std::string& run, const RunConfig& then, const RunConfig& now) {
  compare(run, "runoff.variant", then.runoff.variant, now.runoff.variant);
  compare(run, "runoff.nmul", BasinParameters(then).components, BasinParameters(now).components);
  compare(run, "runoff.pet", then.runoff.pet, now.runoff.pet);
  compare(run, "runoff.unit_hydrograph", then.runoff.unit_hydrograph, now.runoff.unit_hydrograph);
  compare(run, "runoff.hydrograph_b", then.runoff.hydrograph_b, now.runoff.hydrograph_b);
  compare(run, "runoff.precipitation_factor", fmt::format("[{}]", fmt::join(then.runoff.precipitation_factor, ", ")),
          fmt::format("[{}]", fmt::join(now.runoff.precipitation_factor, ", ")));
  const auto day = [](const Date& date) { return date.day == kNoDay ? std::string("none") : iso_date(date.day); };
  compare(run, "experiment.start_time", day(then.experiment.period.start), day(now.experiment.period.start));
  compare(run, "experiment.end_time", day(then.experiment.period.end), day(now.experiment.period.end));
}

std::vector<double> stored_shares(const std::string& path, std::size_t outputs) {
  if (!std::filesystem::exists(path))
    fail("{}: does not exist; regionalize.donors must be a finished run of calibrate over all donors (basins.train)",
         path);
  using Json = nlohmann::json;
  try {
    const auto shares = Json::parse(read_text(path)).at("shares").get<std::vector<double>>();
    if (shares.size() != outputs)
      fail("{}: has {} parameters, the model has {}; calibrate the donors with the same model", path, shares.size(),
           outputs);
    return shares;
  } catch (const Json::exception& problem) {
    fail("{}: is not a result of a calibration ({}); calibrate that basin again", path, problem.what());
  }
}

// [place][attribute] on all ranks.
std::vector<double> all_inputs(const BasinProblem& problem) {
  const std::size_t width = problem.config.network.input_var_names.size();
  std::vector<double> all(static_cast<std::size_t>(problem.size()) * width, 0.0);
  std::copy(problem.inputs.begin(), problem.inputs.end(),
            all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(problem.first_own()) * width));
  problem.comm.gather_owned(all);
  return all;
}

struct Position {
  double latitude, longitude;
};

Position position_of(const BasinProblem& problem, Index place) {
  const auto at = static_cast<std::size_t>(problem.place[static_cast<std::size_t>(place)]);
  const Position p{problem.forcing.latitude_deg[at], problem.forcing.longitude_deg[at]};
  if (!(std::isfinite(p.latitude) && std::isfinite(p.longitude)))
    fail("{}: place {} has no latitude or longitude; nearest_map needs both: add them or take the method out of "
         "regionalize.methods",
         problem.forcing.path, problem.id(place));
  return p;
}

}  // namespace

std::vector<Donor> nearest_donors(std::span<const double> distances, Index count) {
  std::vector<Donor> donors;
  for (std::size_t k = 0; k < distances.size(); ++k)
    if (std::isfinite(distances[k])) donors.push_back({static_cast<Index>(k), distances[k]});
  std::stable_sort(donors.begin(), donors.end(),
                   [](const Donor& a, const Donor& b) { return a.distance < b.distance; });
  if (donors.size() > static_cast<std::size_t>(count)) donors.resize(static_cast<std::size_t>(count));
  return donors;
}

double attribute_distance(std::span<const double> a, std::span<const double> b) {
  double squares = 0;
  for (std::size_t k = 0; k < a.size(); ++k) squares += (a[k] - b[k]) * (a[k] - b[k]);
  return std::sqrt(squares);
}

double map_distance_km(double latitude_a, double longitude_a, double latitude_b, double longitude_b) {
  constexpr double kRadian = std::numbers::pi / 180;
  const double north = std::sin((latitude_b - latitude_a) * kRadian / 2);
  const double east = std::sin((longitude_b - longitude_a) * kRadian / 2);
  const double h = north * north + std::cos(latitude_a * kRadian) * std::cos(latitude_b * kRadian) * east * east;
  return 2 * kEarthRadius_km * std::asin(std::min(1.0, std::sqrt(h)));
}

std::span<const double> DonorSets::of(const std::string& wanted) const {
  const auto found = std::lower_bound(id.begin(), id.end(), wanted);
  if (found == id.end() || *found != wanted) fail("basin {} is no donor: it is not in basins.train", wanted);
  return std::span(shares).subspan(
      static_cast<std::size_t>(found - id.begin()) * static_cast<std::size_t>(outputs),
      static_cast<std::size_t>(outputs));
}

DonorSets read_donors(const BasinProblem& problem, const std::string& run) {
  DonorSets sets;
  sets.outputs = BasinParameters(problem.config).outputs();
  for (Index k = 0; k < problem.size(); ++k) sets.id.push_back(problem.id(k));  // ascending
  const auto outputs = static_cast<std::size_t>(sets.outputs);
  sets.shares.resize(sets.id.size() * outputs);
  agree_on_root(problem.comm, "donors", [&] {
    const std::string config = run + "/config.yaml";
    if (!std::filesystem::exists(config) || !std::filesystem::exists(run + "/places"))
      fail("{}: is no run folder of calibrate; regionalize.donors must be one", run);
    check_same_model(run, parse_config(read_text(config), config), problem.config);
    for (std::size_t k = 0; k < sets.id.size(); ++k) {
      const auto shares = stored_shares(run + "/places/" + sets.id[k] + ".json", outputs);
      std::copy(shares.begin(), shares.end(), sets.shares.begin() + static_cast<std::ptrdiff_t>(k * outputs));
    }
  });
  problem.comm.broadcast(std::span(sets.shares));
  return sets;
}

std::vector<std::vector<Donor>> donors_of(const BasinProblem& gauged, const BasinProblem& ungauged, bool by_map) {
  const Index count = gauged.config.regionalize.neighbours;
  const std::size_t width = gauged.config.network.input_var_names.size();
  const auto from = all_inputs(gauged), to = all_inputs(ungauged);
  const auto row = [&](const std::vector<double>& inputs, Index k) {
    return std::span(inputs).subspan(static_cast<std::size_t>(k) * width, width);
  };
  std::vector<std::vector<Donor>> all;
  for (Index k = 0; k < ungauged.size(); ++k) {
    std::vector<double> distances;
    for (Index d = 0; d < gauged.size(); ++d) {
      if (gauged.id(d) == ungauged.id(k)) {
        distances.push_back(std::numeric_limits<double>::infinity());
      } else if (by_map) {
        const Position a = position_of(ungauged, k), b = position_of(gauged, d);
        distances.push_back(map_distance_km(a.latitude, a.longitude, b.latitude, b.longitude));
      } else {
        distances.push_back(attribute_distance(row(to, k), row(from, d)));
      }
    }
    all.push_back(nearest_donors(distances, count));
    if (static_cast<Index>(all.back().size()) < count)
      fail("config: regionalize.neighbours is {}, and basin {} has {} donors; give at most that", count, ungauged.id(k),
           all.back().size());
  }
  return all;
}

std::vector<double> streamflow_of_shares(BasinPhysics<float>& physics, const BasinProblem& problem,
                                         std::span<const double> shares, const Period& period) {
  const auto outputs = static_cast<std::size_t>(physics.parameters().outputs());
  std::vector<double> all;
  for (Index first = 0; first < problem.own(); first += problem.blocks.block_size) {
    const Index end = std::min(problem.own(), first + problem.blocks.block_size);
    const auto part = shares.subspan(static_cast<std::size_t>(first) * outputs,
                                     static_cast<std::size_t>(end - first) * outputs);
    const std::vector<float> fixed(part.begin(), part.end());
    const auto made =
        physics.forward(period_windows(problem, period, first, end), fixed, {}, Runoff<float>::kNoTape, {});
    all.insert(all.end(), made.streamflow_mm_day.begin(), made.streamflow_mm_day.end());
  }
  return all;
}

std::vector<double> donated_streamflow(const BasinProblem& gauged, const BasinProblem& ungauged,
                                       const BasinSeries& series, const DonorSets& sets,
                                       const std::vector<std::vector<Donor>>& donors) {
  const RunConfig& config = ungauged.config;
  const Index neighbours = config.regionalize.neighbours;
  std::vector<double> mean;
  agree(ungauged.comm, "runoff of donors", [&] {
    BasinPhysics<float> physics(ungauged, series);
    std::vector<double> sum;  // of shares
    const auto add = [](std::vector<double>& to, const std::vector<double>& values) {
      to.resize(values.size(), 0.0);
      std::transform(values.begin(), values.end(), to.begin(), to.begin(), std::plus<>());
    };
    for (Index n = 0; n < neighbours; ++n) {
      std::vector<double> shares;
      for (Index k = 0; k < ungauged.own(); ++k) {
        const auto& of = donors[static_cast<std::size_t>(ungauged.first_own() + k)];
        const auto set = sets.of(gauged.id(of[static_cast<std::size_t>(n)].donor));
        shares.insert(shares.end(), set.begin(), set.end());
      }
      if (config.regionalize.average == "parameters")
        add(sum, shares);
      else
        add(mean, streamflow_of_shares(physics, ungauged, shares, config.test.period));
    }
    if (config.regionalize.average == "parameters") {
      for (double& share : sum) share /= neighbours;
      mean = streamflow_of_shares(physics, ungauged, sum, config.test.period);
    } else {
      for (double& flow : mean) flow /= neighbours;
    }
  });
  return mean;
}

}  // namespace dpl
