// The whole configuration of a run as plain structs; read, checked and documented by base/config.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "dpl/base/basin_config.hpp"
#include "dpl/base/surrogate_config.hpp"
#include "dpl/base/types.hpp"

namespace dpl {

/// Lower and upper bound of a learned parameter.
struct Range {
  double low = 0;
  double high = 1;
};

/// The day of a date that the configuration does not give.
inline constexpr Count kNoDay = std::numeric_limits<Count>::min();

/// A calendar day. Days are counted from 1970-01-01 (proleptic Gregorian).
struct Date {
  Count day = kNoDay;
};

/// First and last day, both included. Without days where it was not given.
struct Period {
  Date start;
  Date end;
  Count days() const { return end.day == kNoDay ? 0 : end.day - start.day + 1; }
  bool given() const { return days() > 0; }
};

struct DataSources {
  std::string network;
  std::string attributes;
  std::string lateral_inflow;
  std::string observations;
  std::string forcing;
  std::string reach_attributes;
};

struct SplitConfig {
  std::string method = "none";    ///< none | max_length | courant
  double max_length_m = 5000;     ///< method max_length
  double flow_m3s_per_km2 = 0.1;  ///< method courant: specific flow at which the Courant number is near 1
};

struct RoutingConfig {
  std::string scheme = "conservative";
  std::string solver = "pipeline";    ///< pipeline | krylov
  double dt_s = 3600;
  Index substeps = 1;
  SplitConfig split;
  double slope_min = 0;               ///< 0: slopes are taken as they lie, zero is refused
  double q_min_m3s = 1e-4;            ///< floor of the literature schemes
  double x = 0.3;                     ///< X of the schemes with a constant X
  bool floor_hot_start = true;        ///< lateral inflow is raised to q_min in the hot start too
  bool published_epsilons = true;     ///< q + 1e-6 and p sqrt(S) + 1e-8 in the literature schemes
  std::string readout = "own";        ///< own | inflow
  std::string initial_state = "hot";  ///< hot | zero | path of a state file
  Index chunk_steps = 0;              ///< steps per message across cut edges; 0 = chosen
  Index pieces_per_rank = 0;          ///< 0 = chosen
};

struct ParamsConfig {
  std::map<std::string, Range> ranges{{"n", {0.015, 0.25}}, {"p", {1, 200}}, {"q", {0, 1}}};
  std::vector<std::string> log_space{"p"};
  std::map<std::string, double> defaults{{"n", 0.05}, {"p", 21}, {"q", 0.5}};
  double tau_h = 0;    ///< hours by which daily means start after midnight of the run's clock
  std::string source;  ///< route/evaluate: checkpoint folder, parameters.nc, or empty = defaults
  std::vector<std::string> ensemble;  ///< basins: run folders or checkpoints whose series are averaged
  double k_s = 9000;   ///< muskingum, where the network file has no muskingum_k
  double x = 0.25;     ///< muskingum, where the network file has no muskingum_x
};

/// Learning rates over the updates, beside the rates by epoch.
struct ScheduleConfig {
  Index warmup_updates = 0;  ///< the rate rises linearly over these
  double decay_to = 1;       ///< cosine from the end of the warm-up to this share at the last update; 1 = none
};

struct TrainConfig {
  Period period;
  bool set = false;  ///< the period is given
  Index rho_days = 90;
  Index warmup_days = 5;
  Index batch_size = 0;  ///< gauges per window; 0 = all
  Index windows = 1;     ///< windows per update, each with its own start and gauges
  Index epochs = 1;
  Index updates = 300;                               ///< optimizer steps per epoch
  double epoch_coverage = 0;                         ///< basins: share of an epoch that gives its updates; 0 = updates
  std::map<Index, double> learning_rate{{1, 1e-2}};  ///< from this epoch on
  double clip = 1;                                   ///< largest gradient norm; 0 = no clipping
  std::string optimizer = "adam";                    ///< adam | adamw | adadelta
  double weight_decay = 0.01;                        ///< adamw
  double channel_rate = 1;                           ///< joint runs: rate of the channel network's weights over the others'
  Index routing_warmup_days = 30;                    ///< joint runs: last days of the warm-up, which are routed too
  double dynamic_rate = 1;                           ///< rate of the weights of dynamic parameters over the others'
  ScheduleConfig schedule;
  std::string loss = "l1";                           ///< rmse | rmse_log | nse_batch | nse_huber | kge | l1
  double huber_threshold = 1;                        ///< nse_huber, in standard deviations (+ 0.1)
  std::vector<std::string> gauges;                   ///< ids to train on; empty = all of the observations file
  TargetsConfig targets;
};

/// A period between updates that chooses the best weights and ends a training; runs over basins.
struct ValidationConfig {
  Period period;
  Index every = 100;   ///< updates between two looks
  Index patience = 0;  ///< looks without a better one after which the training ends; 0 = never
};

struct NetworkConfig {
  std::string kind = "mlp";  ///< mlp | kan | transfer | lstm | two_headed
  Index hidden_size = 64;
  Index num_hidden_layers = 2;
  Index grid = 5;            ///< kan: intervals on [-1, 1]
  Index spline_order = 3;    ///< kan
  double output_gain = 0.1;  ///< scale of the last layer's initial weights
  Index lstm_size = 64;      ///< lstm, two_headed: hidden units
  double forget_bias = 3;    ///< lstm, two_headed: first bias of the forget gates
  double dropout = 0;        ///< share of hidden units left out of an update
  double replace_dynamic = 0;        ///< share of places whose dynamic parameter keeps its static value in an update
  std::string products = "single";   ///< lstm, two_headed: single | tf32 | bf16, factors of the LSTM's products
  std::vector<std::string> input_var_names;
  /// lstm, two_headed: channels of the history, variables of the forcing and two names of their own
  std::vector<std::string> history_var_names{"precipitation", "temperature_mean", "potential_evapotranspiration"};
  Index history_days = 0;  ///< lstm: days before the scored ones that are read instead of the window's own; 0 = those
  std::map<std::string, std::vector<std::string>> transfer;  ///< transfer: predictors of a parameter, by its name
  std::string start_from;            ///< checkpoint whose weights of the same names are taken at the start
  std::vector<std::string> learnable_parameters{"n", "p", "q"};
};

struct TestConfig {
  Period period;
  bool set = false;  ///< the period is given
  /// all (the two of the lateral inflow only, from 1e9 training reach-steps on) | names; empty = none
  std::vector<std::string> baselines{"all"};
  std::vector<std::string> gauges;  ///< ids to score; empty = all of the observations file
};

struct OutputConfig {
  std::string folder = "output";
  std::string discharge = "gauges";  ///< none | gauges | all
  std::vector<std::string> reaches;  ///< further reach ids whose discharge is written
  double interval_h = 24;            ///< length of the means written to discharge.nc
  std::string state;                 ///< route/evaluate: write the final state to this file
  std::vector<std::string> runoff;   ///< series beside streamflow that an evaluation of basins writes
};

struct ParallelConfig {
  Index replicas = 1;  ///< groups of ranks, each with the whole domain and its share of an update's windows
  Index ranks_per_training = 1;  ///< of a series of trainings in one job
  bool share_gpus = false;       ///< more ranks than GPUs on a node
  Index task = 0, tasks = 1;     ///< of a series over several jobs: this one's number from 1; 0 = the only job
};

struct CheckpointConfig {
  Index every = 50;  ///< updates; 0 = only at the end
};

struct MemoryConfig {
  double input_gib = 2;  ///< lateral inflow of a period a rank keeps; a longer period is read window by window
  double tape_gib = 4;     ///< GiB of states kept for the adjoint; beyond it they are kept less often and made again
  Index window_days = 0;  ///< evaluate, route: days routed at a time; 0 = chosen
};

struct SynthConfig {
  std::string network = "basin";  ///< basin | continental | places
  Index reaches = 250;
  Index places = 24;           ///< basins of a twin of places
  Index gauges = 8;
  std::string start = "2000-01-01";
  Index days = 730;
  double noise = 0.05;         ///< relative standard deviation of the observation error
  std::string truth = "area";  ///< area: n = 0.0915 A^-0.131; attributes: n smooth in half of the attributes
  Index attributes = 10;
  double inflow_step_h = 1;
  double observation_step_h = 24;
};

struct PlanConfig {
  std::vector<std::string> ranks;  ///< numbers of ranks; empty = 1, 2, 4, ... largest
  Index largest = 4096;
  double seconds = 2;              ///< time for measuring routing on this machine
  std::string calibration;         ///< plan.json of another plan, whose measurements are taken
  double latency_us = 0;           ///< of a message; 0 = measured, 2 where there is one rank
  double bandwidth_GBs = 0;        ///< of a rank's messages; 0 = measured, 1 where there is one rank
  double read_GBs = 1;             ///< what the file system gives all ranks together
  double gpu_memory_gib = 79;      ///< of a GPU, with device cuda: an H100's
  double gpu_bandwidth_TBs = 3.35;
};

/// Place by place: basins, or gauges of a river.
struct CalibrationConfig {
  std::string method = "sce_ua";  ///< sce_ua | gradient (basins)
  Index complexes = 5;
  Index evaluations = 10000;      ///< of a basin
  std::string objective = "nse";  ///< nse | kge | rmse
  Index stop_loops = 10;
  double stop_change = 1e-4;      ///< 0 = never
  double stop_range = 1e-6;       ///< 0 = never
  Index starts = 4;               ///< gradient: descents of a basin
  Index steps = 200;              ///< gradient: of a descent, each a forward run and an adjoint
  double rate = 0.1;              ///< gradient: Adam's, before the sigmoid
  double decay_to = 0.03;         ///< gradient: cosine to this share of the rate at the last step
  double start_spread = 1;        ///< gradient: deviation of the starts about the middle of the ranges, before the sigmoid
};

struct RunConfig {
  std::string name = "run";
  std::uint64_t seed = 42;
  std::string device = "cpu";        ///< auto | cpu | cuda; runs see what auto took
  std::string precision = "single";  ///< single | double
  DataSources data_sources;
  RoutingConfig routing;
  ParamsConfig params;
  TrainConfig experiment;
  NetworkConfig network;
  NetworkConfig channel_network;
  TestConfig test;
  OutputConfig output;
  CheckpointConfig checkpoint;
  ParallelConfig parallel;
  SynthConfig synth;
  MemoryConfig memory;
  PlanConfig plan;
  RunoffConfig runoff;
  BasinsConfig basins;
  ScalingConfig scaling;
  ValidationConfig validation;
  CalibrationConfig calibration;
  RegionalizeConfig regionalize;
  SurrogateConfig surrogate;
  std::string resume;  ///< run folder to continue
};

/// Runoff and routing in one: the configuration names a forcing and a river network (docs/joint.md).
inline bool is_joint_run(const RunConfig& config) {
  return !config.data_sources.forcing.empty() && !config.data_sources.network.empty();
}

/// No routing: a gauge's discharge is the lateral inflow of all reaches at or above it in the same step.
inline bool is_summed(const RunConfig& config) { return config.routing.scheme == "summed"; }

/// Whether the routing scheme has parameters to learn.
inline bool has_channel_parameters(const RunConfig& config) {
  return !is_summed(config) && config.routing.scheme != "muskingum";
}

/// Runoff of basins instead of routing: the configuration names a forcing and no river network.
inline bool is_basin_run(const RunConfig& config) {
  return !config.data_sources.forcing.empty() && config.data_sources.network.empty();
}

}  // namespace dpl
