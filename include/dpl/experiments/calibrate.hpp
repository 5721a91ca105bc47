// Calibration basin by basin, the usual method that learning one network for all basins is compared with.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/experiments/verb.hpp"
#include "dpl/learning/sce_ua.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {

/// What SCE-UA found for one basin.
struct CalibratedPlace {
  std::vector<double> shares;  ///< of the ranges, order of BasinParameters
  double value = 0;            ///< of the objective: 1 - NSE, 1 - KGE or RMSE [mm/day]
  Count evaluations = 0;
  std::string why;             ///< the search ended
  std::vector<SceUa::Improvement> curve;
};

/// **Local:** of windows as BasinPhysics gives them, the objective `calibration.objective` over the scored days that
/// have an observation; infinite where it is not defined. @param observed [scored day] of the window's place
double calibration_value(const std::string& objective, std::span<const double> simulated,
                         std::span<const float> observed);

/// **Local:** searches for own places; all places and all complexes are lanes of one call of the runoff model. A
/// place's result is the same bits whatever the other places of the call are.
class BasinSearch {
 public:
  /// @param places own numbers, ascending. `problem` and `series` (of the training period) must outlive the search.
  BasinSearch(const BasinProblem& problem, const BasinSeries& series, std::vector<Index> places);
  bool finished() const;
  /// Runs the model once for every complex of every unfinished place.
  void step();
  Count evaluations() const;
  /// [place of the search]
  std::vector<CalibratedPlace> results() const;

 private:
  struct One {
    Index place;
    SceUa search;
    std::vector<double> values;  // of the points asked for, so far
  };
  const BasinProblem& problem_;
  const BasinSeries& series_;
  BasinPhysics<float> physics_;
  std::vector<One> searches_;
};

/// **Collective.** The verb `calibrate`. Returns the exit status.
int run_calibrate(const VerbContext& context);

}  // namespace dpl
