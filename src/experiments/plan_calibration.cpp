// Times the program's own routing, parameter network, redistribution and reading on parts of the problem.
#include "dpl/experiments/plan_calibration.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/random.hpp"
#include "dpl/coupling/routing_solver.hpp"
#include "dpl/experiments/message_timing.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/training/network_blocks.hpp"

namespace dpl {
namespace {

constexpr std::size_t kSizes = 5;   // of ranks' networks that are measured at most
constexpr Index kRanksOfSize = 4;   // ranks of a partition that are measured at most
constexpr Count kLeastSteps = 240;  // of a measured window

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of this thread: a plan is for ranks with a core each, so what other programs take of this machine's cores is left
// out.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Body>
double seconds_of(double (*clock)(), Body body) {
  const double begin = clock();
  body();
  return clock() - begin;
}

// The least of calls that fill `enough` seconds: what disturbs a measurement makes it longer. The first call, which
// makes memory, is not counted.
template <class Body>
double steady_seconds(double enough, Body body) {
  body();
  double least = std::numeric_limits<double>::infinity();
  for (double all = 0; all < enough;) {
    const double seconds = seconds_of(processor_seconds, body);
    least = std::min(least, seconds);
    all += seconds;
  }
  return least;
}

double random_value(Index item, std::uint32_t draw = 0) {
  return random_uniform({1, Purpose::test, 0, static_cast<std::uint64_t>(item)}, draw);
}

// One rank's network with inflow and parameters of the usual size, routed forward and back.
template <class Real>
class TimedRank {
 public:
  TimedRank(const Problem& problem, const PlannedForest& forest, const Partition& partition, Index rank)
      : network_(without_cut_edges(make_rank_network(forest.topology, partition, rank))) {
    for (Index k : network_.reach) {
      const Index r = forest.reaches.active[k];
      // Properties of the rows that this rank holds stand for those of all.
      const RiverNetwork& rivers = problem.network;
      properties_.length_m.push_back(rivers.rows() > 0 ? rivers.length_m[r % rivers.rows()] : 1000);
      properties_.slope.push_back(rivers.rows() > 0 ? rivers.slope[r % rivers.rows()] : 1e-3);
      properties_.sub_reaches.push_back(forest.sub_reaches[k]);
      cells_ += forest.sub_reaches[k];
      const auto& start = problem.config.params.defaults;
      parameters_.a.push_back(static_cast<Real>(start.at("n")));
      parameters_.b.push_back(static_cast<Real>(start.at("p")));
      parameters_.c.push_back(static_cast<Real>(start.at("q")));
    }
    router_ =
        make_window_router<Real>("pipeline", self_, network_, properties_,
                                 routing_options(problem.config, forest.step_s), boundary_);
  }

  double cells() const { return cells_; }
  /// What a window takes beside the router's own arrays.
  double bytes(Count rows, Index hold) const {
    return static_cast<double>(router_->tape_bytes(rows * hold)) +
           static_cast<double>(network_.size()) * static_cast<double>(rows) * sizeof(Real);
  }

  /// Adds to `cost` the least seconds of windows that fill `enough` seconds (at least two and a first that is not
  /// counted), and to `work` the sub-reaches times steps of one.
  void run(Count rows, Index hold, double enough, RoutingCost& cost, double& work) {
    inflow_.resize(static_cast<std::size_t>(network_.size()) * rows);
    for (std::size_t k = 0; k < inflow_.size(); ++k) inflow_[k] = static_cast<Real>(0.1 + 1e-3 * (k % 997));
    const Count steps = rows * hold;
    std::vector<Index> probes{network_.size() - 1};
    std::vector<Real> discharge(router_->output_rows(steps)), seed(discharge.size(), Real(1));
    double least_forward = std::numeric_limits<double>::infinity(), least_adjoint = least_forward, all = 0;
    for (int window = 0; window < 3 || all < enough; ++window) {
      const double forward = seconds_of(processor_seconds, [&] {
        router_->forward(parameters_, {inflow_.data(), rows, hold}, steps, {}, probes, discharge, true);
      });
      const double adjoint = seconds_of(processor_seconds, [&] { router_->adjoint(seed, gradient_, {}); });
      all += forward + adjoint;
      if (window == 0) continue;
      least_forward = std::min(least_forward, forward);
      least_adjoint = std::min(least_adjoint, adjoint);
    }
    cost.forward_s += least_forward;
    cost.adjoint_s += least_adjoint;
    work += cells_ * static_cast<double>(steps);
  }

