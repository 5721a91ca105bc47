// Benchmark of routing in reach-steps per second: forward, forward and adjoint, and the arithmetic of a kernel alone.
#include <benchmark/benchmark.h>

#include "../support/forest_cases.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"
#include "dpl/physics/sweep_kernels.hpp"

namespace {

using namespace dpl;

// A tree of about `levels` levels: reach i drains into a reach of the level above.
Topology tree(Index reaches, Index levels) {
  std::vector<Index> downstream(reaches, -1);
  for (Index i = 1; i < reaches; ++i) {
    if (i < levels) {
      downstream[i] = i - 1;  // the main stem
      continue;
    }
    downstream[i] = static_cast<Index>(random_index({3, Purpose::test, 0, static_cast<std::uint64_t>(i)}, i));
    Index depth = 0;
    for (Index r = downstream[i]; r >= 0; r = downstream[r]) ++depth;
    if (depth >= levels) downstream[i] = static_cast<Index>(i % (levels - 1));
  }
  return test::topology_of(std::move(downstream));
}

class Run {
 public:
  Run(Index reaches, Index levels, Count steps, Scheme scheme) : steps_(steps) {
    const Topology topology = tree(reaches, levels);
    network_ = make_rank_network(topology, make_partition(topology, std::vector<double>(reaches, 1.0), 1), 0);
    RoutingOptions options;
    options.scheme = scheme;
    const bool muskingum = scheme == Scheme::muskingum;
    for (Index r = 0; r < reaches; ++r) {
      const auto draw = [&](int k) { return random_uniform({4, Purpose::test, 0, static_cast<std::uint64_t>(r)}, k); };
      properties_.length_m.push_back(500 + 8000 * draw(0));
      properties_.slope.push_back(1e-3 + 1e-2 * draw(1));
      properties_.sub_reaches.push_back(1);
      parameters_.a.push_back(static_cast<float>(muskingum ? 4000 + 9000 * draw(2) : 0.02 + 0.08 * draw(2)));
      parameters_.b.push_back(static_cast<float>(muskingum ? 0.3 : 5 + 30 * draw(3)));
      parameters_.c.push_back(static_cast<float>(draw(4)));
      for (Count t = 0; t < steps; ++t)
        inflow_.push_back(static_cast<float>(
            0.1 + random_uniform({5, Purpose::test, static_cast<std::uint64_t>(t), static_cast<std::uint64_t>(r)})));
    }
    router_ = std::make_unique<Router<float>>(network_, properties_, options, boundary_);
    discharge_.resize(router_->output_rows(steps));
    seed_.assign(discharge_.size(), 1.0f);
  }
  void forward(bool tape) {
    const Index outlet[] = {network_.size() - 1};
    router_->forward(parameters_, {inflow_.data(), steps_, 1}, steps_, {}, outlet, discharge_, tape);
  }
  void adjoint() { router_->adjoint(seed_, gradient_, {}); }

 private:
  Count steps_;
  RankNetwork network_;
  ReachProperties properties_;
  ReachParameters<float> parameters_, gradient_;
  std::vector<float> inflow_, discharge_, seed_;
  NoBoundary<float> boundary_;
  std::unique_ptr<Router<float>> router_;
};

void reach_steps(benchmark::State& state, double per_iteration) {
  state.counters["reach_steps/s"] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void route(benchmark::State& state, Scheme scheme, Index reaches, Index levels, Count steps, bool adjoint) {
  Run run(reaches, levels, steps, scheme);
  for (auto _ : state) {
    run.forward(adjoint);
    if (adjoint) run.adjoint();
  }
  reach_steps(state, static_cast<double>(reaches) * static_cast<double>(steps));
}

// One kernel over arrays that stay in the first-level cache.
struct Arithmetic {
  static constexpr Index kCells = 512;
  std::vector<std::vector<float>> arrays;
  float* next(float value) { return arrays.emplace_back(kCells, value).data(); }
  ConservativeCoefficients<float> cell() {
    const auto c = conservative_coefficients<double>(3000, 3e-3, 0.04, 20, 0.4);
    float* a[6];
    const double values[6] = {c.log2_depth, c.depth_exponent, c.log2_travel_time,
                              c.diffusion,  c.inverse_m,      c.smallest_storage};
    for (int k = 0; k < 6; ++k) a[k] = next(static_cast<float>(values[k]));
    return {a[0], a[1], a[2], a[3], a[4], a[5]};
  }
};

void conservative_forward_alone(benchmark::State& state) {
  Arithmetic m;
  const ConservativeForwardLoop<float> loop{m.cell(), m.next(5), m.next(1), m.next(30000), m.next(0), 3600};
  for (auto _ : state) {
    sweep_kernels<float>(Device::cpu).conservative_forward(loop, 0, Arithmetic::kCells);
    benchmark::ClobberMemory();
  }
  reach_steps(state, Arithmetic::kCells);
}

void conservative_adjoint_alone(benchmark::State& state) {
  Arithmetic m;
  const ConservativeAdjointLoop<float> loop{m.cell(),  m.next(30000), m.next(5), m.next(1), m.next(0),
                                            m.next(0), m.next(0),     m.next(0), m.next(0), m.next(0),
                                            m.next(0), m.next(0),     m.next(0), 3600};
  for (auto _ : state) {
    sweep_kernels<float>(Device::cpu).conservative_adjoint(loop, 0, Arithmetic::kCells);
    benchmark::ClobberMemory();
  }
  reach_steps(state, Arithmetic::kCells);
}

BENCHMARK(conservative_forward_alone);
BENCHMARK(conservative_adjoint_alone);

}  // namespace

int main(int argc, char** argv) {
  for (const auto& name : scheme_names())
    for (bool adjoint : {false, true}) {
      const Scheme scheme = scheme_from_name(name);
      const std::string what = name + (adjoint ? "/forward_and_adjoint" : "/forward");
      benchmark::RegisterBenchmark((what + "/213_reaches").c_str(), [=](benchmark::State& s) {
        route(s, scheme, 213, 39, 2160, adjoint);
      })->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark((what + "/20000_reaches").c_str(), [=](benchmark::State& s) {
        route(s, scheme, 20000, 300, 240, adjoint);
      })->Unit(benchmark::kMillisecond);
    }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
