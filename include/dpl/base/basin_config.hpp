// Keys of runs over basins: the runoff model, lists of basins, targets, validation.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

struct WarmupConfig {
  Index days = 365;  ///< before the first scored day of an evaluation
  Index repeat = 1;  ///< how often they are run
};

struct RunoffConfig {
  std::string variant = "1.1p";      ///< 1.0 | 1.1p | 2.0
  Index nmul = 0;                    ///< components; 0 = as the literature
  std::vector<std::string> dynamic;  ///< parameters with one value a day
  std::string pet = "given";         ///< given | hargreaves | oudin
  bool unit_hydrograph = true;
  double hydrograph_b = 6.5;         ///< upper end of the range of the unit hydrograph's b
  std::vector<double> precipitation_factor;  ///< range of PCORR; empty = precipitation as it is given
  bool gradient_through_warmup = true;
  WarmupConfig warmup;
  double component_spread = 1;  ///< deviation of the components' first outputs, before the sigmoid
};

/// Files, one place_id a line, and tests in space.
struct BasinsConfig {
  std::string train, test, holdout;
  Index pub = 0;                 ///< random folds, each held out in turn; 0 = none
  std::vector<std::string> pur;  ///< lists of regions, each held out in turn
  Index fold_seeds = 1;          ///< trainings of a fold
};

/// The series of trainings of the verb scaling.
struct ScalingConfig {
  std::vector<double> fractions{0.0625, 0.125, 0.25, 0.5, 1};  ///< of the basins that may be trained on
  Index seeds = 3;
  double out_of_sample = 0.2;      ///< share of the basins that is never trained on
  std::string budget = "updates";  ///< updates | place_days | runs_per_place
};

/// Parameters of ungauged basins from those of others; the verb regionalize.
struct RegionalizeConfig {
  std::vector<std::string> methods;  ///< empty: all that the configuration allows
  std::string donors;                ///< run folder of calibrate
  Index neighbours = 1;              ///< donors of a basin
  std::string average = "series";    ///< of several donors: series | parameters
  bool leave_one_out = false;        ///< every basin as if it were ungauged
  double largest_intercept = 4, largest_slope = 2;  ///< of the coefficients that SCE-UA searches
};

/// Weight of each observed quantity in the loss; 0 = not used.
struct TargetsConfig {
  double streamflow = 1, soil_moisture = 0;
  std::string soil_moisture_loss = "rmse";
};

}  // namespace dpl
