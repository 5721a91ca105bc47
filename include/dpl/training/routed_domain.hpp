// The river network of a run, distributed and ready to be routed: parameters in the block distribution go in,
// interval means at probes come out, and the way back for the adjoint.
#pragma once

#include <functional>
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

/// **Collective:** number of sub-reaches of every reach of the network (routing.split), the same on all ranks. Throws Error where `courant` is asked for and the
/// network has no upstream areas.
std::vector<Index> sub_reach_counts(const Communicator& comm, const RiverNetwork& network, const RunConfig& config);

/// The forest of the active reaches; index = position in `active`.
Topology active_topology(const RiverNetwork& network, const std::vector<Index>& active);

/// What the configuration asks of a router whose step is `step_s`.
RoutingOptions routing_options(const RunConfig& config, double step_s);

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
  bool from_state = false;                  ///< start from the domain's state (set_state, or the end of the last window), not hot
  std::vector<std::uint8_t> wanted;         ///< [probe] 0: its means are not needed, they mean nothing; empty: all are
  Count next_first_row = 0, next_rows = 0;  ///< rows of the window after this one, which a thread reads meanwhile; 0: none
  Count first_step = 0;                     ///< steps of the run before this window, for messages
};

/// Water volumes of a window over all reaches [m3], exact sums: the same bits on any number of ranks.
struct WaterVolumes {
  double lateral_inflow = 0, outflow = 0, storage_change = 0, created_by_floor = 0;
};

/// Single or double precision inside (config.precision), double at its border. All members are **Collective**.
class RoutedDomain {
 public:
  virtual ~RoutedDomain() = default;

  /// Windows take their rows from [first_row, end_row) of the inflow from now on. These are read at once where every rank
  /// can keep its part (memory.input_gib), else window by window. The header must outlive the domain.
  virtual void use_inflow(const LateralInflowHeader& header, Count first_row, Count end_row) = 0;

  /// Windows take their rows from memory from now on: `own_rows` [own reach][row] m3/s are the rows first_row.. of the
  /// header's axis, the own reaches in the order of own_network_reaches(). Nothing is read.
  virtual void give_inflow(const LateralInflowHeader& header, Count first_row, std::span<const double> own_rows) = 0;
  virtual const std::vector<Index>& own_network_reaches() const = 0;  ///< [own reach] its index in the network

  /// What reading cost this rank since use_inflow began.
  struct Input {
    double waited_s = 0;       ///< until rows were here and on their pieces; reading beside the computation costs none
    Count values_decoded = 0;  ///< of the file
  };
  virtual Input input() const = 0;

  /// @param theta [block reaches of this rank][kReachParameters]
  /// @return means [probe][interval], the same on all ranks; NaN where an interval is not complete
  virtual std::vector<double> forward(std::span<const double> theta, const RoutedWindow& window, bool keep_tape) = 0;

  /// After forward with tape: d/d theta, shaped like theta, of a scalar with the given d/d means (NaN-free).
  virtual std::vector<double> adjoint(std::span<const double> means_adjoint) = 0;
  /// The same, and d/d lateral inflow of the window's rows, [own reach][row]; 0 where a reach was left out.
  virtual std::vector<double> adjoint(std::span<const double> means_adjoint, std::vector<double>& own_inflow) = 0;

  /// Reaches at or above the probes wanted in the last forward: the same on any number of ranks.
  virtual Count reaches_wanted() const = 0;

  /// Forward without a tape that shows discharge itself: `see` gets, in the same order every time, each probe of this rank,
  /// its own reach and its discharge_rows(window.rows) rows, m3/s. window.means are not used and nothing is gathered.
  using SeeRows = std::function<void(Index probe, Index own_reach, std::span<const double> rows)>;
  virtual void forward_rows(std::span<const double> theta, const RoutedWindow& window, const SeeRows& see) = 0;
  virtual const std::vector<Index>& own_probes() const = 0;   ///< probes on this rank, ascending

  /// State at the end of the last window (of all probes): sub-reaches of the active reaches of this rank's blocks in network
  /// order, values state_rows() of the state of all.
  virtual std::vector<double> state() const = 0;
  /// What a window with from_state starts from; ordered like state().
  virtual void set_state(std::span<const double> block_state) = 0;
  struct StateRows {
    Count first = 0, count = 0, all = 0;
  };
  virtual StateRows state_rows() const = 0;

  /// [own reach][width] -> [block reach of this rank][width] and back; block reaches that are not active receive 0.
  virtual std::vector<double> to_blocks(std::span<const double> own, Index width) const = 0;
  virtual std::vector<double> to_own(std::span<const double> block, Index width) const = 0;

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
