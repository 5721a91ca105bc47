// Grows the trees of a synthetic continent and gives its reaches their rows, places and properties.
#include "dpl/experiments/synth_continent.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "synth_twin.hpp"

namespace dpl {
namespace {

// Exponent of the sizes of side rivers and share of reaches with one reach upstream; together they give the depth and
// the bifurcation ratio of real networks (tests/unit/experiments_continent_test.cpp holds both).
struct Sides {
  Index from;       // reaches upstream of the confluence
  double exponent;  // P(side river of at least k reaches) is proportional to k^-exponent
  double largest;   // share of the reaches upstream of the confluence
};
constexpr Sides kBrooks{2, 0.3, 0.5}, kRivers{2000, 0.55, 0.25};
constexpr double kShareOfLinks = 0.3;
constexpr double kTreeExponent = 1.6;
constexpr double kMeanArea_km2 = 34;

// What a draw is for, below Purpose::synth_network (0 to 5: the single basin).
enum class Draw : std::uint64_t { tree_size = 10, tree_order, link, side, group_order, row_order, length, area, slope };

RandomKey key(std::uint64_t seed, Draw what, std::uint64_t item) {
  return {seed, Purpose::synth_network, static_cast<std::uint64_t>(what), item};
}

// 0..count-1 in a drawn order.
std::vector<Index> drawn_order(std::uint64_t seed, Draw what, Index count) {
  std::vector<Index> order(count);
  std::vector<std::uint64_t> bits(count);
  std::iota(order.begin(), order.end(), 0);
  for (Index i = 0; i < count; ++i) bits[i] = random_bits(key(seed, what, static_cast<std::uint64_t>(i)));
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return bits[a] != bits[b] ? bits[a] < bits[b] : a < b; });
  return order;
}

std::vector<Index> inverse(const std::vector<Index>& order) {
  std::vector<Index> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<Index>(i);
  return place;
}

// Reaches of the smaller of two tributaries that hold `left` together.
Index side_size(std::uint64_t seed, Index number, Index left) {
  const Sides& sides = left < kRivers.from ? kBrooks : kRivers;
  const auto largest = static_cast<Index>(sides.largest * left);
  const double u = random_uniform(key(seed, Draw::side, static_cast<std::uint64_t>(number)));
  const double size = std::pow(1 - u * (1 - std::pow(largest + 1.0, -sides.exponent)), -1 / sides.exponent);
  return std::clamp<Index>(static_cast<Index>(size), 1, largest);
}

// Downstream number of every number. The smaller tributary comes first: the main stem is a short run of numbers away
// from the reach below it.
std::vector<Index> grow(std::uint64_t seed, const std::vector<Index>& sizes) {
  struct Subtree {
    Index below, size;
  };
  std::vector<Index> downstream;
  std::vector<Subtree> open;
  for (const Index tree : sizes) {
    open.push_back({-1, tree});
    while (!open.empty()) {
      const auto [below, size] = open.back();
      open.pop_back();
      const auto number = static_cast<Index>(downstream.size());
      downstream.push_back(below);
      const Index left = size - 1;
      if (left == 0) continue;
      Index side = 0;
      if (left >= 2 && random_uniform(key(seed, Draw::link, static_cast<std::uint64_t>(number))) >= kShareOfLinks)
        side = side_size(seed, number, left);
      open.push_back({number, left - side});
      if (side > 0) open.push_back({number, side});
    }
  }
  return downstream;
}

struct Place {
  Index x, y;
};

// Cell `d` of the Hilbert curve through a square of `side` (a power of two) cells: the curve of the four quarters, two
// of them turned.
Place hilbert_place(std::uint64_t d, Index side) {
  Place p{0, 0};
  for (Index s = 1; s < side; s *= 2, d /= 4) {
    const auto right = static_cast<Index>(d / 2 & 1), up = static_cast<Index>((d ^ static_cast<std::uint64_t>(right)) & 1);
    if (up == 0) {
      if (right == 1) p = {s - 1 - p.x, s - 1 - p.y};
      std::swap(p.x, p.y);
    }
    p.x += s * right;
    p.y += s * up;
  }
  return p;
}

Index cells_of_side(Index reaches) {
  Index side = 1;
  while (Count{side} * side < reaches) side *= 2;
  return side;
}

