// The random basin of the verb synth.
#include "dpl/experiments/synth_domain.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"

namespace dpl {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

RandomKey key(const RunConfig& config, Purpose purpose, std::uint64_t what, std::uint64_t item) {
  return {config.seed, purpose, what, item};
}

// A tree in which reach 0 is the outlet and every reach comes after the one it drains into.
std::vector<Index> random_tree(const RunConfig& config) {
  struct Subtree {
    Index root, size;
  };
  std::vector<Index> downstream{-1};
  std::vector<Subtree> open{{0, config.synth.reaches}};
  while (!open.empty()) {
    const auto [root, size] = open.back();
    open.pop_back();
    Index left = size - 1;
    if (left == 0) continue;
    Index side = 0;
    if (left >= 2) {
      // The smaller tributary gets a random share: main stems become long, as in real basins.
      const double u = random_uniform(key(config, Purpose::synth_network, 1, root));
      side = std::clamp<Index>(static_cast<Index>(std::lround(0.5 * u * u * u * left)), 1, left - 1);
    }
    for (const Index part : {left - side, side}) {
      if (part == 0) continue;
      downstream.push_back(root);
      open.push_back({static_cast<Index>(downstream.size()) - 1, part});
    }
  }
  return downstream;
}

double lognormal(const RandomKey& k, double median, double spread, double low, double high) {
  return std::clamp(median * std::exp(spread * random_normal(k)), low, high);
}

// Reaches leave their downstream neighbour at an angle; tributaries turn away more than main stems.
void place(SynthNetwork& n, const RunConfig& config) {
  const auto count = static_cast<std::size_t>(n.topology.size());
  n.x_km.assign(count, 0.0);
  n.y_km.assign(count, 0.0);
  std::vector<double> direction(count, 0.0);
  for (Index r = n.topology.size() - 1; r >= 0; --r) {
    const Index down = n.topology.downstream[r];
    const double turn = 0.5 * random_normal(key(config, Purpose::synth_network, 2, n.reach_id[r]));
    if (down < 0) {
      direction[r] = turn;
      continue;
    }
    const auto siblings = n.topology.upstream_of(down);
    const double fork = siblings.size() < 2 ? 0.0 : (siblings.front() == r ? 0.6 : -0.6);
    direction[r] = direction[down] + fork + turn;
    n.x_km[r] = n.x_km[down] + 1e-3 * n.length_m[down] * std::cos(direction[down]);
    n.y_km[r] = n.y_km[down] + 1e-3 * n.length_m[down] * std::sin(direction[down]);
  }
}

std::vector<double> standardised(std::vector<double> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  const double deviation = squares > 0 ? std::sqrt(squares / count) : 1;
  for (double& v : values) v = (v - mean) / deviation;
  return values;
}

}  // namespace

SynthNetwork make_synth_network(const RunConfig& config) {
  auto downstream = random_tree(config);
  std::reverse(downstream.begin(), downstream.end());
  const auto count = static_cast<Index>(downstream.size());
  for (Index& d : downstream) d = d < 0 ? -1 : count - 1 - d;
  SynthNetwork n;
  // Ids are a random order of 71000001, 71000002, ...
  std::vector<Index> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    return random_bits(key(config, Purpose::synth_network, 0, a)) < random_bits(key(config, Purpose::synth_network, 0, b));
  });
  n.reach_id.resize(count);
  for (Index k = 0; k < count; ++k) n.reach_id[order[k]] = 71000001 + k;
  n.topology = make_topology(downstream, n.reach_id);
  for (Index r = 0; r < count; ++r) {
    const auto id = static_cast<std::uint64_t>(n.reach_id[r]);
    n.length_m.push_back(lognormal(key(config, Purpose::synth_network, 3, id), 7000, 0.5, 1500, 20000));
    n.local_area_km2.push_back(lognormal(key(config, Purpose::synth_network, 4, id), 35, 0.5, 8, 110));
  }
  n.upstream_area_km2 = n.local_area_km2;
  for (Index r = 0; r < count; ++r)  // upstream first
    if (const Index down = n.topology.downstream[r]; down >= 0) n.upstream_area_km2[down] += n.upstream_area_km2[r];
  for (Index r = 0; r < count; ++r)
    n.slope.push_back(lognormal(key(config, Purpose::synth_network, 5, static_cast<std::uint64_t>(n.reach_id[r])),
                                0.008 * std::pow(n.upstream_area_km2[r] / 20, -0.5), 0.3, 2e-4, 2e-2));
  place(n, config);
  return n;
}