 private:
  Communicator self_{MPI_COMM_SELF};
  RankNetwork network_;
  ReachProperties properties_;
  ReachParameters<Real> parameters_, gradient_;
  NoBoundary<Real> boundary_;
  std::unique_ptr<WindowRouter<Real>> router_;
  std::vector<Real> inflow_;
  double cells_ = 0;
};

// Memory that is free or can be made free [bytes]; no limit where the system does not tell.
double available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  for (double kib = 0; meminfo >> name >> kib; meminfo.ignore(256, '\n'))
    if (name == "MemAvailable:") return kib * 1024;
  return std::numeric_limits<double>::infinity();
}

// Rows of at least ten days of hours, and of the whole window where that fits into the time.
Count rows_in_time(const PlannedForest& forest, double cells, double step_s, double seconds) {
  const Count least = (kLeastSteps + forest.hold - 1) / forest.hold;
  const auto affordable = static_cast<Count>(seconds / (cells * step_s * static_cast<double>(forest.hold)));
  return std::min(forest.window_rows, std::max(least, affordable / least * least));
}

// Every measured size gets its share of the time, three windows at least. Without a rank that has reaches and whose
// window fits into a third of the memory there is no cost: forward_s is 0.
template <class Real>
RoutingCost routing_cost(const Problem& problem, const PlannedForest& forest, Index ranks, double seconds,
                         double expected) {
  const auto partition =
      make_partition(forest.topology, forest.weight, ranks, pieces_per_rank(problem.config, forest.reaches, ranks));
  RoutingCost cost{0, partition.owner.size() > 1, ranks, 0, 0, 0};
  const Index samples = std::min(ranks, kRanksOfSize);
  double work = 0, spent = 0;
  for (Index taken = 0; taken < samples && spent < seconds; ++taken) {
    const Index rank = static_cast<Index>((Count{taken} * ranks / samples + problem.comm.rank()) % ranks);
    TimedRank<Real> timed(problem, forest, partition, rank);
    if (timed.cells() == 0) continue;
    const Count rows = rows_in_time(forest, timed.cells(), expected, seconds / 3);
    if (timed.bytes(rows, forest.hold) > available_bytes() / (3 * problem.comm.size())) break;
    spent += seconds_of(wall_seconds, [&] { timed.run(rows, forest.hold, seconds / samples, cost, work); });
    cost.steps = rows * forest.hold;
  }
  cost.cells = forest.cells() / ranks;
  if (work == 0) return cost;
  cost.forward_s /= work;
  cost.adjoint_s /= work;
  return cost;
}

// The sizes to measure: the ends, the second smallest number of ranks, and others evenly between.
std::vector<Index> measured_ranks(const std::vector<Index>& ranks, double cells) {
  std::vector<Index> useful;
  for (Index r : ranks)
    if (r <= cells) useful.push_back(r);
  if (useful.empty()) useful.push_back(1);
  if (useful.size() <= kSizes) return useful;
  std::vector<Index> chosen{useful[0], useful[1]};
  for (std::size_t k = 1; k + 1 < kSizes; ++k) chosen.push_back(useful[1 + (useful.size() - 2) * k / (kSizes - 2)]);
  return chosen;
}

// From small networks to large ones: the rate of one tells what the next, larger one would take; those of which three
// windows would take twice all the time are left to the largest one measured.
template <class Real>
std::vector<RoutingCost> measure_routing(const Problem& problem, const PlannedForest& forest,
                                         const std::vector<Index>& ranks) {
  const double all_s = problem.config.plan.seconds;
  auto sizes = measured_ranks(ranks, forest.cells());
  std::vector<RoutingCost> costs;
  double step_s = 2e-8;  // of a sub-reach forward and back: a careful guess for the first size
  for (auto r = sizes.rbegin(); r != sizes.rend(); ++r) {
    const Count steps = std::min<Count>(kLeastSteps, forest.steps());
    const double window_s = forest.cells() / *r * static_cast<double>(steps) * step_s;
    if (!costs.empty() && 3 * window_s > 2 * all_s) break;
    costs.push_back(routing_cost<Real>(problem, forest, *r, all_s / static_cast<double>(sizes.size()), step_s));
    if (costs.back().forward_s > 0) step_s = costs.back().forward_s + costs.back().adjoint_s;
  }
  return costs;
}

// Blocks of random inputs through a network of the configured shape, forward and backward.
double network_reach_seconds(const Problem& problem) {
  const auto& config = problem.config;
  const auto learned = learned_parameters(config);
  if (learned.empty()) return 0;
  std::vector<double> start;
  for (const auto& p : learned) start.push_back(p.start_output());
  const auto inputs = static_cast<std::int64_t>(config.network.input_var_names.size());
  const auto network = make_parameter_network(config.network, inputs, start, config.precision, config.seed);
  constexpr Index kBlocks = 32;
  const Communicator self(MPI_COMM_SELF);
  const Index reaches = std::min(problem.network.size(), kBlocks * problem.blocks.block_size);
  const BlockDistribution blocks{reaches, problem.blocks.block_size, 0, 1};
  std::vector<double> values(static_cast<std::size_t>(reaches) * inputs);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = 2 * random_value(static_cast<Index>(k)) - 1;
  NetworkBlocks timed(self, blocks, values, inputs, std::vector<std::uint8_t>(reaches, 1),
                      config.precision == "double");
  const std::vector<double> gradient(static_cast<std::size_t>(reaches) * learned.size(), 1e-3);
  return steady_seconds(0.1,
                        [&] {
                          timed.evaluate(*network, learned, true);
                          timed.backward(*network, gradient);
                        }) /
         reaches;
}

// Parameters to the pieces and gradients back, where blocks and pieces lie on the same rank.
double transfer_reach_seconds(const PlannedForest& forest, const Problem& problem) {
  const Communicator self(MPI_COMM_SELF);
  const Index reaches = std::min<Index>(forest.topology.size(), 1 << 17);
  const BlockDistribution blocks{reaches, problem.blocks.block_size, 0, 1};
  std::vector<Index> order(reaches);
  std::iota(order.begin(), order.end(), 0);
  const Redistribution redistribution(self, blocks, order);
  std::vector<double> at_blocks(static_cast<std::size_t>(reaches) * kReachParameters, 1.0), at_pieces(at_blocks);
  return steady_seconds(0.05,
                        [&] {
                          redistribution.to_pieces<double>(at_blocks, at_pieces, kReachParameters);
                          redistribution.to_blocks<double>(at_pieces, at_blocks, kReachParameters);
                        }) /
         reaches;
}

// **Collective:** reads rows as a run does: unpacking and checking, on one core. Opening the file and finding the
// reaches is not counted, nor is waiting for disks (plan.read_GBs).
double read_value_seconds(const Problem& problem, const PlannedForest& forest) {
  constexpr double kValues = 1 << 23;  // of a rank
  const Index first = problem.blocks.first_reach(), end = problem.blocks.end_reach();
  const double widest = problem.comm.max(static_cast<double>(end - first));
  const Count rows = std::clamp<Count>(static_cast<Count>(kValues / widest), 1, forest.window_rows);
  const auto read = [&](Count count) {
    return seconds_of(processor_seconds, [&] {
      read_lateral_inflow<float>(problem.comm, problem.inflow, problem.network, first, end, 0, count);
    });
  };
  read(0);
  return std::max(0.0, read(rows) - read(0)) / (widest * static_cast<double>(rows));
}

void take_messages(const Problem& problem, Calibration& c) {
  const auto& plan = problem.config.plan;
  const MessageTiming measured = time_messages(problem.comm);
  c.messages_measured = measured.measured;
  c.latency_s = plan.latency_us > 0 ? plan.latency_us * 1e-6 : measured.latency_s;
  c.byte_s = plan.bandwidth_GBs > 0 ? 1e-9 / plan.bandwidth_GBs : measured.byte_s;
  c.further_message_s = std::min(measured.further_message_s, c.latency_s);
}

}  // namespace

