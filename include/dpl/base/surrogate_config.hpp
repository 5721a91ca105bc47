// Keys of the verb surrogate: an external program, the archive of its runs, the network that stands in for it.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// A parameter of an external program, between two bounds.
struct ProgramParameter {
  std::string name;
  double low = 0, high = 1;
  bool log_space = false;  ///< shares of the range are shares of its logarithm
};

struct SurrogateConfig {
  std::string command;  ///< with {forcing}, {parameters}, {output}, {place}
  std::vector<ProgramParameter> parameters;
  std::string output_column = "runoff_mm_day";
  Index runs_per_place = 32;    ///< of the first archive, over the whole ranges
  Index runs_near = 8;          ///< added by a round around what it learned
  double near_spread = 0.05;    ///< their deviation, share of the range
  Index rounds = 2;
  double holdout_places = 0.1;  ///< share of the places no run of which trains the surrogate
  double holdout_runs = 0.125;  ///< share of the runs of the other places that do not
  bool attributes = false;      ///< the surrogate reads the attributes too
  Index hidden_size = 64;
  Index updates = 600, updates_again = 300;  ///< of the first round; of each later one
  Index runs_per_update = 2;                 ///< windows of an update, a place
  double learning_rate = 5e-3;
  std::string yardstick = "none";  ///< none | hbv
};

}  // namespace dpl
