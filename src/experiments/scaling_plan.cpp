// From a partition and measured costs to seconds and bytes, for each number of ranks.
#include "dpl/experiments/scaling_plan.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <unordered_set>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/coupling/routing_solver.hpp"
#include "dpl/experiments/basin_plan.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/learning/parameter_ranges.hpp"
#include "dpl/parallel/gradient_reducer.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {
namespace {

// Collective calls of an update besides those that carry data: the stop signal, failures of the window, of the
// network's gradient and of the run folder.
constexpr double kSmallReductions = 4;

double heap_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// What all rows are made from.
struct Planner {
  const Problem& problem;
  const PlannedForest& forest;
  const Calibration& calibration;
  double replicated_bytes;                // of the problem and the forest
  std::vector<std::size_t> weight_sizes;  // of each tensor of the parameter network
  std::size_t activations = 0;            // numbers kept for each reach until its gradient is taken
  bool gpu = false;

  PlanRow row(Index ranks) const;

 private:
  Partition cut(PlanRow& row) const;
  void route(PlanRow& row, const Partition& partition) const;
  void learn(PlanRow& row) const;
  void redistribute(PlanRow& row, const Partition& partition) const;
  void reduce(PlanRow& row) const;
  void read(PlanRow& row) const;
  void hold(PlanRow& row, const Partition& partition) const;
  template <class Real>
  void hold_router(PlanRow& row, const Partition& partition, Index rank) const;
  template <class Real>
  void hold_gpu(PlanRow& row, const RankNetwork& own, const ReachProperties& properties) const;
  double value_bytes() const { return problem.config.precision == "double" ? 8 : 4; }
  Index fullest_rank(const Partition& partition) const;
};

Partition Planner::cut(PlanRow& row) const {
  const auto ranks = static_cast<Index>(row.ranks);
  const double before = heap_bytes();
  auto partition =
      make_partition(forest.topology, forest.weight, ranks, pieces_per_rank(problem.config, forest.reaches, ranks));
  row.replicated = replicated_bytes + heap_bytes() - before;
  row.imbalance = partition.imbalance;
  row.depth = partition.depth();
  row.pieces = static_cast<double>(partition.owner.size());
  row.cut_edges = static_cast<double>(partition.cut_reach.size());
  return partition;
}

void Planner::route(PlanRow& row, const Partition& partition) const {
  const auto shape = pipeline_shape(forest.topology, partition, forest.weight);
  const bool is_cut = partition.owner.size() > 1;
  const auto cost = calibration.routing_of(shape.mean_work, is_cut);
  PipelineCosts costs;
  costs.latency_s = calibration.latency_s;
  costs.further_message_s = calibration.further_message_s;
  costs.byte_s = calibration.byte_s;
  costs.value_bytes = value_bytes();
  costs.supersteps = choose_supersteps(partition.load, forest.steps(), problem.config.routing.chunk_steps);
  for (double step_s : {cost.forward_s, cost.adjoint_s}) {
    costs.step_s = step_s;
    const auto seconds = play_pipeline(shape, costs);
    row.compute += seconds.compute;
    row.imbalance_s += seconds.imbalance;
    row.fill += seconds.fill;
    row.latency += seconds.latency;
    row.bytes += seconds.bytes;
  }
  row.cells = shape.largest_work;
  for (Index r = 0; r < shape.load.ranks; ++r)
    row.neighbours =
        std::max(row.neighbours, static_cast<double>(shape.neighbour_start[r + 1] - shape.neighbour_start[r]));
}

// Whole blocks: where there are fewer blocks than ranks some ranks have none.
void Planner::learn(PlanRow& row) const {
  const double block_s = calibration.network_reach_s * problem.blocks.block_size;
  const double blocks = problem.blocks.blocks(), fullest = std::ceil(blocks / row.ranks);
  row.compute += block_s * blocks / row.ranks;
  row.imbalance_s += block_s * (fullest - blocks / row.ranks);
  double weights = 0;
  for (std::size_t size : weight_sizes) weights += static_cast<double>(size);
  // Inputs, what autograd keeps, theta and its gradient in double; the gradients of all blocks until they are added.
  row.network = fullest * problem.blocks.block_size *
                    (static_cast<double>(activations) * value_bytes() + 6 * 8 * kReachParameters) +
                fullest * weights * 8;
}

// Parameters go from blocks to pieces and their gradients back, to as many ranks as hold blocks of a rank's reaches.
void Planner::redistribute(PlanRow& row, const Partition& partition) const {
  const Index rank = fullest_rank(partition);
  BlockDistribution blocks = problem.blocks;
  blocks.ranks = static_cast<int>(row.ranks);
  std::unordered_set<int> partners;
  double elsewhere = 0, own = 0;
  for (std::size_t k = 0; k < partition.piece.size(); ++k) {
    if (partition.owner[partition.piece[k]] != rank) continue;
    const int holder = blocks.owner_of_block(forest.reaches.active[k] / blocks.block_size);
    ++own;
    if (holder == rank) continue;
    ++elsewhere;
    partners.insert(holder);
  }
  row.compute += calibration.transfer_reach_s * own;
  if (partners.empty()) return;
  const double further = static_cast<double>(partners.size() - 1);
  row.latency += 2 * (calibration.latency_s + further * calibration.further_message_s);
  row.bytes += 2 * elsewhere * kReachParameters * 8 * calibration.byte_s;
}

// A reduction over all ranks: as many messages one after another as the number of ranks has binary digits, and its
// bytes twice (first parts are added, then gathered: Rabenseifner 2004, "Optimization of collective reduction
// operations").
void Planner::reduce(PlanRow& row) const {
  const double stages = std::ceil(std::log2(row.ranks));
  const double share = 2 * (row.ranks - 1) / row.ranks;
  const auto reduction = [&](double bytes) {
    return stages * calibration.latency_s + share * bytes * calibration.byte_s;
  };
  const double intervals = static_cast<double>(problem.config.experiment.rho_days) *
                           std::max(1.0, 86400.0 / static_cast<double>(problem.observations->time.step_s));
  row.reduce = reduction(static_cast<double>(problem.observations->size()) * intervals * 8);
  // Exact sums, bucket by bucket: largest magnitudes, numbers of blocks, the integers.
  for (const auto [first, end] : GradientReducer::buckets(weight_sizes)) {
    double values = 0;
    for (std::size_t t = first; t < end; ++t) values += static_cast<double>(weight_sizes[t]);
    const auto tensors = static_cast<double>(end - first);
    row.reduce += reduction(16 * tensors) + reduction(8 * tensors) + reduction(values * 8);
  }
  row.reduce += kSmallReductions * reduction(8);
}

// A period that is kept in memory is read once; of a longer one every window is read anew, two of them held.
void Planner::read(PlanRow& row) const {
  const RunConfig& config = problem.config;
  const auto rows = inflow_rows(problem, config.experiment.period, "the training period (experiment)");
  const auto period_rows = static_cast<double>(rows.end - rows.first),
             window_rows = static_cast<double>(forest.window_rows);
  const double row_bytes = row.cells * value_bytes();
  const bool kept = row_bytes * period_rows <= config.memory.input_gib * (1 << 30);
  const double updates = static_cast<double>(config.experiment.epochs) * config.experiment.updates;
  const double values = problem.network.size() * (kept ? period_rows / updates : window_rows);
  row.input = std::max(values / row.ranks * calibration.read_value_s, values * 4 / (config.plan.read_GBs * 1e9));
  // As rows of blocks while it is read, and as rows of pieces.
  row.inflow = kept ? (row_bytes + problem.network.size() / row.ranks * value_bytes()) * period_rows
                    : 2 * row_bytes * window_rows;
}

Index Planner::fullest_rank(const Partition& partition) const {
  std::vector<double> load(partition.ranks, 0.0);
  for (std::size_t k = 0; k < partition.piece.size(); ++k)
    load[partition.owner[partition.piece[k]]] += forest.weight[k];
  return static_cast<Index>(std::max_element(load.begin(), load.end()) - load.begin());
}

// The emulated device has the arrays of a GPU.
template <class Real>
void Planner::hold_gpu(PlanRow& row, const RankNetwork& own, const ReachProperties& properties) const {
  RoutingOptions options = routing_options(problem.config, forest.step_s);
  options.device = Device::emulated;
  NoBoundary<Real> boundary;
  const Router<Real> router(own, properties, options, boundary);
  row.gpu_window = static_cast<double>(
      router.device_bytes(forest.steps(), forest.hold, static_cast<Index>(problem.observations->size()), true));
  const double reach_steps = row.cells * static_cast<double>(forest.steps());
  row.gpu_reach_step = row.gpu_window / reach_steps;
  const PlanConfig& plan = problem.config.plan;
  row.gpu_windows = std::floor(std::max(0.0, plan.gpu_memory_gib * (1 << 30) - kGpuContextBytes - row.network) / row.gpu_window);
  const double passed = 2 * row.cells * static_cast<double>(forest.window_rows) * value_bytes() +
                        2 * static_cast<double>(router.tape_bytes(forest.steps()));
  row.gpu_seconds = passed / (plan.gpu_bandwidth_TBs * 1e12);
}

template <class Real>
void Planner::hold_router(PlanRow& row, const Partition& partition, Index rank) const {
  const double before = heap_bytes();
  const auto own = without_cut_edges(make_rank_network(forest.topology, partition, rank));
  ReachProperties properties;
  for (Index k : own.reach) {
    properties.length_m.push_back(1000);
    properties.slope.push_back(1e-3);
    properties.sub_reaches.push_back(forest.sub_reaches[k]);
  }
  NoBoundary<Real> boundary;
  const auto router =
      make_window_router<Real>("pipeline", Communicator(MPI_COMM_SELF), own, properties,
                               routing_options(problem.config, forest.step_s), boundary);
  row.routing = heap_bytes() - before;
  row.tape = static_cast<double>(router->tape_bytes(forest.steps()));
  if (gpu) hold_gpu<Real>(row, own, properties);
}

void Planner::hold(PlanRow& row, const Partition& partition) const {
  const Index rank = fullest_rank(partition);
  if (value_bytes() == 8)
    hold_router<double>(row, partition, rank);
  else
    hold_router<float>(row, partition, rank);
  row.program = calibration.program_bytes;
}

PlanRow Planner::row(Index ranks) const {
  PlanRow row;
  row.ranks = ranks;
  const Partition partition = cut(row);
  route(row, partition);
  learn(row);
  redistribute(row, partition);
  reduce(row);
  read(row);
  hold(row, partition);
  row.seconds = std::max(row.compute + row.wait() + row.exchange() + row.reduce, row.input);
  return row;
}

void count_weights(Planner& planner) {
  const RunConfig& config = planner.problem.config;
  const auto learned = learned_parameters(config);
  const auto inputs = config.network.input_var_names.size();
  const auto network = make_parameter_network(config.network, static_cast<std::int64_t>(inputs),
                                              std::vector<double>(learned.size(), 0.0), config.precision, config.seed);
  for (const auto& w : network->weights()) planner.weight_sizes.push_back(static_cast<std::size_t>(w.tensor.numel()));
  // A hidden layer keeps its sum and its activation; a spline layer also the basis of each of its inputs.
  const auto hidden = static_cast<std::size_t>(config.network.hidden_size),
             layers = static_cast<std::size_t>(config.network.num_hidden_layers);
  const std::size_t basis =
      config.network.kind == "kan" ? static_cast<std::size_t>(config.network.grid + config.network.spline_order) : 0;
  planner.activations = inputs + layers * hidden * (2 + basis) + 4 * learned.size();
}

// **Collective:** each rank plans for every comm.size()-th number of ranks.
std::vector<PlanRow> plan_rows(const Communicator& comm, const Planner& planner, const std::vector<Index>& ranks) {
  static_assert(std::is_trivially_copyable_v<PlanRow> && sizeof(PlanRow) % sizeof(double) == 0);
  std::vector<PlanRow> rows(ranks.size());
  const std::span all(reinterpret_cast<double*>(rows.data()), rows.size() * sizeof(PlanRow) / sizeof(double));
  std::fill(all.begin(), all.end(), 0.0);
  agree(comm, "plan", [&] {
    for (std::size_t k = 0; k < ranks.size(); ++k)
      if (static_cast<int>(k) % comm.size() == comm.rank()) rows[k] = planner.row(ranks[k]);
  });
  comm.gather_owned(all);
  return rows;
}

void refuse_what_is_not_planned(const RunConfig& config, const std::string& path) {
  if (!config.experiment.period.given())
    fail(
        "{}: experiment.start_time and experiment.end_time are not set; a plan is made for a training, which needs a "
        "period",
        path);
  if (config.routing.solver != "pipeline")
    fail("config: routing.solver is {}; plan predicts the pipeline, set routing.solver: pipeline",
         config.routing.solver);
  if (config.routing.scheme == "muskingum")
    fail(
        "config: routing.scheme is muskingum, which has nothing to learn; plan predicts trainings, choose another "
        "scheme");
}

Calibration calibration_of(const VerbContext& context, const Problem& problem, const PlannedForest& forest,
                           const std::vector<Index>& ranks, double program_bytes) {
  const std::string& path = context.config.plan.calibration;
  if (path.empty()) return measure_calibration(problem, forest, ranks, program_bytes);
  std::string text;
  agree_on_root(context.comm, "plan.calibration", [&] {
    std::ifstream in(path);
    std::ostringstream all;
    if (!(all << in.rdbuf())) fail("config: plan.calibration is {}, which cannot be read; give a plan.json", path);
    text = all.str();
  });
  text = context.comm.broadcast(text);
  Calibration c;
  agree(context.comm, "plan.calibration", [&] { c = read_calibration(text, path); });
  if (c.made_for != calibration_subject(problem.config))
    log_warning("{} was measured for: {}; this plan is for: {}", path, c.made_for, calibration_subject(problem.config));
  return c;
}

}  // namespace

