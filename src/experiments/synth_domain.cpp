// The random basin of the verb synth.
#include "dpl/experiments/synth_domain.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "synth_twin.hpp"

namespace dpl {
namespace {

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
    n.length_m.push_back(bounded_lognormal(key(config, Purpose::synth_network, 3, id), 7000, 0.5, 1500, 20000));
    n.local_area_km2.push_back(bounded_lognormal(key(config, Purpose::synth_network, 4, id), 35, 0.5, 8, 110));
  }
  n.upstream_area_km2 = n.local_area_km2;
  for (Index r = 0; r < count; ++r)  // upstream first
    if (const Index down = n.topology.downstream[r]; down >= 0) n.upstream_area_km2[down] += n.upstream_area_km2[r];
  for (Index r = 0; r < count; ++r)
    n.slope.push_back(bounded_lognormal(key(config, Purpose::synth_network, 5, static_cast<std::uint64_t>(n.reach_id[r])),
                                0.008 * std::pow(n.upstream_area_km2[r] / 20, -0.5), 0.3, 2e-4, 2e-2));
  place(n, config);
  return n;
}

SynthAttributes make_synth_attributes(const RunConfig& config, const SynthNetwork& network) {
  constexpr double kShortestWave_km = 30;
  SynthAttributes a;
  for (Index k = 0; k < config.synth.attributes; ++k) {
    a.names.push_back(twin_attribute_name(k));
    a.values.push_back(
        twin_attribute(config, k, network.upstream_area_km2, network.x_km, network.y_km, kShortestWave_km));
  }
  return a;
}

SynthTruth make_synth_truth(const RunConfig& config, const SynthNetwork& network, const SynthAttributes& attributes) {
  return twin_truth(config, network.upstream_area_km2, [&](Index k) { return standardised(attributes.values[k]); });
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