SynthAttributes make_synth_attributes(const RunConfig& config, const SynthNetwork& network) {
  SynthAttributes a;
  const auto count = static_cast<std::size_t>(network.topology.size());
  for (Index k = 0; k < config.synth.attributes; ++k) {
    std::vector<double> values(count, 0.0);
    a.names.push_back(k == 0 ? "log10_uparea" : fmt::format("a{:02}", k));
    if (k == 0) {
      for (std::size_t r = 0; r < count; ++r) values[r] = std::log10(network.upstream_area_km2[r]);
    } else {
      for (std::uint64_t wave = 0; wave < 4; ++wave) {
        const auto draw = [&](std::uint32_t d) {
          return random_uniform(key(config, Purpose::synth_attributes, static_cast<std::uint64_t>(k), wave), d);
        };
        const double number = kTwoPi / (30 + 120 * draw(0)), angle = kTwoPi * draw(1), phase = kTwoPi * draw(2);
        for (std::size_t r = 0; r < count; ++r)
          values[r] += std::cos(number * (network.x_km[r] * std::cos(angle) + network.y_km[r] * std::sin(angle)) + phase);
      }
    }
    a.values.push_back(std::move(values));
  }
  return a;
}

SynthTruth make_synth_truth(const RunConfig& config, const SynthNetwork& network, const SynthAttributes& attributes) {
  const auto count = static_cast<std::size_t>(network.topology.size());
  SynthTruth truth{std::vector<double>(count), std::vector<double>(count, 21.0), std::vector<double>(count, 0.5)};
  const Range range = config.params.ranges.at("n");
  if (config.synth.truth == "area") {
    for (std::size_t r = 0; r < count; ++r) truth.n[r] = 0.0915 * std::pow(network.upstream_area_km2[r], -0.131);
  } else {
    const std::size_t relevant = std::max<std::size_t>(1, attributes.values.size() / 2);
    std::vector<double> index(count, 0.0);
    for (std::size_t k = 0; k < relevant; ++k) {
      const auto z = standardised(attributes.values[k]);
      for (std::size_t r = 0; r < count; ++r)
        index[r] += k == 0 ? -0.8 * z[r] : (k % 2 == 1 ? 0.7 * z[r] : 0.8 * std::tanh(z[r]));
    }
    for (std::size_t r = 0; r < count; ++r) truth.n[r] = 0.052 * std::pow(3.0, 0.5 * std::tanh(0.8 * index[r]));
  }
  for (double& n : truth.n) n = std::clamp(n, range.low * 1.01, range.high * 0.99);
  return truth;
}

std::vector<Index> choose_synth_gauges(const RunConfig& config, const SynthNetwork& network) {
  const Index count = network.topology.size(), wanted = std::min(config.synth.gauges, count);
  std::vector<Index> gauges{count - 1};
  const double whole = network.upstream_area_km2[count - 1];
  for (Index k = 1; k < wanted; ++k) {
    // Areas from a half down to a hundredth of the basin.
    const double target = whole * 0.5 * std::pow(0.02, wanted > 2 ? static_cast<double>(k - 1) / (wanted - 2) : 0.0);
    Index best = -1;
    for (Index r = 0; r < count; ++r) {
      if (std::find(gauges.begin(), gauges.end(), r) != gauges.end()) continue;
      const auto miss = [&](Index i) { return std::abs(std::log(network.upstream_area_km2[i] / target)); };
      if (best < 0 || miss(r) < miss(best)) best = r;
    }
    gauges.push_back(best);
  }
  return gauges;
}

}  // namespace dpl