const char* limit_of(const PlanRow& row) {
  if (row.input > row.compute + row.wait() + row.exchange() + row.reduce) return "input";
  const std::pair<double, const char*> parts[] = {{row.compute, "compute"},     {row.imbalance_s, "imbalance"},
                                                  {row.fill, "pipeline depth"}, {row.latency, "latency"},
                                                  {row.bytes, "bandwidth"},     {row.reduce, "reduce"}};
  return std::max_element(std::begin(parts), std::end(parts),
                          [](const auto& a, const auto& b) { return a.first < b.first; })
      ->second;
}

std::vector<Index> planned_ranks(const PlanConfig& config) {
  std::vector<Index> ranks;
  const auto refuse = [](const std::string& item) {
    fail("config: plan.ranks holds '{}'; it must be whole numbers from 1 to {}, ascending, as [1, 2, 64]", item,
         1 << 20);
  };
  for (const auto& text : config.ranks) {
    std::istringstream items(text);  // 1,2,64 in a command line is one text
    for (std::string item; std::getline(items, item, ',');) {
      Index value = 0;
      const auto begin = std::min(item.find_first_not_of(' '), item.size());
      const auto [end, problem] = std::from_chars(item.data() + begin, item.data() + item.size(), value);
      if (problem != std::errc() || end != item.data() + item.size() || value < 1 || value > 1 << 20) refuse(item);
      if (!ranks.empty() && value <= ranks.back()) refuse(item);
      ranks.push_back(value);
    }
  }
  if (ranks.empty())
    for (Index r = 1; r <= config.largest; r *= 2) ranks.push_back(r);
  return ranks;
}

