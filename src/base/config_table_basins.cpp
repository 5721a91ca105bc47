// Rows of the table of keys: runs over basins.
#include "config_rows.hpp"

namespace dpl::config_rows {

Keys runoff_keys() {
  return {
      {"runoff.variant", [](C& c) { return &c.runoff.variant; }, "", one_of({"1.0", "1.1p", "2.0"}), "Variant of HBV."},
      {"runoff.nmul", [](C& c) { return &c.runoff.nmul; }, "", from(0, 1000),
       "Parallel components of a basin; 0: 16, in variant 2.0 4."},
      {"runoff.dynamic", [](C& c) { return &c.runoff.dynamic; }, "", one_of({"BETA", "K0", "BETAET"}),
       "Parameters with one value a day: BETA, BETAET in variant 1.0; BETA, K0, BETAET in the others."},
      {"runoff.pet", [](C& c) { return &c.runoff.pet; }, "", one_of({"given", "hargreaves", "oudin"}),
       "Potential evapotranspiration: potential_evapotranspiration of the forcing, or an equation on temperature."},
      {"runoff.unit_hydrograph", [](C& c) { return &c.runoff.unit_hydrograph; }, "", anything(),
       "Spread runoff over 15 days by a learned unit hydrograph."},
      {"runoff.hydrograph_b", [](C& c) { return &c.runoff.hydrograph_b; }, "d", above(0, 6.5),
       "Upper end of the range of the unit hydrograph's b; about 1 where rivers are routed, whose travel time it would "
       "count again (docs/joint.md)."},
      {"runoff.precipitation_factor", [](C& c) { return &c.runoff.precipitation_factor; }, "", from(0, 10),
       "Two numbers, the range of a learned factor of precipitation (HBV's PCORR) of every component, as [0.5, 1.5]: gauges catch too "
       "little, most of all of snow; empty: precipitation is taken as it is given."},
      {"runoff.gradient_through_warmup", [](C& c) { return &c.runoff.gradient_through_warmup; }, "", anything(),
       "Whether gradients pass through the warm-up of a window."},
      {"runoff.component_spread", [](C& c) { return &c.runoff.component_spread; }, "", from(0, 10),
       "Standard deviation between the components of the network's first outputs, before the sigmoid."},
      {"runoff.warmup.days", [](C& c) { return &c.runoff.warmup.days; }, "d", from(0, 1e5),
       "Days before a scored period that are run first; those before the record are its first days, repeated."},
      {"runoff.warmup.repeat", [](C& c) { return &c.runoff.warmup.repeat; }, "", from(1, 100),
       "Multiplies them."},
      {"basins.train", [](C& c) { return &c.basins.train; }, "", path(),
       "List of basins to train on, one id a line; empty: all of the forcing."},
      {"basins.test", [](C& c) { return &c.basins.test; }, "", path(),
       "List of basins to score; empty: those trained on."},
      {"basins.holdout", [](C& c) { return &c.basins.holdout; }, "", path(),
       "List of basins that are scored and never trained on; none of them may stand in basins.train."},
      {"basins.pub", [](C& c) { return &c.basins.pub; }, "", from(0, 1e6),
       "train: prediction in ungauged basins, that many random folds, each held out in turn and scored; 0: none."},
      {"basins.pur", [](C& c) { return &c.basins.pur; }, "", path(),
       "train: prediction in ungauged regions, lists of basins, each held out in turn and scored."},
      {"basins.fold_seeds", [](C& c) { return &c.basins.fold_seeds; }, "", from(1, 1e4),
       "pub, pur: trainings of a fold, with seed, seed + 1, ..."},
  };
}

Keys calibration_keys() {
  return {
      {"calibration.method", [](C& c) { return &c.calibration.method; }, "", one_of({"sce_ua", "gradient"}),
       "How a place is searched; gradient: basins only, by Adam through the model's adjoint."},
      {"calibration.complexes", [](C& c) { return &c.calibration.complexes; }, "", from(1, 1000),
       "Complexes of a search; each has 2n+1 points for n parameters."},
      {"calibration.evaluations", [](C& c) { return &c.calibration.evaluations; }, "", from(1, 1e9),
       "sce_ua: model runs of a basin or gauge; at least complexes (2n+1)."},
      {"calibration.objective", [](C& c) { return &c.calibration.objective; }, "", one_of({"nse", "kge", "rmse"}),
       "What is made best over the training period."},
      {"calibration.stop_loops", [](C& c) { return &c.calibration.stop_loops; }, "", from(1, 1e6),
       "A search ends when over so many shuffles ..."},
      {"calibration.stop_change", [](C& c) { return &c.calibration.stop_change; }, "", from(0, 1),
       "... its best value fell by no more than this share of its size; 0: never."},
      {"calibration.stop_range", [](C& c) { return &c.calibration.stop_range; }, "", from(0, 1),
       "A search ends when its points fill less than this share of the ranges (geometric mean); 0: never."},
      {"calibration.starts", [](C& c) { return &c.calibration.starts; }, "", from(1, 1000),
       "gradient: descents of a basin, each from its own random start; the best iterate of all is kept."},
      {"calibration.steps", [](C& c) { return &c.calibration.steps; }, "", from(1, 1e6),
       "gradient: steps of a descent, each one forward run and one adjoint; one more forward run ends it."},
      {"calibration.rate", [](C& c) { return &c.calibration.rate; }, "", above(0),
       "gradient: learning rate, of the parameters before the sigmoid that maps them to their ranges."},
      {"calibration.decay_to", [](C& c) { return &c.calibration.decay_to; }, "", from(0, 1),
       "gradient: share of the rate that the last step has (cosine); 1: no decay."},
      {"calibration.start_spread", [](C& c) { return &c.calibration.start_spread; }, "", from(0, 10),
       "gradient: deviation of the starts about the middle of the ranges, before the sigmoid."},
  };
}

Keys scaling_keys() {
  return {
      {"scaling.fractions", [](C& c) { return &c.scaling.fractions; }, "", above(0, 1),
       "Shares of the basins that may be trained on; subsets of a seed are nested."},
      {"scaling.seeds", [](C& c) { return &c.scaling.seeds; }, "", from(1, 1e4),
       "Trainings of a fraction, with seed, seed + 1, ...; each draws its own subsets."},
      {"scaling.out_of_sample", [](C& c) { return &c.scaling.out_of_sample; }, "", from(0, 0.9),
       "Share of the basins, drawn by seed, that no training sees and all are scored on."},
      {"scaling.budget", [](C& c) { return &c.scaling.budget; }, "",
       one_of({"updates", "place_days", "runs_per_place"}),
       "What is the same in all trainings: the updates of section experiment, or the place-days or the forward runs per "
       "place that these are for fraction 1."},
  };
}

Keys regionalize_keys() {
  return {
      {"regionalize.methods",
       [](C& c) { return &c.regionalize.methods; },
       "",
       one_of({"transfer_sce_ua", "nearest_attributes", "nearest_map", "uniform"}),
       "What is compared; []: all that the configuration gives what they need."},
      {"regionalize.donors", [](C& c) { return &c.regionalize.donors; }, "", path(),
       "nearest_attributes, nearest_map: run folder of a calibration of the same model over the same days."},
      {"regionalize.neighbours", [](C& c) { return &c.regionalize.neighbours; }, "", from(1, 1000),
       "Donors of a basin."},
      {"regionalize.average", [](C& c) { return &c.regionalize.average; }, "",
       one_of({"series", "parameters"}),
       "What is averaged over several donors: their simulated series, or (one component only) their parameters."},
      {"regionalize.leave_one_out", [](C& c) { return &c.regionalize.leave_one_out; }, "", {},
       "nearest_attributes, nearest_map: every basin of basins.train as if it were ungauged, all others are donors."},
      {"regionalize.largest_intercept", [](C& c) { return &c.regionalize.largest_intercept; }, "",
       above(0, 100),
       "transfer_sce_ua: intercepts are searched between minus this and this; a parameter is its sigmoid's share of "
       "its range."},
      {"regionalize.largest_slope", [](C& c) { return &c.regionalize.largest_slope; }, "",
       above(0, 100),
       "transfer_sce_ua: the same for the coefficients of standardised attributes."},
  };
}

Keys surrogate_keys() {
  return {
      {"surrogate.command", [](C& c) { return &c.surrogate.command; }, "", path(),
       "External program with its arguments, started without a shell; {forcing}, {parameters}, {output} become paths of "
       "CSV files, {place} the place's id.", "surrogate"},
      {"surrogate.parameters", [](C& c) { return &c.surrogate.parameters; }, "", {},
       "Parameters of the program in the order of their columns.", "surrogate"},
      {"surrogate.runs_per_place", [](C& c) { return &c.surrogate.runs_per_place; }, "", from(2, 1e6),
       "Runs of each place over the whole ranges, before the first round."},
      {"surrogate.runs_near", [](C& c) { return &c.surrogate.runs_near; }, "", from(1, 1e6),
       "Runs of each place that a round adds around what it learned, the learned parameters first."},
      {"surrogate.near_spread", [](C& c) { return &c.surrogate.near_spread; }, "", above(0, 1),
       "Their standard deviation, as a share of the range."},
      {"surrogate.rounds", [](C& c) { return &c.surrogate.rounds; }, "", from(1, 100),
       "Rounds of training the surrogate, learning through it, running the program with what was learned."},
      {"surrogate.holdout_places", [](C& c) { return &c.surrogate.holdout_places; }, "", from(0, 0.9),
       "Share of the places whose runs never train the surrogate, drawn by seed: its skill at other places."},
      {"surrogate.holdout_runs", [](C& c) { return &c.surrogate.holdout_runs; }, "", from(0, 0.9),
       "Share of the first runs of the other places that never train it: its skill for other parameters."},
      {"surrogate.attributes", [](C& c) { return &c.surrogate.attributes; }, "", {},
       "The surrogate reads network.input_var_names beside forcing and parameters."},
      {"surrogate.hidden_size", [](C& c) { return &c.surrogate.hidden_size; }, "", from(1, 1e4),
       "Units of its LSTM."},
      {"surrogate.updates", [](C& c) { return &c.surrogate.updates; }, "", from(1, 1e9),
       "Updates of its training in the first round; windows are experiment.rho days with experiment.warmup."},
      {"surrogate.updates_again", [](C& c) { return &c.surrogate.updates_again; }, "", from(0, 1e9),
       "Updates in each later round."},
      {"surrogate.runs_per_update", [](C& c) { return &c.surrogate.runs_per_update; }, "", from(1, 1e4),
       "Runs of each place in an update, each with a window of its own."},
      {"surrogate.learning_rate", [](C& c) { return &c.surrogate.learning_rate; }, "", above(0, 10),
       "Largest learning rate of its training."},
      {"surrogate.yardstick", [](C& c) { return &c.surrogate.yardstick; }, "",
       one_of({"none", "hbv"}),
       "hbv: the program is the own HBV (dpl_hpc simulate); its adjoint is held against the surrogate's slopes."},
      {"surrogate.output.column", [](C& c) { return &c.surrogate.output_column; }, "", {.empty = false},
       "Column of the program's output that holds the runoff in mm/day."},
  };
}

}  // namespace dpl::config_rows
