// Calibration of a river gauge by gauge: one set of channel parameters for the area between a gauge and the gauges
// above it, upstream first.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dpl/experiments/gauge_areas.hpp"
#include "dpl/learning/sce_ua.hpp"
#include "dpl/training/gauge_clock.hpp"
#include "dpl/training/parameter_field.hpp"
#include "dpl/training/problem.hpp"
#include "dpl/training/routed_domain.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {

/// What SCE-UA found for one gauge's area.
struct CalibratedGauge {
  std::vector<double> values;  ///< of the learned parameters, in the order of network.learnable_parameters
  double value = 0;            ///< of the objective: 1 - NSE, 1 - KGE or RMSE [m3/s]
  Count evaluations = 0;
  std::string why;             ///< the search ended
  std::vector<SceUa::Improvement> curve;
};

/// Gauges of one level, none of which is above another, are searched together: a routing of the river evaluates one
/// point of each. What flows in from the gauges above is simulated with the sets found for them. All ranks hold the
/// same searches and share the routing, so that results are the same bits on any number of ranks; what a gauge gets
/// does not depend on gauges that are not above it.
class GaugeCalibration {
 public:
  /// **Collective:** loads the inflow of the training period and takes up what `folder` holds of finished gauges. The
  /// arguments must outlive it. Throws Error where no gauge can be calibrated, or for results of other settings.
  GaugeCalibration(const Problem& problem, const RunFolder& folder);

  /// **Collective.** False where a signal came before the end.
  bool run();

  /// **Collective:** parameters of this rank's block reaches, [reach][kReachParameters]; reaches of no gauge's area and
  /// of one that is not finished have params.defaults.
  std::vector<double> theta() const { return field_.complete(values_); }

  /// **Collective:** experiment.loss over the training period at all gauges.
  double training_loss(std::span<const double> theta);

  const std::vector<std::optional<CalibratedGauge>>& found() const { return found_; }  ///< [gauge], on all ranks
  const GaugeAreas& areas() const { return areas_; }
  const std::vector<LearnedParameter>& learned() const { return field_.learned(); }
  const RoutedDomain& domain() const { return *domain_; }
  Index done() const;
  Index gauges() const;  ///< to be calibrated

 private:
  struct Search;
  bool run_level(Index level);
  std::vector<double> route(std::span<const double> theta, std::vector<std::uint8_t> wanted);
  void take_values(Index gauge, std::span<const double> values);
  std::vector<double> values_at(std::span<const double> shares) const;
  std::string settings_of(Index gauge) const;
  std::string path_of(Index gauge) const;
  void keep(Index gauge, CalibratedGauge result);

  const Problem& problem_;
  const RunFolder& folder_;
  ParameterField field_;
  GaugeAreas areas_;
  std::unique_ptr<RoutedDomain> domain_;
  GaugeClock clock_;
  RoutedWindow window_;
  Count rows_per_day_ = 1;
  std::vector<double> observed_, sigma_;  // [gauge][interval], [gauge]
  std::vector<double> values_;            // [block reach][learned]
  std::string sums_;                      // of the inputs
  std::vector<std::optional<CalibratedGauge>> found_;
};

}  // namespace dpl