double local_area_km2(std::uint64_t seed, Index row) {
  return bounded_lognormal(key(seed, Draw::area, static_cast<std::uint64_t>(kFirstContinentId + row)), 30, 0.5, 3, 200);
}

// Calls take(row, value) for every reach with the sum over it and all upstream of it, in one fixed order of adding: from
// the highest number down, a reach finds the sums of those right upstream on top of the stack.
template <class Value, class Own, class Take>
void accumulate_upstream(const Continent& continent, Own own, Take take) {
  std::vector<Value> waiting;
  for (Index number = continent.order.size() - 1; number >= 0; --number) {
    const Index row = continent.order.row_of(number);
    Value sum = own(row);
    for (std::size_t k = continent.topology.upstream_of(row).size(); k > 0; --k) {
      sum += waiting.back();
      waiting.pop_back();
    }
    take(row, sum);
    if (continent.topology.downstream[row] >= 0) waiting.push_back(sum);
  }
}

}  // namespace

RowOrder::RowOrder(std::uint64_t seed, Index reaches) : reaches_(reaches) {
  group_at_ = drawn_order(seed, Draw::group_order, reaches / kGroup);
  group_place_ = inverse(group_at_);
  at_ = drawn_order(seed, Draw::row_order, kGroup);
  place_ = inverse(at_);
  last_at_ = drawn_order(seed, Draw::row_order, reaches % kGroup);
  last_place_ = inverse(last_at_);
}

Index RowOrder::row_of(Index number) const {
  const Index group = number / kGroup, inside = number % kGroup;
  if (group == static_cast<Index>(group_place_.size())) return number - inside + last_place_[inside];
  return group_place_[group] * kGroup + place_[inside];
}

Index RowOrder::number_of(Index row) const {
  const Index group = row / kGroup, inside = row % kGroup;
  if (group == static_cast<Index>(group_at_.size())) return row - inside + last_at_[inside];
  return group_at_[group] * kGroup + at_[inside];
}

std::vector<Index> continent_tree_sizes(std::uint64_t seed, Index reaches) {
  double zeta = 0;  // sum over k >= 2 of k^-1.6: 10000 terms and the integral of the rest
  constexpr Index kTerms = 10000;
  for (Index k = 2; k <= kTerms; ++k) zeta += std::pow(k, -kTreeExponent);
  zeta += std::pow(kTerms + 0.5, 1 - kTreeExponent) / (kTreeExponent - 1);
  std::vector<Index> sizes{(reaches + 1) / 2};
  Index left = reaches - sizes[0];
  const Index coastal = left / 40;  // reaches of the smallest trees
  for (Index k = 2; left > 0; ++k) {
    const double u = random_uniform(key(seed, Draw::tree_size, static_cast<std::uint64_t>(k)));
    const double size = left > coastal ? 0.5 * reaches * std::pow(k, -kTreeExponent) / zeta * (0.8 + 0.4 * u) : 0;
    const Index least = 1 + static_cast<Index>(3 * u * u), most = left > coastal ? left - coastal : left;
    sizes.push_back(std::min(std::max(static_cast<Index>(size), least), most));
    left -= sizes.back();
  }
  std::vector<Index> drawn;
  for (const Index tree : drawn_order(seed, Draw::tree_order, static_cast<Index>(sizes.size()))) drawn.push_back(sizes[tree]);
  return drawn;
}

Continent make_continent(std::uint64_t seed, Index reaches) {
  Continent continent{RowOrder(seed, reaches), {}};
  std::vector<Index> downstream(reaches);
  {
    const auto below = grow(seed, continent_tree_sizes(seed, reaches));
    for (Index number = 0; number < reaches; ++number)
      downstream[continent.order.row_of(number)] = below[number] < 0 ? -1 : continent.order.row_of(below[number]);
  }
  std::vector<ReachId> id(reaches);
  std::iota(id.begin(), id.end(), kFirstContinentId);
  continent.topology = make_topology(std::move(downstream), id);
  return continent;
}

double continent_side_km(Index reaches) { return cells_of_side(reaches) * std::sqrt(kMeanArea_km2); }