double PlannedForest::cells() const { return std::accumulate(weight.begin(), weight.end(), 0.0); }

PlannedForest planned_forest(const Problem& problem) {
  PlannedForest f;
  const RunConfig& config = problem.config;
  f.reaches = reaches_above(problem.network, problem.observations->reach);
  f.topology = active_topology(problem.network, f.reaches.active);
  const auto counts = sub_reach_counts(problem.comm, problem.network, config);
  for (Index r : f.reaches.active) {
    f.sub_reaches.push_back(counts[r]);
    f.weight.push_back(counts[r]);
  }
  f.step_s = config.routing.dt_s / config.routing.substeps;
  f.hold = routing_steps_per_row(problem.inflow, f.step_s);
  const auto rows = inflow_rows(problem, config.experiment.period, "the training period (experiment)");
  f.window_rows = (rows.end - rows.first) / config.experiment.period.days() * config.experiment.rho_days;
  if (config.experiment.rho_days > config.experiment.period.days())
    fail("config: experiment.rho is {} days, longer than the training period of {} days", config.experiment.rho_days,
         config.experiment.period.days());
  return f;
}

RankNetwork without_cut_edges(RankNetwork network) {
  RankNetwork whole = network;
  whole.upstream.clear();
  whole.upstream_start.assign(1, 0);
  for (Index r = 0; r < network.size(); ++r) {
    for (Index k = network.upstream_start[r]; k < network.upstream_start[r + 1]; ++k)
      if (network.upstream[k] >= 0) whole.upstream.push_back(network.upstream[k]);
    whole.upstream_start.push_back(static_cast<Index>(whole.upstream.size()));
  }
  whole.ghosts.clear();
  whole.cut_out.clear();
  whole.cut_out_level.clear();
  return whole;
}

