// Scores contenders (learned parameters, baselines) on the same gauges and days.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dpl/learning/metrics.hpp"
#include "dpl/training/gauge_clock.hpp"
#include "dpl/training/output.hpp"
#include "dpl/training/period_router.hpp"
#include "dpl/training/problem.hpp"
#include "dpl/training/routed_domain.hpp"

namespace dpl {

/// One line of the comparison.
struct Contender {
  std::string name;                      ///< learned, untrained, uniform, summed_lateral_inflow, ...
  std::vector<double> means;             ///< [gauge][interval] m3/s; empty where the contender is absent
  std::vector<Metrics> scores;           ///< [gauge]
  std::string reason;                    ///< why it is absent
  std::map<std::string, double> facts;   ///< training_loss, delay_h, n, p, q ...
};

/// What becomes of the discharge of further reaches: kept by every rank over the whole period, or given away window by
/// window (then they must be all reaches of the domain, in its order).
enum class Further { kept, streamed };

/// A period at the gauges of a problem, routed window by window. All members are **Collective**.
class Evaluation {
 public:
  /// Reads the inflow of the period, or begins to.
  Evaluation(const Problem& problem, const Period& period, const std::vector<Index>& further = {},
             Further use = Further::kept);

  /// Routes the period with n, p, q (or K, X) of this rank's block reaches; starts as routing.initial_state says.
  Contender routed(const std::string& name, std::span<const double> theta);

  /// The same step by step: begin, next until finished, ended.
  PeriodRouter begin();
  Contender ended(const std::string& name, const PeriodRouter& router);

  /// Scores means that were made without routing.
  Contender scored(const std::string& name, std::vector<double> means) const;

  const std::vector<double>& observed() const { return observed_; }       ///< [gauge][interval], NaN = not scored
  const GaugeClock& clock() const { return clock_; }
  Count intervals() const { return gauge_intervals_; }
  std::vector<double> gauge_offset_h() const;   ///< what a gauge's intervals start later than on the run's clock (tau)
  const Period& period() const { return period_; }
  const ReachSeries& further() const { return further_; }                 ///< of the last routed contender
  const WaterVolumes& water() const { return water_; }                    ///< of the last routed contender
  RoutedDomain& domain() { return *domain_; }
  const RoutedReaches& reaches() const { return reaches_; }
  /// First and last day with a scored observation at any gauge, and the number of scored values of all gauges.
  struct Scored {
    Count first_day = 0, last_day = -1, values = 0;
  };
  Scored scored_days() const;

 private:
  const Problem& problem_;
  Period period_;
  RoutedReaches reaches_;
  std::unique_ptr<RoutedDomain> domain_;
  GaugeClock clock_;
  RoutedWindow window_;
  std::vector<double> initial_state_;   // of this rank's blocks, where the start is not hot
  Index gauges_ = 0;
  Count gauge_intervals_ = 0, rows_per_day_ = 1;
  std::vector<double> observed_;
  ReachSeries further_;
  Further use_;
  WaterVolumes water_;
};

/// **Local:** throws Error where no observation of the period would be scored (warm-up and incomplete intervals are
/// not).
void check_scored(const Problem& problem, const Observations& observations, const Period& period,
                  const std::string& what);

}  // namespace dpl
