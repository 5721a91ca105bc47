// The rows of the table.
#include "dpl/base/config_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config_rows.hpp"

namespace dpl {
namespace {

using namespace config_rows;

Keys run_keys() {
  return {
      {"name", [](C& c) { return &c.name; }, "", some_text(),
       "Name of the run; its folder is output.folder/name/time."},
      {"seed", [](C& c) { return &c.seed; }, "", from(0), "Key of all random numbers."},
      {"device", [](C& c) { return &c.device; }, "", one_of({"auto", "cpu", "cuda"}),
       "Where runoff, routing and parameter networks run (docs/gpu.md): cpu, cuda (a GPU for each rank), or auto, which takes "
       "GPUs where every rank has one and says what it took."},
      {"precision", [](C& c) { return &c.precision; }, "", one_of({"single", "double"}), "Numbers of the routing."},
      {"resume", [](C& c) { return &c.resume; }, "", path(), "Folder of a run to continue from its newest checkpoint."},
  };
}

Keys source_keys() {
  return {
      {"data_sources.network", [](C& c) { return &c.data_sources.network; }, "", path(),
       "Reaches: ids, downstream ids, lengths, slopes.", "train evaluate route plan"},
      {"data_sources.attributes", [](C& c) { return &c.data_sources.attributes; }, "", path(),
       "Attributes of the catchments, inputs of the parameter network.", "train scaling"},
      {"data_sources.lateral_inflow", [](C& c) { return &c.data_sources.lateral_inflow; }, "", path(),
       "Lateral inflow q' of every reach.", "train evaluate route plan"},
      {"data_sources.observations", [](C& c) { return &c.data_sources.observations; }, "", path(),
       "Observed discharge at gauges.", "train evaluate plan scaling"},
      {"data_sources.forcing", [](C& c) { return &c.data_sources.forcing; }, "", path(),
       "Daily forcing of places; given without data_sources.network, the run is one over basins (docs/basins.md), with "
       "it one of runoff and routing together (docs/joint.md)."},
      {"data_sources.reach_attributes", [](C& c) { return &c.data_sources.reach_attributes; }, "", path(),
       "Runoff and routing: attributes of the reaches, inputs of channel_network."},
  };
}

Keys routing_keys() {
  return {
      {"routing.scheme", [](C& c) { return &c.routing.scheme; }, "",
       one_of({"conservative", "published", "exact_celerity", "corrected", "positive", "muskingum", "summed"}),
       "Routing scheme; summed: no routing, discharge is the lateral inflow of all reaches at or above in the same "
       "step."},
      {"routing.solver", [](C& c) { return &c.routing.solver; }, "", one_of({"pipeline", "krylov"}),
       "How a step is solved along the river: piece after piece, or as one distributed sparse system by PETSc (a "
       "check of the pipeline; needs precision double and device cpu)."},
      {"routing.dt_s", [](C& c) { return &c.routing.dt_s; }, "s", from(1, 86400), "Length of a routing step."},
      {"routing.substeps", [](C& c) { return &c.routing.substeps; }, "", from(1, 1000),
       "Equal parts a step is routed in; use together with splitting."},
      {"routing.slope_min", [](C& c) { return &c.routing.slope_min; }, "m/m", from(0, 1),
       "Lower slopes are raised to this; with 0 slopes stay as they are and a slope of zero is refused."},
      {"routing.q_min", [](C& c) { return &c.routing.q_min_m3s; }, "m3 s-1", from(0),
       "Floor of flow and lateral inflow in the literature schemes."},
      {"routing.x", [](C& c) { return &c.routing.x; }, "", from(0, 0.5), "X of the schemes with a constant X."},
      {"routing.published_epsilons", [](C& c) { return &c.routing.published_epsilons; }, "", anything(),
       "Add the published 1e-6 to q and 1e-8 to p sqrt(S) in the literature schemes."},
      {"routing.floor_hot_start", [](C& c) { return &c.routing.floor_hot_start; }, "", anything(),
       "Raise lateral inflow to q_min in the hot start of the literature schemes too; DDR does not."},
      {"routing.readout", [](C& c) { return &c.routing.readout; }, "", one_of({"own", "inflow"}),
       "A gauge reads the outflow of its own reach, or the sum of the inflows from upstream."},
      {"routing.initial_state", [](C& c) { return &c.routing.initial_state; }, "", path_or({"hot", "zero"}),
       "Start in balance with the first lateral inflow, from an empty river, or from a state file."},
      {"routing.chunk_steps", [](C& c) { return &c.routing.chunk_steps; }, "steps", from(0, 1e6),
       "Steps per message across cut edges; 0: chosen by the program. Never changes results."},
      {"routing.pieces_per_rank", [](C& c) { return &c.routing.pieces_per_rank; }, "", from(0, 1e6),
       "Subbasins per rank; 0: chosen by the program. Never changes results."},
      {"routing.split.method", [](C& c) { return &c.routing.split.method; }, "",
       one_of({"none", "max_length", "courant"}),
       "Split reaches into equal sub-reaches: not at all, by a longest length, or near Courant number 1."},
      {"routing.split.max_length_m", [](C& c) { return &c.routing.split.max_length_m; }, "m", above(0),
       "Longest sub-reach of max_length."},
      {"routing.split.flow_m3s_per_km2", [](C& c) { return &c.routing.split.flow_m3s_per_km2; }, "m3 s-1 km-2",
       above(0), "Specific flow at which courant aims at Courant number 1."},
  };
}

Keys parameter_keys() {
  return {
      {"params.log_space_parameters", [](C& c) { return &c.params.log_space; }, "", one_of({"n", "p", "q"}),
       "Parameters that are learned as logarithms."},
      {"params.tau", [](C& c) { return &c.params.tau_h; }, "h", from(-24, 24),
       "Daily means start this long after midnight of the run's clock; gauges with utc_offset_h have their own."},
      {"params.source", [](C& c) { return &c.params.source; }, "", path(),
       "evaluate, route: a checkpoint folder or a parameters.nc; empty: params.defaults."},
      {"params.ensemble", [](C& c) { return &c.params.ensemble; }, "", path(),
       "evaluate, basins: run folders or checkpoints; each and the mean of their simulated series are scored."},
      {"params.k", [](C& c) { return &c.params.k_s; }, "s", above(0),
       "muskingum: K where the network file has no muskingum_k."},
      {"params.x", [](C& c) { return &c.params.x; }, "", from(0, 0.5),
       "muskingum: X where the network file has no muskingum_x."},
      {"params.parameter_ranges.n", [](C& c) { return &c.params.ranges["n"]; }, "s m-1/3", above(0), "Manning's n."},
      {"params.parameter_ranges.p", [](C& c) { return &c.params.ranges["p"]; }, "", above(0),
       "p of the top width p d^q."},
      {"params.parameter_ranges.q", [](C& c) { return &c.params.ranges["q"]; }, "", from(0),
       "q of the top width p d^q."},
      {"params.defaults.n", [](C& c) { return &c.params.defaults["n"]; }, "s m-1/3", above(0),
       "n where learning starts, and where it is not learned."},
      {"params.defaults.p", [](C& c) { return &c.params.defaults["p"]; }, "", above(0), "The same for p."},
      {"params.defaults.q", [](C& c) { return &c.params.defaults["q"]; }, "", from(0), "The same for q."},
  };
}

Keys experiment_keys() {
  return {
      {"experiment.start_time", [](C& c) { return &c.experiment.period.start; }, "", anything(),
       "First day of the training period.", "train plan scaling"},
      {"experiment.end_time", [](C& c) { return &c.experiment.period.end; }, "", anything(),
       "Last day of the training period (included).", "train plan scaling"},
      {"experiment.rho", [](C& c) { return &c.experiment.rho_days; }, "d", from(1, 1e6), "Length of a window."},
      {"experiment.warmup", [](C& c) { return &c.experiment.warmup_days; }, "d", from(0, 1e6),
       "First days of a window, which are not scored; fewer than experiment.rho."},
      {"experiment.batch_size", [](C& c) { return &c.experiment.batch_size; }, "gauges", from(0, 1e9),
       "Gauges per window, or basins per update; 0: all."},
      {"experiment.windows", [](C& c) { return &c.experiment.windows; }, "", from(1, 1e6),
       "Windows per update, each with its own start and gauges; loss and gradient are means over them."},
      {"experiment.gauges", [](C& c) { return &c.experiment.gauges; }, "", some_text(),
       "Station ids to train on, zeros in front included; []: all of the observations file."},
      {"experiment.epochs", [](C& c) { return &c.experiment.epochs; }, "", from(1, 1e6), "Number of epochs."},
      {"experiment.updates", [](C& c) { return &c.experiment.updates; }, "", from(1, 1e6),
       "Optimizer steps per epoch, so a run has epochs times updates of them."},
      {"experiment.epoch_coverage", [](C& c) { return &c.experiment.epoch_coverage; }, "", from(0, 0.9999),
       "Basins: an epoch has the updates after which a day of a basin was drawn with this probability (0.99: the 99 % "
       "rule, docs/basins.md); 0: experiment.updates."},
      {"experiment.learning_rate", [](C& c) { return &c.experiment.learning_rate; }, "", above(0, 10),
       "Learning rate of the optimizer from an epoch on, as {epoch: rate}; epoch 1 must be there. A single number holds "
       "always."},
      {"experiment.clip", [](C& c) { return &c.experiment.clip; }, "", from(0),
       "Largest norm of the gradient; 0: no clipping."},
      {"experiment.optimizer", [](C& c) { return &c.experiment.optimizer; }, "",
       one_of({"adam", "adamw", "adadelta"}), "How a gradient changes the weights."},
      {"experiment.weight_decay", [](C& c) { return &c.experiment.weight_decay; }, "", from(0, 1),
       "adamw: decay of the weights, times the learning rate, in an update."},
      {"experiment.channel_rate", [](C& c) { return &c.experiment.channel_rate; }, "", above(0, 1000),
       "Runoff and routing: learning rate of the channel network, as a multiple of the others'."},
      {"experiment.routing_warmup", [](C& c) { return &c.experiment.routing_warmup_days; }, "d", from(0, 1e6),
       "Runoff and routing: last days of the warm-up of a window, and days before the test period, that are routed too."},
      {"experiment.dynamic_rate", [](C& c) { return &c.experiment.dynamic_rate; }, "", above(0, 1000),
       "Learning rate of the weights that give dynamic parameters, as a multiple of the others'."},
      {"experiment.loss", [](C& c) { return &c.experiment.loss; }, "",
       one_of({"rmse", "rmse_log", "nse_batch", "nse_huber", "kge", "l1"}), "Loss function."},
      {"experiment.huber_threshold", [](C& c) { return &c.experiment.huber_threshold; }, "", above(0, 1e6),
       "nse_huber: errors beyond so many standard deviations (+ 0.1) of the observations count linearly."},
      {"experiment.schedule.warmup_updates", [](C& c) { return &c.experiment.schedule.warmup_updates; }, "",
       from(0, 1e9), "First updates of a run, over which the learning rate rises linearly."},
      {"experiment.schedule.decay_to", [](C& c) { return &c.experiment.schedule.decay_to; }, "", from(0, 1),
       "Share of the learning rate at the last update, reached along a cosine; 1: no decay."},
      {"experiment.targets.streamflow", [](C& c) { return &c.experiment.targets.streamflow; }, "", from(0),
       "Basins: weight of streamflow in the loss; 0: no target."},
      {"experiment.targets.soil_moisture", [](C& c) { return &c.experiment.targets.soil_moisture; }, "", from(0),
       "Basins: weight of soil moisture in the loss; 0: no target."},
      {"experiment.targets.soil_moisture_loss", [](C& c) { return &c.experiment.targets.soil_moisture_loss; }, "",
       one_of({"rmse", "nse_batch", "nse_huber", "kge", "l1"}), "Loss function of soil moisture."},
      {"validation.start_time", [](C& c) { return &c.validation.period.start; }, "", anything(),
       "First day of the validation period."},
      {"validation.end_time", [](C& c) { return &c.validation.period.end; }, "", anything(),
       "Last day of the validation period (included)."},
      {"validation.every", [](C& c) { return &c.validation.every; }, "updates", from(1, 1e9),
       "Updates between two looks at the validation period."},
      {"validation.patience", [](C& c) { return &c.validation.patience; }, "", from(0, 1e9),
       "Looks without a better one after which the training ends; 0: never."},
  };
}

Keys network_keys() {
  return {
      {"network.kind", [](C& c) { return &c.network.kind; }, "", 
       one_of({"mlp", "kan", "transfer", "lstm", "two_headed"}),
       "Kind of the parameter network: mlp and kan read attributes. Runoff only: transfer is a linear function of the "
       "attributes that network.transfer names; lstm reads the history of the forcing too; "
       "two_headed is an mlp for static and an LSTM for dynamic parameters."},
      {"network.hidden_size", [](C& c) { return &c.network.hidden_size; }, "", from(1, 1e5),
       "Neurons of a hidden layer."},
      {"network.num_hidden_layers", [](C& c) { return &c.network.num_hidden_layers; }, "", from(1, 100),
       "Hidden layers."},
      {"network.grid", [](C& c) { return &c.network.grid; }, "", from(1, 1000),
       "kan: intervals of the splines on [-1, 1]."},
      {"network.spline_order", [](C& c) { return &c.network.spline_order; }, "", from(1, 5),
       "kan: order of the splines."},
      {"network.output_gain", [](C& c) { return &c.network.output_gain; }, "", from(0, 10),
       "Scale of the last layer's first weights; near zero, learning starts at params.defaults."},
      {"network.lstm_size", [](C& c) { return &c.network.lstm_size; }, "", from(1, 1e5),
       "lstm, two_headed: hidden units of the LSTM."},
      {"network.forget_bias", [](C& c) { return &c.network.forget_bias; }, "", from(-10, 10),
       "lstm, two_headed: first bias of the forget gates; 3 remembers about 20 days from the first update on, 0 two."},
      {"network.dropout", [](C& c) { return &c.network.dropout; }, "", from(0, 0.95),
       "Runoff: share of hidden units left out of an update, drawn anew for every place; not when scoring."},
      {"network.replace_dynamic", [](C& c) { return &c.network.replace_dynamic; }, "", from(0, 1),
       "Runoff: share of the places in which a dynamic parameter keeps its static value in an update; not when "
       "scoring."},
      {"network.products", [](C& c) { return &c.network.products; }, "", one_of({"single", "tf32", "bf16"}),
       "lstm, two_headed: factors of the LSTM's products; bf16 rounds them to 8 bits, adds in single precision, and "
       "needs a GPU or a processor with AVX-512 BF16; tf32 (GPU only, products of all networks) rounds them to 11 bits."},
      {"network.input_var_names", [](C& c) { return &c.network.input_var_names; }, "", some_text(),
       "Attributes the network reads.", "train plan scaling"},
      {"network.history_var_names", [](C& c) { return &c.network.history_var_names; }, "", some_text(),
       "lstm, two_headed: variables of the forcing that the LSTM reads day by day (potential_evapotranspiration is the "
       "one of runoff.pet), and observed_streamflow, that of the day before with its mask."},
      {"network.history_days", [](C& c) { return &c.network.history_days; }, "days", from(0, 36500),
       "lstm without dynamic parameters: it reads the so many days before the scored ones, and parameters inferred from this past "
       "are kept in the days that follow; 0: it reads the window itself."},
      {"network.transfer", [](C& c) { return &c.network.transfer; }, "", some_text(),
       "transfer: attributes that each parameter depends on, by its name; one that is not named is the same everywhere."},
      {"network.start_from", [](C& c) { return &c.network.start_from; }, "", path(),
       "Basins: checkpoint or run folder whose weights of the same names and shapes are taken at the start."},
      {"network.learnable_parameters", [](C& c) { return &c.network.learnable_parameters; }, "",
       one_of({"n", "p", "q"}), "Parameters the network gives, at least one; the others keep params.defaults."},
  };
}

Keys channel_network_keys() {
  return {
      {"channel_network.kind", [](C& c) { return &c.channel_network.kind; }, "", one_of({"mlp", "kan"}),
       "Kind of the network."},
      {"channel_network.hidden_size", [](C& c) { return &c.channel_network.hidden_size; }, "", from(1, 1e5),
       "Neurons of a hidden layer."},
      {"channel_network.num_hidden_layers", [](C& c) { return &c.channel_network.num_hidden_layers; }, "", from(1, 100),
       "Hidden layers."},
      {"channel_network.grid", [](C& c) { return &c.channel_network.grid; }, "", from(1, 1000),
       "kan: intervals of the splines on [-1, 1]."},
      {"channel_network.spline_order", [](C& c) { return &c.channel_network.spline_order; }, "", from(1, 5),
       "kan: order of the splines."},
      {"channel_network.output_gain", [](C& c) { return &c.channel_network.output_gain; }, "", from(0, 10),
       "Scale of the last layer's first weights; near zero, learning starts at params.defaults."},
      {"channel_network.input_var_names", [](C& c) { return &c.channel_network.input_var_names; }, "", some_text(),
       "Attributes of the reaches the network reads; []: channel parameters are not learned."},
      {"channel_network.learnable_parameters", [](C& c) { return &c.channel_network.learnable_parameters; }, "",
       one_of({"n", "p", "q"}), "Parameters the network gives, at least one; the others are given ones."},
  };
}

Keys test_keys() {
  return {
      {"test.start_time", [](C& c) { return &c.test.period.start; }, "", anything(), "First day of the test period.",
       "evaluate scaling"},
      {"test.end_time", [](C& c) { return &c.test.period.end; }, "", anything(),
       "Last day of the test period (included).", "evaluate scaling"},
      {"test.baselines", [](C& c) { return &c.test.baselines; }, "",
       one_of({"all", "untrained", "uniform", "summed_lateral_inflow", "delayed_lateral_inflow"}),
       "What the learned parameters are compared with; from 1e9 training reach-steps on, all means the two of the "
       "lateral "
       "inflow and the others must be named; []: nothing."},
      {"test.gauges", [](C& c) { return &c.test.gauges; }, "", some_text(),
       "Station ids to score, zeros in front included; []: all of the observations file."},
  };
}

Keys output_keys() {
  return {
      {"output.folder",
       [](C& c) { return &c.output.folder; },
       "",
       {.path = true, .empty = false},
       "Where run folders are made."},
      {"output.discharge", [](C& c) { return &c.output.discharge; }, "", one_of({"none", "gauges", "all"}),
       "Which reaches discharge.nc holds."},
      {"output.reaches", [](C& c) { return &c.output.reaches; }, "", some_text(),
       "Ids of further reaches whose discharge discharge.nc holds."},
      {"output.interval_h", [](C& c) { return &c.output.interval_h; }, "h", above(0, 8784),
       "Length of the means in discharge.nc."},
      {"output.state", [](C& c) { return &c.output.state; }, "", path(),
       "evaluate, route: write the last state to this file."},
      {"output.runoff", [](C& c) { return &c.output.runoff; }, "",
       one_of({"evapotranspiration", "soil_moisture", "soil_wetness", "snow_water", "recharge", "upper_zone_storage",
               "lower_zone_storage", "water_made"}),
       "Basins: series beside streamflow that runoff.nc holds."},
      {"checkpoint.every", [](C& c) { return &c.checkpoint.every; }, "updates", from(0, 1e9),
       "Updates between checkpoints; 0: only one at the end."},
  };
}

Keys parallel_keys() {
  return {
      {"parallel.replicas", [](C& c) { return &c.parallel.replicas; }, "", from(1, 1e6),
       "train: groups of ranks, each with the whole domain, that share the windows of an update; at most "
       "experiment.windows, and it divides the number of ranks. Never changes results."},
      {"parallel.ranks_per_training", [](C& c) { return &c.parallel.ranks_per_training; }, "", from(1, 1e6),
       "scaling, and train with basins.pub or basins.pur: ranks of one training; groups of them take trainings one after "
       "the other. Never changes results."},
      {"parallel.share_gpus", [](C& c) { return &c.parallel.share_gpus; }, "", anything(),
       "device cuda: a node may have more ranks than GPUs, which are then dealt in turn, and MPI adds gradients instead of "
       "NCCL. Never changes results."},
      {"parallel.task", [](C& c) { return &c.parallel.task; }, "", from(0, 1e6),
       "The same, spread over several jobs: the number of this one, from 1, which trains its share and writes no table; "
       "0: one job does all."},
      {"parallel.tasks", [](C& c) { return &c.parallel.tasks; }, "", from(1, 1e6), "Number of such jobs."},
  };
}

Keys memory_keys() {
  return {
      {"memory.input_gib", [](C& c) { return &c.memory.input_gib; }, "GiB", from(0, 1e6),
       "Lateral inflow of a period that a rank keeps in memory; where it needs more, each window's rows are read while "
       "the window before is computed. Never changes results."},
      {"memory.tape_gib", [](C& c) { return &c.memory.tape_gib; }, "GiB", from(0, 1e6),
       "States and series that a rank keeps of a window for the adjoint; where it needs more, states are kept less often "
       "and made again. 0: no limit. Never changes results."},
      {"memory.window_days", [](C& c) { return &c.memory.window_days; }, "d", from(0, 1e6),
       "evaluate, route: days that are routed (and written) at a time, with the state carried over; 0: chosen by the "
       "program, the whole period where it has at most 1.3e8 reach-steps. Never changes discharge or scores."},
  };
}

Keys synth_keys() {
  return {
      {"synth.network", [](C& c) { return &c.synth.network; }, "", one_of({"basin", "continental", "places", "joint"}),
       "One basin, or a continent of many trees, made by all ranks together, or places without a river "
       "(docs/basins.md), or places that drain into a basin's reaches (docs/joint.md)."},
      {"synth.places", [](C& c) { return &c.synth.places; }, "", from(2, 1e6), "places: number of them."},
      {"synth.reaches", [](C& c) { return &c.synth.reaches; }, "", from(2, 1e8), "Reaches of the twin."},
      {"synth.gauges", [](C& c) { return &c.synth.gauges; }, "", from(1, 1e6), "Gauges; one of them is at the (largest) outlet."},
      {"synth.start", [](C& c) { return &c.synth.start; }, "", some_text(), "First day."},
      {"synth.days", [](C& c) { return &c.synth.days; }, "d", from(2, 1e6), "Length of the record."},
      {"synth.noise", [](C& c) { return &c.synth.noise; }, "", from(0, 1),
       "Relative standard deviation of the error of an observation."},
      {"synth.truth", [](C& c) { return &c.synth.truth; }, "", one_of({"area", "attributes"}),
       "True n: 0.0915 A^-0.131 of the upstream area A in km2, or a smooth function of half of the attributes."},
      {"synth.attributes", [](C& c) { return &c.synth.attributes; }, "", from(1, 1000), "Number of attributes."},
      {"synth.inflow_step_h", [](C& c) { return &c.synth.inflow_step_h; }, "h", above(0, 24),
       "Step of the lateral inflow."},
      {"synth.observation_step_h", [](C& c) { return &c.synth.observation_step_h; }, "h", above(0, 24),
       "Step of the observations (means over it)."},
  };
}

Keys plan_keys() {
  return {
      {"plan.ranks", [](C& c) { return &c.plan.ranks; }, "", some_text(),
       "Numbers of ranks to plan for, ascending; []: 1, 2, 4, ... plan.largest."},
      {"plan.largest", [](C& c) { return &c.plan.largest; }, "ranks", from(1, 1 << 20), "Largest number of ranks."},
      {"plan.seconds", [](C& c) { return &c.plan.seconds; }, "s", above(0, 3600),
       "Time for measuring routing on this machine."},
      {"plan.calibration", [](C& c) { return &c.plan.calibration; }, "", path(),
       "plan.json of another plan: its measurements are taken instead of new ones."},
      {"plan.latency_us", [](C& c) { return &c.plan.latency_us; }, "us", from(0, 1e6),
       "Time of a small message; 0: measured between ranks 0 and 1, 2 where the plan runs on one rank."},
      {"plan.bandwidth_GBs", [](C& c) { return &c.plan.bandwidth_GBs; }, "GB/s", from(0, 1e6),
       "What a rank's messages get when all ranks of a node send; 0: measured between ranks 0 and 1, 1 where the plan "
       "runs on one rank."},
      {"plan.read_GBs", [](C& c) { return &c.plan.read_GBs; }, "GB/s", above(0, 1e6),
       "What the file system gives all ranks together."},
      {"plan.gpu_memory_gib", [](C& c) { return &c.plan.gpu_memory_gib; }, "GiB", above(0, 1e6),
       "device cuda: memory of a GPU (H100 80 GB: 79; H200: 139)."},
      {"plan.gpu_bandwidth_TBs", [](C& c) { return &c.plan.gpu_bandwidth_TBs; }, "TB/s", above(0, 1000),
       "device cuda: what a GPU's memory gives (H100 SXM: 3.35; H200: 4.8, by their data sheets)."},
  };
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const Keys table = [] {
    Keys all;
    for (const auto keys : {run_keys, source_keys, routing_keys, parameter_keys, experiment_keys, network_keys,
                            channel_network_keys, test_keys, output_keys, parallel_keys, memory_keys, synth_keys,
                            plan_keys, runoff_keys, scaling_keys, calibration_keys, regionalize_keys, surrogate_keys})
      for (auto& key : keys()) all.push_back(std::move(key));
    return all;
  }();
  return table;
}

const std::vector<ConfigShortcut>& config_shortcuts() {
  static const std::vector<ConfigShortcut> table{
      {"output", "output.folder"}, {"routing.split", "routing.split.method"}, {"baselines", "test.baselines"}};
  return table;
}

std::string config_section_help(const std::string& section) {
  static const std::map<std::string, std::string> table{
      {"data_sources", "Files in domain format 1."},
      {"routing", "The river."},
      {"routing.split", "Also `routing.split: METHOD`, for example `routing.split: none`."},
      {"params", "Parameters of the reaches."},
      {"params.parameter_ranges", "`[low, high]` of a learned parameter."},
      {"params.defaults", "Inside the parameter's range."},
      {"experiment", "Training."},
      {"network", "The parameter network."},
      {"channel_network", "Runoff and routing: the network that gives the channels' parameters (docs/joint.md)."},
      {"test", "Evaluation. `baselines` may also stand at the top level."},
      {"output", "Also `output: FOLDER`."},
      {"parallel", "How the ranks share the work."},
      {"synth", "The twin that `dpl_hpc synth` makes."},
      {"memory", "Limits of memory, of a rank."},
      {"runoff", "The runoff of basins (docs/basins.md)."},
      {"basins", "Which basins take part."},
      {"scaling", "Skill against the number of basins trained on, `dpl_hpc scaling`."},
      {"calibration", "`dpl_hpc calibrate`: place by place, basins (docs/basins.md) or gauges of a river (docs/learning.md)."},
      {"regionalize", "`dpl_hpc regionalize`: parameters of ungauged basins from those of others (docs/basins.md)."},
      {"surrogate", "`dpl_hpc surrogate`: learning through a model without gradients (docs/surrogate.md)."},
      {"surrogate.output", "What the program writes."},
      {"validation", "Chooses the best weights; empty: the last ones. Basins only."},
      {"plan", "What `dpl_hpc plan` predicts for, and what it takes a machine's network and disks to give."},
  };
  const auto found = table.find(section);
  return found == table.end() ? "" : found->second;
}

const ConfigKey* find_config_key(const std::string& key) {
  const auto& keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& k) { return k.key == key; });
  return found == keys.end() ? nullptr : &*found;
}

std::vector<std::string> config_names_below(const std::string& section) {
  const std::string prefix = section.empty() ? "" : section + ".";
  std::vector<std::string> names;
  for (const auto& key : config_keys()) {
    if (!key.key.starts_with(prefix)) continue;
    const auto name = key.key.substr(prefix.size(), key.key.find('.', prefix.size()) - prefix.size());
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

}  // namespace dpl
