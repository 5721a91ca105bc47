// Routing in reach-steps a second on one core, beside its limits: the arithmetic of the kernels alone, the multiply-add peak and
// the memory bandwidth of the machine.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/physics/sweep_kernels.hpp"
#include "tests/benchmark/arithmetic.hpp"
#include "tests/benchmark/routing_run.hpp"

namespace dpl {
#define DPL_DECLARE(isa) \
  namespace isa { const bench::ArithmeticKernels& arithmetic(); }
DPL_DECLARE(generic)
#ifdef DPL_HAVE_ISA_VARIANTS
DPL_DECLARE(v3)
DPL_DECLARE(v4)
#endif
#undef DPL_DECLARE

namespace bench {

const ArithmeticKernels& arithmetic_kernels() {
  const std::string set = sweep_kernels<float>(Device::cpu).instruction_set;
#ifdef DPL_HAVE_ISA_VARIANTS
  if (set == "v4") return v4::arithmetic();
  if (set == "v3") return v3::arithmetic();
#endif
  return generic::arithmetic();
}

namespace {

void count(benchmark::State& state, const char* what, double per_iteration) {
  state.counters[what] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void arithmetic_limit(benchmark::State& state, bool literature, bool forward, bool adjoint) {
  const auto& k = arithmetic_kernels();
  constexpr int kPasses = 200;
  for (auto _ : state) {
    if (forward) (literature ? k.literature_forward : k.conservative_forward)(kPasses);
    if (adjoint) (literature ? k.literature_adjoint : k.conservative_adjoint)(kPasses);
  }
  count(state, "reach_steps/s", static_cast<double>(kPasses) * ArithmeticKernels::kCells);
  state.SetLabel(k.instruction_set);
}

void peak(benchmark::State& state) {
  constexpr int kPasses = 200;
  for (auto _ : state) arithmetic_kernels().multiply_add(kPasses);
  count(state, "FLOP/s", kPasses * ArithmeticKernels::kFlopsOfPass);
}

// A sum over 1 GiB (read), and a copy of 512 MiB (read, and written with its line read first).
void bandwidth(benchmark::State& state, bool copy) {
  static std::vector<float> from(std::size_t{1} << 28, 1.0f), to(from.size() / 2);
  float sum[64] = {};
  for (auto _ : state) {
    if (copy) {
      std::memcpy(to.data(), from.data(), to.size() * sizeof(float));
    } else {
      for (std::size_t i = 0; i < from.size(); i += 64)
        for (int l = 0; l < 64; ++l) sum[l] += from[i + l];
    }
    benchmark::DoNotOptimize(sum);
    benchmark::ClobberMemory();
  }
  count(state, "bytes/s", copy ? 2.0 * static_cast<double>(to.size()) * sizeof(float)
                               : static_cast<double>(from.size()) * sizeof(float));
}

// One run is kept: the large ones need gigabytes.
RoutingRun& run_of(Index reaches, Count steps, Scheme scheme) {
  static std::unique_ptr<RoutingRun> run;
  static std::tuple<Index, Count, Scheme> made;
  if (!run || made != std::tuple(reaches, steps, scheme)) {
    run.reset();
    run = std::make_unique<RoutingRun>(reaches, steps, scheme);
    made = {reaches, steps, scheme};
  }
  return *run;
}

// Bytes that must come from or go to memory: lateral inflow read (twice with the adjoint), its gradient, the tape.
void route(benchmark::State& state, Scheme scheme, Index reaches, Count steps, bool adjoint) {
  RoutingRun& run = run_of(reaches, steps, scheme);
  run.forward(adjoint);  // the first run touches its memory
  if (adjoint) run.adjoint();
  for (auto _ : state) {
    run.forward(adjoint);
    if (adjoint) run.adjoint();
  }
  count(state, "reach_steps/s", run.reach_steps());
  const double bytes = adjoint ? 12 * run.reach_steps() + 2 * run.tape_bytes() : 4 * run.reach_steps();
  count(state, "bytes/s", bytes);
  state.counters["tape_B/reach_step"] = adjoint ? run.tape_bytes() / run.reach_steps() : 0;
}

int add_all() {
  const auto add = [](const std::string& name, auto function) {
    return benchmark::RegisterBenchmark(name.c_str(), function)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  add("machine/multiply_add_peak", peak);
  add("machine/memory_read", [](benchmark::State& s) { bandwidth(s, false); });
  add("machine/memory_copy", [](benchmark::State& s) { bandwidth(s, true); });
  for (bool literature : {false, true}) {
    const std::string scheme = literature ? "corrected" : "conservative";
    add("arithmetic_limit/forward/" + scheme, [=](benchmark::State& s) { arithmetic_limit(s, literature, true, false); });
    add("arithmetic_limit/adjoint/" + scheme, [=](benchmark::State& s) { arithmetic_limit(s, literature, false, true); });
    add("arithmetic_limit/forward_adjoint/" + scheme,
        [=](benchmark::State& s) { arithmetic_limit(s, literature, true, true); });
  }
  struct Size {
    Index reaches;
    Count steps;
  };
  for (const auto& name : scheme_names())
    for (const Size size : {Size{213, 8760}, Size{4000, 2160}, Size{20000, 2160}, Size{100000, 1440}, Size{350000, 960}})
      for (bool adjoint : {false, true})
        add(fmt::format("routing_forward{}/{}/{}", adjoint ? "_adjoint" : "", name, size.reaches),
            [=](benchmark::State& s) { route(s, scheme_from_name(name), size.reaches, size.steps, adjoint); });
  return 0;
}

[[maybe_unused]] const int added = add_all();

}  // namespace
}  // namespace bench
}  // namespace dpl
