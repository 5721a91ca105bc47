// What a machine gives, measured in seconds on the problem at hand: the costs from which a plan is made.
#pragma once

#include <string>
#include <vector>

#include "dpl/experiments/pipeline_model.hpp"
#include "dpl/training/problem.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {

/// The routed forest of a problem and the work of its reaches; equal on all ranks.
struct PlannedForest {
  RoutedReaches reaches;
  Topology topology;               ///< of the active reaches
  std::vector<Index> sub_reaches;  ///< [active]
  std::vector<double> weight;      ///< [active] the same
  double step_s = 3600;
  Count window_rows = 0;  ///< inflow rows of a training window
  Index hold = 1;         ///< routing steps of an inflow row
  Count steps() const { return window_rows * hold; }
  double cells() const;  ///< sub-reaches of all active reaches
};

PlannedForest planned_forest(const Problem& problem);

/// The pieces of one rank without the edges that are cut: they are routed as in a run, but nothing comes from
/// elsewhere.
RankNetwork without_cut_edges(RankNetwork network);

/// Routing of a rank that holds `cells` sub-reaches.
struct RoutingCost {
  double cells = 0;
  bool cut = false;      ///< its network lies in more than one piece
  Index ranks = 1;       ///< of the partition it was measured in
  Count steps = 0;       ///< routed when it was measured
  double forward_s = 0;  ///< a sub-reach for a step, tape kept [s]
  double adjoint_s = 0;
};

struct Calibration {
  std::vector<RoutingCost> routing;  ///< ascending cells
  double network_reach_s = 0;        ///< parameter network, forward and backward, a reach
  double transfer_reach_s = 0;       ///< a reach's parameters to its piece, their gradient back, on one rank
  double read_value_s = 0;           ///< a value of lateral inflow, unpacked and checked by one rank
  double latency_s = 0, further_message_s = 0, byte_s = 0;  ///< messages; see PipelineCosts
  bool messages_measured = false;
  double program_bytes = 0;  ///< memory of a rank before anything is read
  Index measured_on = 1;     ///< ranks that measured at the same time
  std::string made_for;      ///< scheme, precision, network: costs hold for these

  /// Costs of a rank with so many sub-reaches: between two measured sizes on a straight line over the logarithm of the
  /// size; outside, of the nearest size. Sizes of cut networks serve for cut ones where there are any.
  RoutingCost routing_of(double cells, bool cut) const;
};

/// **Collective:** all ranks measure at the same time, so that they share memory and caches as in a run, and the
/// slowest counts; processor time, without what other programs take. `ranks`: numbers of ranks planned for, ascending.
Calibration measure_calibration(const Problem& problem, const PlannedForest& forest, const std::vector<Index>& ranks,
                                double program_bytes);

/// Scheme, precision and shape of the parameter network.
std::string calibration_subject(const RunConfig& config);

/// As JSON text (docs/file_formats.md) and back. Reading throws Error naming `path` and the field.
std::string calibration_json(const Calibration& calibration);
Calibration read_calibration(const std::string& json, const std::string& path);

}  // namespace dpl
