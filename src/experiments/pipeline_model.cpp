// The supersteps of all ranks, one after another, on one clock each.
#include "dpl/experiments/pipeline_model.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace dpl {
namespace {

double window_seconds(const PipelineShape& shape, const std::vector<RankSteps>& ranks, const PipelineCosts& costs) {
  const Count supersteps = costs.supersteps.count();
  const double edge_s = costs.byte_s * costs.value_bytes * static_cast<double>(costs.supersteps.chunk);
  const Index all = shape.load.ranks;
  std::vector<double> clock(all, 0.0), sent(all, 0.0);
  for (Count s = 0; s < supersteps; ++s) {
    for (Index r = 0; r < all; ++r) sent[r] = clock[r] + (ranks[r].needed[s] + ranks[r].chunked[s]) * costs.step_s;
    for (Index r = 0; r < all; ++r) {
      const Index first = shape.neighbour_start[r], end = shape.neighbour_start[r + 1];
      clock[r] = sent[r] + ranks[r].further[s] * costs.step_s;
      if (end == first || s + 1 == supersteps) continue;
      Count edges = 0;
      for (Index k = first; k < end; ++k) {
        clock[r] = std::max(clock[r], sent[shape.neighbours[k].rank] + costs.latency_s);
        edges += shape.neighbours[k].edges_in + shape.neighbours[k].edges_out;
      }
      clock[r] += costs.further_message_s * static_cast<double>(end - first - 1) + edge_s * static_cast<double>(edges);
    }
  }
  // States at the start of the window go down level by level, one value an edge.
  const double start_s = costs.latency_s * static_cast<double>(shape.load.levels - 1);
  return *std::max_element(clock.begin(), clock.end()) + (shape.neighbours.empty() ? 0.0 : start_s);
}

}  // namespace

PipelineShape pipeline_shape(const Topology& topology, const Partition& partition, std::span<const double> weight) {
  PipelineShape shape;
  shape.load = partition.load;
  std::vector<double> load(partition.ranks, 0.0);
  for (std::size_t r = 0; r < partition.piece.size(); ++r) load[partition.owner[partition.piece[r]]] += weight[r];
  for (double l : load) {
    shape.mean_work += l / static_cast<double>(load.size());
    shape.largest_work = std::max(shape.largest_work, l);
  }
  std::vector<std::map<Index, PipelineShape::Neighbour>> neighbours(partition.ranks);
  for (Index r : partition.cut_reach) {
    const Index from = partition.owner[partition.piece[r]];
    const Index to = partition.owner[partition.piece[topology.downstream[r]]];
    if (from == to) continue;
    ++neighbours[from][to].edges_out;
    ++neighbours[to][from].edges_in;
  }
  shape.neighbour_start.push_back(0);
  for (auto& of_rank : neighbours) {
    for (auto& [rank, neighbour] : of_rank) {
      neighbour.rank = rank;
      shape.neighbours.push_back(neighbour);
    }
    shape.neighbour_start.push_back(static_cast<Index>(shape.neighbours.size()));
  }
  return shape;
}

PipelineSeconds play_pipeline(const PipelineShape& shape, const PipelineCosts& costs) {
  PipelineCosts free = costs, short_messages = costs;
  free.latency_s = free.further_message_s = free.byte_s = short_messages.byte_s = 0;
  std::vector<RankSteps> ranks;
  for (Index r = 0; r < shape.load.ranks; ++r) ranks.push_back(rank_steps(shape.load, costs.supersteps, r));
  const double without = window_seconds(shape, ranks, free), latency = window_seconds(shape, ranks, short_messages);
  const double per_work = costs.step_s * static_cast<double>(costs.supersteps.steps);
  PipelineSeconds seconds;
  seconds.compute = shape.mean_work * per_work;
  seconds.imbalance = (shape.largest_work - shape.mean_work) * per_work;
  // Rounding alone may make the sum of the supersteps smaller than the product.
  seconds.fill = std::max(0.0, without - seconds.compute - seconds.imbalance);
  seconds.latency = latency - without;
  seconds.bytes = window_seconds(shape, ranks, costs) - latency;
  return seconds;
}

}  // namespace dpl