int run_plan(const VerbContext& context) {
  if (is_basin_run(context.config)) return run_basin_plan(context);
  RunConfig config = context.config;
  const Communicator& comm = context.comm;
  const bool gpu = config.device == "cuda";
  config.device = "cpu";  // measured here, where no GPU need be
  refuse_what_is_not_planned(config, context.config_path);
  const auto ranks = planned_ranks(config.plan);
  RunFolder::check_creatable(comm, config.output.folder, config.name);
  const double program_bytes = resident_bytes(), heap = heap_bytes();
  const Problem problem = load_problem(comm, config, config.experiment.gauges, false);
  const PlannedForest forest = planned_forest(problem);
  const double replicated = heap_bytes() - heap;
  if (context.validate_only) {
    log_info("a plan of {} would be made for {} numbers of ranks up to {}", config.data_sources.network, ranks.size(),
             ranks.back());
    return 0;
  }
  if (config.experiment.batch_size > 0 && config.experiment.batch_size < problem.observations->size())
    log_warning("updates of {} of {} gauges route fewer pieces than this plan counts", config.experiment.batch_size,
                problem.observations->size());
  ScalingPlan plan{config.data_sources.network,
                   problem.network.size(),
                   static_cast<Count>(forest.topology.size()),
                   problem.observations->size(),
                   forest.steps(),
                   config.experiment.rho_days,
                   forest.cells(),
                   {},
                   config.plan.calibration,
                   {},
                   0,
                   0};
  plan.calibration = calibration_of(context, problem, forest, ranks, program_bytes);
  Planner planner{problem, forest, plan.calibration, replicated, {}, 0, gpu};
  plan.gpu_memory_gib = config.plan.gpu_memory_gib;
  plan.gpu_bandwidth_TBs = config.plan.gpu_bandwidth_TBs;
  count_weights(planner);
  plan.rows = plan_rows(comm, planner, ranks);
  for (const auto& line : plan_table(plan)) log_info("{}", line);
  auto folder = RunFolder::create(comm, config.output.folder, config.name);
  folder.write_text(comm, "config.yaml", resolved_yaml(config));
  folder.write_text(comm, "plan.csv", plan_csv(plan));
  folder.write_text(comm, "plan.json", plan_json(plan));
  log_info("run folder: {}", folder.path());
  return 0;
}

}  // namespace dpl
