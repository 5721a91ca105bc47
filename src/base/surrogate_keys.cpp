// The rows of the table of keys for the verb surrogate.
#include "dpl/base/config_table.hpp"

namespace dpl {

std::vector<ConfigKey> surrogate_keys() {
  using C = RunConfig;
  const auto from = [](double low, double high) { return Allowed{.low = low, .high = high}; };
  const auto above = [](double low, double high) { return Allowed{.low = low, .high = high, .low_excluded = true}; };
  return {
      {"surrogate.command", [](C& c) { return &c.surrogate.command; }, "", {.path = true},
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
       {.words = {"none", "hbv"}, .empty = false},
       "hbv: the program is the own HBV (dpl_hpc simulate); its adjoint is held against the surrogate's slopes."},
      {"surrogate.output.column", [](C& c) { return &c.surrogate.output_column; }, "", {.empty = false},
       "Column of the program's output that holds the runoff in mm/day."},
  };
}

}  // namespace dpl
