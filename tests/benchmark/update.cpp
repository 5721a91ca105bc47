// What an update is made of beside routing: messages over cut edges, the parameter network; and a whole update.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/experiments/synth.hpp"
#include "dpl/experiments/synth_continent.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/training/network_blocks.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl::bench {
namespace {

void count(benchmark::State& state, const char* what, double per_iteration) {
  state.counters[what] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

// One superstep of 128 steps over the cut edges of 64 pieces on one rank.
void exchange(benchmark::State& state) {
  constexpr Index kReaches = 20000, kPieces = 64, kSteps = 128;
  const Communicator self(MPI_COMM_SELF);
  const Continent continent = make_continent(1, kReaches);
  const auto network = make_rank_network(
      continent.topology, make_partition(continent.topology, std::vector<double>(kReaches, 1.0), 1, kPieces), 0);
  BoundaryExchange<float> exchange(self, network);
  std::vector<float> cuts(network.cut_out.size() * kSteps, 1.0f), ghosts(network.ghosts.size() * kSteps);
  for (auto _ : state) exchange.send_downstream(cuts, ghosts, kSteps);
  count(state, "bytes/s", static_cast<double>(cuts.size()) * sizeof(float));
  state.counters["edges"] = static_cast<double>(network.cut_out.size());
}

// Two hidden layers of 64 on ten attributes, forward and backward, in blocks.
void network_block(benchmark::State& state, const char* kind) {
  constexpr Index kReaches = 16384;
  constexpr std::int64_t kInputs = 10;
  const RunConfig config = parse_config(fmt::format("network: {{kind: {}, hidden_size: 64, num_hidden_layers: 2}}", kind),
                                        "benchmark");
  const Communicator self(MPI_COMM_SELF);
  const auto learned = learned_parameters(config);
  std::vector<double> start;
  for (const auto& p : learned) start.push_back(p.start_output());
  const auto network = make_parameter_network(config.network, kInputs, start, "single", 1);
  const BlockDistribution blocks{kReaches, 256, 0, 1};
  std::vector<double> values(kReaches * kInputs);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<double>(k * 37 % 101) / 50 - 1;
  NetworkBlocks timed(self, blocks, values, kInputs, std::vector<std::uint8_t>(kReaches, 1), false);
  const std::vector<double> gradient(kReaches * learned.size(), 1e-3);
  for (auto _ : state) {
    timed.evaluate(*network, learned, true);
    timed.backward(*network, gradient);
  }
  count(state, "reaches/s", kReaches);
}

// A synthetic basin and a window of 90 days: parameter network, routing, loss, adjoint, exact sums.
void update(benchmark::State& state, Index reaches) {
  const Communicator self(MPI_COMM_SELF);
  const auto folder = (std::filesystem::temp_directory_path() / fmt::format("dpl_bench_{}", getpid())).string();
  const RunConfig config = parse_config(
      fmt::format("data_sources: {{network: {0}/network.nc, attributes: {0}/attributes.nc, lateral_inflow: "
                  "{0}/lateral_inflow.nc, observations: {0}/observations.nc}}\n"
                  "synth: {{network: continental, reaches: {1}, gauges: 8, start: 2000-01-01, days: 100, attributes: 4, "
                  "inflow_step_h: 24}}\n"
                  "experiment: {{start_time: 2000-01-01, end_time: 2000-04-09, rho: 90, warmup: 10}}\n"
                  "network: {{input_var_names: [log10_uparea], learnable_parameters: [n]}}\n",
                  folder, reaches),
      "benchmark");
  run_synth({self, config, "", false, {}, ""});
  const Problem problem = load_problem(self, config, {}, true);
  Trainer trainer(problem);
  std::vector<Index> gauges(problem.observations->size());
  std::iota(gauges.begin(), gauges.end(), 0);
  for (auto _ : state) trainer.gradient({config.experiment.period.start.day, gauges});
  count(state, "reach_steps/s", static_cast<double>(trainer.domain().reaches_wanted()) * 90 * 24);
  std::filesystem::remove_all(folder);
}

int add_all() {
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  add("exchange/64_pieces", exchange);
  for (const char* kind : {"mlp", "kan"})
    add(fmt::format("network_block/{}", kind), [=](benchmark::State& s) { network_block(s, kind); });
  for (Index reaches : {4000, 60000})
    add(fmt::format("update/{}", reaches), [=](benchmark::State& s) { update(s, reaches); });
  return 0;
}

[[maybe_unused]] const int added = add_all();

}  // namespace
}  // namespace dpl::bench
