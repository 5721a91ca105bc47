// The table of verbs: a new verb is one file and one line here.
#include "dpl/experiments/calibrate.hpp"
#include "dpl/experiments/evaluate.hpp"
#include "dpl/experiments/experiment.hpp"
#include "dpl/experiments/regionalize.hpp"
#include "dpl/experiments/route.hpp"
#include "dpl/experiments/scaling_places.hpp"
#include "dpl/experiments/scaling_plan.hpp"
#include "dpl/experiments/surrogate.hpp"
#include "dpl/experiments/synth.hpp"
#include "dpl/experiments/train.hpp"
#include "dpl/experiments/verb.hpp"
#include "dpl/experiments/verify.hpp"

namespace dpl {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table{
      {"train", "learn parameters from observed discharge, then score the test period", true, false, run_train, true, true},
      {"scaling", "train on nested subsets of basins: skill and cost against their number", true, false, run_scaling, true, true},
      {"evaluate", "score given or learned parameters at gauges over the test period", true, false, run_evaluate, false, true},
      {"route", "route lateral inflow with fixed or stored parameters", true, false, run_route, false, true},
      {"plan", "predict seconds and memory of a training on other numbers of ranks, without running it", true, false, run_plan},
      {"calibrate", "search parameters of every basin or gauge alone, then score the test period", true, false, run_calibrate, true, true},
      {"regionalize", "parameters of ungauged basins: transfer functions, donors, one set for all", true, false,
       run_regionalize, true, true},
      {"surrogate", "learn the parameters of an external program through a network trained on its runs", true, false,
       run_surrogate, true, true},
      {"simulate", "run HBV, parameters from a table: FORCING.csv PARAMETERS.csv OUTPUT.csv", false, true, run_simulate},
      {"synth", "make a twin domain from a seed: network, parameters, inflow, observations", true, false, run_synth, false,
       true},
      {"verify", "compare forward and adjoint with reference files (JSON)", false, true, run_verify},
      {"experiment", "run the steps of a list, each of them a run of another verb; finished steps are kept", true, false,
       run_experiment, true, false, "experiment"},
  };
  return table;
}

}  // namespace dpl
