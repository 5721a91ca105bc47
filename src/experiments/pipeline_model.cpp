// The supersteps of all ranks, one after another, on one clock each.
#include "dpl/experiments/pipeline_model.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace dpl {
namespace {

double window_seconds(const PipelineShape& shape, const PipelineCosts& costs) {
  const Count chunks = (costs.steps + costs.chunk_steps - 1) / costs.chunk_steps;
  const double unit_s = costs.step_s * static_cast<double>(costs.steps) / static_cast<double>(chunks);
  const double edge_s =
      costs.byte_s * costs.value_bytes * static_cast<double>(std::min(costs.chunk_steps, costs.steps));
  const Count supersteps = chunks + shape.levels - 1;
  std::vector<double> clock(shape.ranks, 0.0), worked(shape.ranks, 0.0), active(shape.ranks, 0.0);
  std::size_t joins = 0, leaves = 0;  // pieces that run by now, and those that have run all chunks
  for (Count s = 0; s < supersteps; ++s) {
    for (; joins < shape.pieces.size() && shape.pieces[joins].level <= s; ++joins)
      active[shape.pieces[joins].owner] += shape.pieces[joins].work;
    for (; leaves < shape.pieces.size() && shape.pieces[leaves].level <= s - chunks; ++leaves)
      active[shape.pieces[leaves].owner] -= shape.pieces[leaves].work;
    for (Index r = 0; r < shape.ranks; ++r) worked[r] = clock[r] + active[r] * unit_s;
    for (Index r = 0; r < shape.ranks; ++r) {
      const Index first = shape.neighbour_start[r], end = shape.neighbour_start[r + 1];
      double ready = worked[r];
      Count edges = 0;
      for (Index k = first; k < end; ++k) {
        ready = std::max(ready, worked[shape.neighbours[k].rank] + costs.latency_s);
        edges += shape.neighbours[k].edges_in + shape.neighbours[k].edges_out;
      }
      if (end > first && s + 1 < supersteps)
        ready += costs.further_message_s * static_cast<double>(end - first - 1) + edge_s * static_cast<double>(edges);
      clock[r] = s + 1 < supersteps ? ready : worked[r];
    }
  }
  // States at the start of the window go down level by level, one value an edge.
  const double start_s = costs.latency_s * static_cast<double>(shape.levels - 1);
  return *std::max_element(clock.begin(), clock.end()) + (shape.neighbours.empty() ? 0.0 : start_s);
}

}  // namespace

PipelineShape pipeline_shape(const Topology& topology, const Partition& partition, std::span<const double> weight) {
  PipelineShape shape;
  shape.ranks = partition.ranks;
  shape.levels = partition.depth();
  shape.pieces.resize(partition.owner.size());
  for (std::size_t k = 0; k < partition.owner.size(); ++k) {
    shape.pieces[k].owner = partition.owner[k];
    shape.pieces[k].level = partition.level[k];
  }
  std::vector<double> load(partition.ranks, 0.0);
  for (std::size_t r = 0; r < partition.piece.size(); ++r) {
    shape.pieces[partition.piece[r]].work += weight[r];
    load[partition.owner[partition.piece[r]]] += weight[r];
  }
  std::stable_sort(shape.pieces.begin(), shape.pieces.end(),
                   [](const auto& a, const auto& b) { return a.level < b.level; });
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
  const double without = window_seconds(shape, free), latency = window_seconds(shape, short_messages);
  const double per_work = costs.step_s * static_cast<double>(costs.steps);
  PipelineSeconds seconds;
  seconds.compute = shape.mean_work * per_work;
  seconds.imbalance = (shape.largest_work - shape.mean_work) * per_work;
  // Rounding alone may make the sum of the supersteps smaller than the product.
  seconds.fill = std::max(0.0, without - seconds.compute - seconds.imbalance);
  seconds.latency = latency - without;
  seconds.bytes = window_seconds(shape, costs) - latency;
  return seconds;
}

}  // namespace dpl
