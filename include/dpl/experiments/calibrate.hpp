// Calibration basin by basin, the usual method that learning one network for all basins is compared with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dpl/experiments/verb.hpp"
#include "dpl/learning/sce_ua.hpp"
#include "dpl/training/basin_problem.hpp"

namespace dpl {

/// What a search found for one basin.
struct CalibratedPlace {
  std::vector<double> shares;  ///< of the ranges, order of BasinParameters
  double value = 0;            ///< of the objective: 1 - NSE, 1 - KGE or RMSE [mm/day]
  Count evaluations = 0;       ///< forward runs of the model
  std::string why;             ///< the search ended
  std::vector<SceUa::Improvement> curve;
  Count adjoints = 0;          ///< runs of its adjoint
};

/// **Local:** a search for each of some own places; all of them, and all that a search evaluates at a time, are lanes
/// of one call of the runoff model. A place's result is the same bits whatever the other places are.
class PlaceSearch {
 public:
  virtual ~PlaceSearch() = default;
  virtual bool finished() const = 0;
  /// The next call of the model for all that are not finished.
  virtual void step() = 0;
  virtual Count evaluations() const = 0;  ///< forward runs so far, of all places
  /// [place of the search]
  virtual std::vector<CalibratedPlace> results() const = 0;
  /// Seconds in forward runs with a tape and in adjoints; 0 for a search without gradients.
  struct Seconds {
    double forward = 0, adjoint = 0;
  };
  virtual Seconds seconds() const { return {}; }
};

/// `calibration.method` for own places (own numbers, ascending). `problem` and `series` (of the training period) must
/// outlive the search.
std::unique_ptr<PlaceSearch> make_place_search(const BasinProblem& problem, const BasinSeries& series,
                                               std::vector<Index> places);

/// One window a call and basin for each of these: complexes of SCE-UA, starts of the gradient's descent.
Index lanes_of_place(const CalibrationConfig& config);
/// Most forward runs of a basin.
Count largest_evaluations(const CalibrationConfig& config);

/// The methods. sce_ua: SCE-UA over the shares of the ranges. gradient: Adam from several random starts, parameters as
/// free variables before a sigmoid; the best iterate of all starts is kept.
std::unique_ptr<PlaceSearch> make_basin_search(const BasinProblem& problem, const BasinSeries& series,
                                               std::vector<Index> places);
std::unique_ptr<PlaceSearch> make_basin_descent(const BasinProblem& problem, const BasinSeries& series,
                                                std::vector<Index> places);

/// **Collective.** The verb `calibrate`. Returns the exit status.
int run_calibrate(const VerbContext& context);
/// The same for rivers: channel parameters gauge by gauge (gauge_calibrate.cpp).
int run_gauge_calibrate(const VerbContext& context);

}  // namespace dpl