RoutingCost Calibration::routing_of(double cells, bool cut) const {
  std::vector<RoutingCost> fitting;
  std::copy_if(routing.begin(), routing.end(), std::back_inserter(fitting),
               [&](const auto& c) { return c.cut == cut; });
  if (fitting.empty()) fitting = routing;
  const auto above = std::find_if(fitting.begin(), fitting.end(), [&](const auto& c) { return c.cells >= cells; });
  if (above == fitting.begin()) return fitting.front();
  if (above == fitting.end()) return fitting.back();
  const auto& low = *(above - 1);
  const double share = std::log(cells / low.cells) / std::log(above->cells / low.cells);
  RoutingCost cost = low;
  cost.cells = cells;
  cost.forward_s += share * (above->forward_s - low.forward_s);
  cost.adjoint_s += share * (above->adjoint_s - low.adjoint_s);
  return cost;
}

std::string calibration_subject(const RunConfig& config) {
  return fmt::format("{}, {} precision, {} {} x {}", config.routing.scheme, config.precision, config.network.kind,
                     config.network.num_hidden_layers, config.network.hidden_size);
}

Calibration measure_calibration(const Problem& problem, const PlannedForest& forest, const std::vector<Index>& ranks,
                                double program_bytes) {
  const Communicator& comm = problem.comm;
  Calibration c;
  agree(comm, "measuring routing", [&] {
    c.routing = problem.config.precision == "double" ? measure_routing<double>(problem, forest, ranks)
                                                     : measure_routing<float>(problem, forest, ranks);
  });
  // How many sizes were measured follows from each rank's own times: all keep what all have.
  const auto sizes = static_cast<std::size_t>(-comm.max(-static_cast<std::int64_t>(c.routing.size())));
  c.routing.resize(sizes);
  for (auto& cost : c.routing) {
    const bool somewhere_not = comm.any(cost.forward_s == 0);
    cost.forward_s = somewhere_not ? 0.0 : comm.max(cost.forward_s);
    cost.adjoint_s = comm.max(cost.adjoint_s);
  }
  std::erase_if(c.routing, [](const auto& cost) { return cost.forward_s == 0; });
  if (c.routing.empty())
    fail(
        "plan: no rank's part of the network could be routed for measuring; the memory of this machine is too small, "
        "or "
        "plan.ranks holds only more ranks than reaches");
  std::sort(c.routing.begin(), c.routing.end(), [](const auto& a, const auto& b) { return a.cells < b.cells; });
  agree(comm, "measuring the parameter network", [&] {
    c.network_reach_s = network_reach_seconds(problem);
    c.transfer_reach_s = transfer_reach_seconds(forest, problem);
  });
  c.read_value_s = read_value_seconds(problem, forest);
  for (double* seconds : {&c.network_reach_s, &c.transfer_reach_s, &c.read_value_s}) *seconds = comm.max(*seconds);
  take_messages(problem, c);
  c.program_bytes = comm.max(program_bytes);
  c.measured_on = comm.size();
  c.made_for = calibration_subject(problem.config);
  return c;
}

}  // namespace dpl
