// Sums, delays and the best uniform parameters.
#include "dpl/experiments/baselines.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/parallel/exact_sum.hpp"

namespace dpl {
namespace {

// The first gauge at or below each reach, or -1; several gauges on one reach share the first.
std::vector<Index> gauge_below(const Problem& problem) {
  const auto& network = problem.network;
  std::vector<Index> at(network.size(), -1), below(network.size(), -1);
  for (Index g = problem.observations->size() - 1; g >= 0; --g) at[problem.observations->reach[g]] = g;
  auto order = upstream_first_order(network.topology);
  std::reverse(order.begin(), order.end());
  for (Index r : order) {
    const Index down = network.topology.downstream[r];
    below[r] = at[r] >= 0 ? at[r] : (down < 0 ? -1 : below[down]);
  }
  return below;
}

}  // namespace

std::vector<double> summed_lateral_inflow(const Problem& problem, const Period& period) {
  const auto rows = inflow_rows(problem, period, "the summed lateral inflow");
  const Count count = rows.end - rows.first;
  const Index first = problem.blocks.first_reach(), end = problem.blocks.end_reach();
  const auto inflow = read_lateral_inflow<float>(problem.comm, problem.inflow, problem.network, first, end, rows.first,
                                                 rows.end);
  const auto below = gauge_below(problem);
  const Index gauges = problem.observations->size();
  std::vector<double> sums(static_cast<std::size_t>(gauges) * count, 0.0);
  for (Index g = 0; g < gauges; ++g) {
    std::vector<const float*> items;
    for (Index r = first; r < end; ++r)
      if (below[r] == g) items.push_back(inflow.data() + static_cast<std::size_t>(r - first) * count);
    const auto part = exact_sum<float>(problem.comm, items, count);
    std::copy(part.begin(), part.end(), sums.begin() + g * count);
  }
  // Incremental areas, added from the uppermost gauge down.
  std::vector<Index> order(gauges);
  std::iota(order.begin(), order.end(), 0);
  const auto& depth = problem.network.topology.depth;
  const auto& reach = problem.observations->reach;
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return depth[reach[a]] > depth[reach[b]]; });
  for (Index g : order) {
    const Index down = problem.network.topology.downstream[reach[g]];
    const Index first_here = below[reach[g]];
    if (first_here != g) continue;
    const Index next = down < 0 ? -1 : below[down];
    for (Count i = 0; next >= 0 && i < count; ++i) sums[next * count + i] += sums[g * count + i];
  }
  for (Index g = 0; g < gauges; ++g)
    if (const Index same = below[reach[g]]; same != g)
      std::copy_n(sums.begin() + same * count, count, sums.begin() + g * count);
  return sums;
}

std::vector<double> delayed_means(std::span<const double> series, double row_s, double interval_s, Count intervals,
                                  double delay_s) {
  std::vector<double> integral(series.size() + 1, 0.0);
  for (std::size_t r = 0; r < series.size(); ++r) integral[r + 1] = integral[r] + series[r] * row_s;
  const auto volume_until = [&](double time) {
    if (time <= 0) return time * series[0];
    const auto row = std::min(static_cast<std::size_t>(time / row_s), series.size() - 1);
    return integral[row] + (time - static_cast<double>(row) * row_s) * series[row];
  };
  std::vector<double> means(intervals);
  for (Count i = 0; i < intervals; ++i) {
    const double begin = static_cast<double>(i) * interval_s - delay_s;
    means[i] = (volume_until(begin + interval_s) - volume_until(begin)) / interval_s;
  }
  return means;
}

BestDelay best_delay(std::span<const double> series, double row_s, double interval_s, std::span<const double> observed,
                     Index max_delay_h) {
  BestDelay best{0, -std::numeric_limits<double>::infinity()};
  for (Index h = 0; h <= max_delay_h; ++h) {
    const auto means = delayed_means(series, row_s, interval_s, static_cast<Count>(observed.size()), h * 3600.0);
    const double nse = score(means, observed).get("nse");
    if (nse > best.nse) best = {static_cast<double>(h), nse};
  }
  return best;
}

namespace {

using Point = std::vector<double>;

struct Vertex {
  Point point;
  double value;
};

Point along(const Point& centre, const Point& worst, double factor) {
  Point p(centre.size());
  for (std::size_t k = 0; k < p.size(); ++k) p[k] = centre[k] + factor * (worst[k] - centre[k]);
  return p;
}

// One simplex run; reflection 1, expansion 2, contraction 1/2, shrinking 1/2.
Vertex simplex_run(const std::function<Vertex(Point)>& at, const Point& start, const std::function<bool()>& exhausted) {
  const std::size_t n = start.size();
  std::vector<Vertex> simplex{at(start)};
  for (std::size_t k = 0; k < n; ++k) {
    Point p = start;
    p[k] += 0.8;
    simplex.push_back(at(p));
  }
  const auto better = [](const Vertex& a, const Vertex& b) { return a.value < b.value; };
  while (!exhausted()) {
    std::stable_sort(simplex.begin(), simplex.end(), better);
    if (simplex.back().value - simplex.front().value <= 1e-9 * std::abs(simplex.front().value)) break;
    Point centre(n, 0.0);
    for (std::size_t v = 0; v < n; ++v)
      for (std::size_t k = 0; k < n; ++k) centre[k] += simplex[v].point[k] / static_cast<double>(n);
    const Vertex worst = simplex.back();
    Vertex next = at(along(centre, worst.point, -1));
    if (next.value < simplex.front().value) {
      Vertex far = at(along(centre, worst.point, -2));
      if (far.value < next.value) next = far;
    } else if (!(next.value < simplex[n - 1].value)) {
      next = at(along(centre, (next.value < worst.value ? next : worst).point, 0.5));
    }
    if (next.value < worst.value) {
      simplex.back() = next;
      continue;
    }
    for (std::size_t v = 1; v <= n; ++v) simplex[v] = at(along(simplex.front().point, simplex[v].point, 0.5));
  }
  return *std::min_element(simplex.begin(), simplex.end(), better);
}

}  // namespace

SimplexResult minimise_simplex(const std::function<double(std::span<const double>)>& function,
                               const std::vector<std::vector<double>>& starts, Index max_evaluations) {
  SimplexResult best{{}, std::numeric_limits<double>::infinity(), 0};
  for (std::size_t s = 0; s < starts.size(); ++s) {
    const Index budget = max_evaluations * static_cast<Index>(s + 1) / static_cast<Index>(starts.size());
    const auto at = [&](Point p) {
      ++best.evaluations;
      double value = function(p);
      if (std::isnan(value)) value = std::numeric_limits<double>::infinity();
      return Vertex{std::move(p), value};
    };
    const Vertex found = simplex_run(at, starts[s], [&] { return best.evaluations >= budget; });
    if (found.value < best.value) best.point = found.point, best.value = found.value;
  }
  return best;
}

}  // namespace dpl
