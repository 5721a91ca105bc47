// The verb `plan`: what a training would take on other numbers of ranks, without running it.
#pragma once

#include <string>
#include <vector>

#include "dpl/experiments/plan_calibration.hpp"
#include "dpl/experiments/verb.hpp"

namespace dpl {

/// Of a GPU's memory, for CUDA and its libraries, about.
inline constexpr Count kGpuContextBytes = Count{512} << 20;

/// The plan for one number of ranks; doubles only, so that rows travel between ranks as they are.
struct PlanRow {
  double ranks = 1;
  double cells = 0;      ///< sub-reaches of the rank that holds most
  double imbalance = 0;  ///< largest load / mean - 1
  double depth = 0, pieces = 0, cut_edges = 0;
  double neighbours = 0;  ///< most ranks that one exchanges discharge with
  // Seconds of an update.
  double compute = 0;             ///< routing forward and adjoint, parameter network: a rank with the mean load
  double imbalance_s = 0;         ///< more on the fullest rank
  double fill = 0;                ///< waiting for the pipeline of pieces
  double latency = 0, bytes = 0;  ///< messages over cut edges, parameters and their gradients
  double reduce = 0;              ///< discharge at gauges and weight gradient over all ranks
  double input = 0;    ///< reading inflow while the update before it computes; a period kept in memory: its part
  double seconds = 0;  ///< an update: the sum without input, or input where that is longer
  // Bytes of the fullest rank.
  double replicated = 0;  ///< network, observations, partition: the same on every rank
  double routing = 0;     ///< arrays of the router that do not grow with the window
  double tape = 0, inflow = 0, network = 0, program = 0;
  // With device: cuda, of the fullest rank's GPU; 0: no GPU is planned.
  double gpu_window = 0;   ///< bytes that a window takes there, with its tape
  double gpu_windows = 0;  ///< windows that its memory holds at once
  double gpu_reach_step = 0;  ///< bytes of gpu_window for each reach and step
  double gpu_seconds = 0;  ///< a window forward and back at least: its inflow twice and its tape twice through the memory

  double exchange() const { return latency + bytes; }
  double wait() const { return imbalance_s + fill; }
  double memory() const { return replicated + routing + tape + inflow + network + program; }
};

/// The largest part of an update: compute, imbalance, pipeline depth, latency, bandwidth, reduce or input.
const char* limit_of(const PlanRow& row);

/// plan.ranks, or 1, 2, 4, ... plan.largest. Throws Error for what is no ascending list of whole numbers from 1.
std::vector<Index> planned_ranks(const PlanConfig& config);

/// A plan as a table for the terminal, plan.csv and plan.json.
struct ScalingPlan {
  std::string network;  ///< path
  Count reaches = 0, active = 0, gauges = 0, steps = 0, window_days = 0;
  double cells = 0;
  Calibration calibration;
  std::string calibration_from;  ///< path; empty: measured here
  std::vector<PlanRow> rows;
  double gpu_memory_gib = 0, gpu_bandwidth_TBs = 0;
};
std::vector<std::string> plan_table(const ScalingPlan& plan);
std::string plan_csv(const ScalingPlan& plan);
std::string plan_json(const ScalingPlan& plan);

/// **Collective.** Calibrates, plans for each number of ranks, prints the table and writes it into a run folder.
/// Returns the exit status.
int run_plan(const VerbContext& context);

}  // namespace dpl
