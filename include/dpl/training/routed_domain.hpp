// The river network of a run, distributed and ready to be routed: parameters in the block distribution go in,
// interval means at probes come out, and the way back for the adjoint.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/coupling/redistribution.hpp"
#include "dpl/data/river_network.hpp"
#include "dpl/data/time_series.hpp"
#include "dpl/learning/interval_mean.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// Number of values per reach in a parameter array: n, p, q (muskingum: K, X, unused).
inline constexpr Index kReachParameters = 3;

/// The reaches of a run and where they are observed; equal on all ranks.
struct RoutedReaches {
  std::vector<Index> active;     ///< reaches to route, ascending network index; closed upstream
  std::vector<Index> probes;     ///< reaches whose discharge is wanted (all of them active)
};

/// All reaches upstream of the probes, the probes included.
RoutedReaches reaches_above(const RiverNetwork& network, std::vector<Index> probes);

/// Number of sub-reaches of every reach of the network (routing.split). Throws Error where `courant` is asked for and the
/// network has no upstream areas.
std::vector<Index> sub_reach_counts(const RiverNetwork& network, const RunConfig& config);

/// The forest of the active reaches; index = position in `active`.
Topology active_topology(const RiverNetwork& network, const std::vector<Index>& active);

/// What the configuration asks of a router whose step is `step_s`; `cut`: the network lies in more than one piece.
RoutingOptions routing_options(const RunConfig& config, double step_s, bool cut);

/// Subbasins a rank is given (routing.pieces_per_rank, else chosen; 0: make_partition chooses).
Index pieces_per_rank(const RunConfig& config, const RoutedReaches& reaches, Index ranks);

/// Routing steps that a row of lateral inflow holds for. Throws Error where the row's step is not a multiple of `step_s`.
Index routing_steps_per_row(const LateralInflowHeader& header, double step_s);

/// What a window is: rows of the loaded lateral inflow and the means wanted from it.
struct RoutedWindow {
  Count first_row = 0;                      ///< row of the inflow file
  Count rows = 0;
  std::vector<IntervalMean> means;          ///< [probe]
  Count intervals = 0;                      ///< means per probe
  std::vector<double> initial_state;        ///< replicated, see RoutedDomain::final_state; empty: hot start
  std::vector<std::uint8_t> wanted;         ///< [probe] 0: its means are not needed, they mean nothing; empty: all are
};

/// Water volumes of a window over all reaches [m3], exact sums: the same bits on any number of ranks.
struct WaterVolumes {
  double lateral_inflow = 0, outflow = 0, storage_change = 0, created_by_floor = 0;
};

/// Single or double precision inside (config.precision), double at its border. All members are **Collective**.
class RoutedDomain {
 public:
  virtual ~RoutedDomain() = default;

  /// Reads rows [first_row, end_row) of the inflow; replaces what was loaded before.
  virtual void load_inflow(const LateralInflowHeader& header, Count first_row, Count end_row) = 0;

  /// @param theta [block reaches of this rank][kReachParameters]
  /// @return means [probe][interval], the same on all ranks; NaN where an interval is not complete
  virtual std::vector<double> forward(std::span<const double> theta, const RoutedWindow& window, bool keep_tape) = 0;

  /// After forward with tape: d/d theta, shaped like theta, of a scalar with the given d/d means (NaN-free).
  virtual std::vector<double> adjoint(std::span<const double> means_adjoint) = 0;

  /// Reaches at or above the probes wanted in the last forward: the same on any number of ranks.
  virtual Count reaches_wanted() const = 0;

  /// State at the end of the last window (of all probes): all sub-reaches of the active reaches in network order, replicated.
  virtual std::vector<double> final_state() const = 0;
  virtual WaterVolumes water_volumes() const = 0;

  /// "reach 73005278 at step 12 (2 steps after ...)" of the earliest value that is not finite; empty if none.
  virtual std::string describe_not_finite() const = 0;

  /// Rows of discharge a window of this many inflow rows gives (one more where the scheme gives instants).
  virtual Count discharge_rows(Count inflow_rows) const = 0;
  virtual Count tape_bytes(Count rows) const = 0;         ///< of this rank
  virtual const Partition& partition() const = 0;
  virtual Count own_reaches() const = 0;
  Index steps_per_row(const LateralInflowHeader& header) const;
  double step_s() const { return step_s_; }

 protected:
  double step_s_ = 3600;   ///< one routing step (dt_s / substeps)
};

/// **Collective.**
std::unique_ptr<RoutedDomain> make_routed_domain(const Communicator& comm, const RunConfig& config,
                                                 const RiverNetwork& network, const RoutedReaches& reaches,
                                                 const BlockDistribution& blocks);

}  // namespace dpl