ContinentRows make_continent_rows(std::uint64_t seed, const Continent& continent, Index first, Index end) {
  ContinentRows rows;
  rows.first = first;
  rows.end = end;
  const Index cells = cells_of_side(continent.order.size());
  const double cell_km = std::sqrt(kMeanArea_km2);
  for (Index row = first; row < end; ++row) {
    rows.length_m.push_back(bounded_lognormal(key(seed, Draw::length, static_cast<std::uint64_t>(kFirstContinentId + row)), 4000, 0.5, 500, 20000));
    rows.local_area_km2.push_back(local_area_km2(seed, row));
    const auto place = hilbert_place(static_cast<std::uint64_t>(continent.order.number_of(row)), cells);
    rows.x_km.push_back((place.x + 0.5) * cell_km);
    rows.y_km.push_back((place.y + 0.5) * cell_km);
  }
  rows.upstream_area_km2.resize(rows.local_area_km2.size());
  accumulate_upstream<double>(
      continent, [&](Index row) { return local_area_km2(seed, row); },
      [&](Index row, double area) {
        if (row >= first && row < end) rows.upstream_area_km2[row - first] = area;
      });
  for (Index row = first; row < end; ++row)
    rows.slope.push_back(bounded_lognormal(key(seed, Draw::slope, static_cast<std::uint64_t>(kFirstContinentId + row)),
                                   0.008 * std::pow(rows.upstream_area_km2[row - first] / 20, -0.5), 0.3, 2e-5, 3e-2));
  return rows;
}

std::vector<Index> choose_continent_gauges(const Continent& continent, Index wanted, double& share) {
  const Topology& topology = continent.topology;
  const Index count = topology.size();
  std::vector<Index> open(count), outlets, gauges;  // open: reaches upstream of which no further gauge lies
  accumulate_upstream<Index>(
      continent, [](Index) { return 1; }, [&](Index row, Index size) { open[row] = size; });
  for (Index row = 0; row < count; ++row)
    if (topology.downstream[row] < 0) outlets.push_back(row);
  std::sort(outlets.begin(), outlets.end(), [&](Index a, Index b) { return open[a] != open[b] ? open[a] > open[b] : a < b; });
  Count covered = 0;
  for (const Index outlet : outlets) {
    const auto held = static_cast<Index>(gauges.size());
    if (held == wanted || (held > 0 && (10 * covered >= 9 * Count{count} || 4 * held >= 3 * wanted))) break;
    gauges.push_back(outlet);
    covered += open[outlet];
  }
  share = static_cast<double>(covered) / count;
  while (static_cast<Index>(gauges.size()) < std::min(wanted, count)) {
    Index row = -1;
    for (const Index gauge : gauges)
      if (row < 0 || open[gauge] > open[row]) row = gauge;
    if (open[row] < 2) break;
    const Index below = row, half = open[row] / 2;
    do {
      Index next = -1;
      for (const Index above : topology.upstream_of(row))
        if (next < 0 || open[above] > open[next]) next = above;
      row = next;
    } while (open[row] > half);
    const Index taken = open[row];
    gauges.push_back(row);
    for (Index r = topology.downstream[row]; r >= 0; r = topology.downstream[r]) {
      open[r] -= taken;
      if (r == below) break;
    }
  }
  return gauges;
}

StreamOrders stream_orders(const Topology& topology) {
  std::vector<Index> order(topology.size(), 1);
  std::vector<double> streams;
  for (const Index reach : upstream_first_order(topology)) {
    Index highest = 0, times = 0;
    for (const Index above : topology.upstream_of(reach)) {
      if (order[above] > highest) times = 0;
      highest = std::max(highest, order[above]);
      times += order[above] == highest;
    }
    order[reach] = highest == 0 ? 1 : highest + (times > 1);
    if (order[reach] == highest) continue;  // the stream of an upstream reach goes on
    if (static_cast<Index>(streams.size()) < order[reach]) streams.resize(order[reach], 0);
    ++streams[order[reach] - 1];
  }
  StreamOrders result{static_cast<Index>(streams.size()), 0};
  if (streams.size() > 2) streams.pop_back();  // one or two streams: says little
  const double middle = (static_cast<double>(streams.size()) - 1) / 2;
  double products = 0, squares = 0;
  for (std::size_t k = 0; k < streams.size(); ++k) {
    products += (static_cast<double>(k) - middle) * std::log(streams[k]);
    squares += (static_cast<double>(k) - middle) * (static_cast<double>(k) - middle);
  }
  if (squares > 0) result.bifurcation_ratio = std::exp(-products / squares);
  return result;
}

}  // namespace dpl
