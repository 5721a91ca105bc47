// Routes a long period in windows of time, one after the other, with the state carried over.
#pragma once

#include <span>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {

/// What comes out is the same bits for every length of the windows: states are carried as they are, instants at the seam of
/// two windows are counted once, and a mean that spans windows goes on adding where it stopped. Only water volumes are
/// sums of the windows'. A rank holds a window of its reaches, never the period. All members but the queries are
/// **Collective**.
class PeriodRouter {
 public:
  /// Probes come in two kinds: the first `gathered` are kept as series over the period; the others, which are every reach of
  /// the domain or none, are given away window by window as the means period.means[gathered].
  /// @param period       the whole period; period.from_state: starts from the domain's state
  /// @param window_rows  inflow rows routed at a time, at least 1
  PeriodRouter(const Communicator& comm, RoutedDomain& domain, RoutedWindow period, Index gathered,
               Count streamed_intervals, Count window_rows);

  bool finished() const { return done_rows_ == period_.rows; }
  bool streams() const { return streamed_intervals_ > 0; }
  Count first_row() const { return period_.first_row; }
  Count done_rows() const { return done_rows_; }     ///< inflow rows routed so far
  Count windows() const { return windows_; }         ///< windows routed so far
  Count windows_in_all() const { return windows_ + (period_.rows - done_rows_ + window_rows_ - 1) / window_rows_; }

  /// Routes the next window. Throws Error where discharge is not finite.
  void next(std::span<const double> theta);

  /// Means of the streamed probes that the last window completed, [reach of this rank's blocks][count], of the intervals
  /// first..first + count - 1; NaN where an interval is not wholly inside the period.
  struct Streamed {
    Count first = 0, count = 0;
    std::vector<double> values;
  };
  Streamed streamed() const;

  /// [gathered probe][period.intervals] so far, the same on all ranks; NaN where an interval is not complete.
  std::vector<double> means() const;
  const WaterVolumes& water() const { return water_; }

  /// All that a run needs to go on, on any number of ranks.
  struct Progress {
    Count done_rows = 0, windows = 0, streamed_intervals = 0;
    WaterVolumes water;
    std::vector<double> means, sums;                  ///< of the gathered probes: complete means, sums begun; on all ranks
    std::vector<double> block_state, block_sums;      ///< rows of this rank: state, sums begun of the streamed probes
  };
  Progress progress() const;
  void restore(const Progress& progress);

 private:
  void see(Index probe, Index own, Count first_row, std::span<const double> rows);

  const Communicator& comm_;
  RoutedDomain& domain_;
  RoutedWindow period_;
  Index gathered_;
  Count streamed_intervals_, window_rows_;
  Count done_rows_ = 0, windows_ = 0;
  WaterVolumes water_;
  std::vector<double> means_, sums_;                  // own probes of the gathered ones, 0 elsewhere
  Count streamed_first_ = 0, streamed_end_ = 0;       // intervals of the last window
  std::vector<double> own_streamed_, own_sums_;       // [own][interval], [own]
};

/// Inflow rows of a window: memory.window_days, or as many whole days as keep it at about 1.3e8 reach-steps over all ranks.
Count rows_of_window(const RunConfig& config, const RoutedDomain& domain, Count rows_per_day, Count rows);

/// **Collective:** means of all probes over a period, as RoutedDomain::forward gives them, routed in windows.
std::vector<double> route_period(const Communicator& comm, RoutedDomain& domain, const RunConfig& config,
                                 const RoutedWindow& period, Count rows_per_day, std::span<const double> theta);

}  // namespace dpl
