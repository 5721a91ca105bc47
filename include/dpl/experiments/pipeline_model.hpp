// How long the supersteps of a cut network take: the pipeline of pieces played through with given costs. Pure
// functions.
#pragma once

#include <span>
#include <vector>

#include "dpl/base/topology.hpp"
#include "dpl/partition/partition.hpp"

namespace dpl {

/// What the pipeline needs to know of a partition.
struct PipelineShape {
  struct Neighbour {
    Index rank = 0;
    Count edges_in = 0;   ///< cut edges that come from this rank
    Count edges_out = 0;  ///< cut edges that lead to it
  };
  PipelineLoad load;
  std::vector<Index> neighbour_start;      ///< [rank + 1]
  std::vector<Neighbour> neighbours;       ///< of each rank, without itself
  double mean_work = 0, largest_work = 0;  ///< of a rank
};

PipelineShape pipeline_shape(const Topology& topology, const Partition& partition, std::span<const double> weight);

/// Costs of one direction (forward or adjoint).
struct PipelineCosts {
  double step_s = 0;             ///< a unit of work for one routing step [s]
  double latency_s = 0;          ///< a message of no length
  double further_message_s = 0;  ///< each message of a rank but the first of a superstep
  double byte_s = 0;             ///< a byte of a rank's messages
  double value_bytes = 4;        ///< of one discharge
  Supersteps supersteps;         ///< of the window
};

/// Seconds of one direction of a window; the parts add up to `total`.
struct PipelineSeconds {
  double compute = 0;    ///< work of a rank with the mean load
  double imbalance = 0;  ///< what the rank with the largest load takes longer
  double fill = 0;       ///< waiting for pieces upstream (forward) or downstream (adjoint), without messages
  double latency = 0;    ///< further waiting with messages of no length
  double bytes = 0;      ///< further waiting with the messages as long as they are
  double total() const { return compute + imbalance + fill + latency + bytes; }
};

/// Plays the supersteps as the router takes them (base/pipeline_load.hpp): a rank exchanges with its neighbours, and with nobody
/// else, while it goes on with what can wait. Both ends of a message wait for each other.
PipelineSeconds play_pipeline(const PipelineShape& shape, const PipelineCosts& costs);

}  // namespace dpl
