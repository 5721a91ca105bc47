// Routing and runoff on the GPU: `dpl_bench --benchmark_filter=gpu/`. Nothing is registered where there is none; with
// DPL_EMULATE_DEVICE=1 small ones run on the host, which tells that they run and nothing of a GPU's speed.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "dpl/physics/devices.hpp"
#include "tests/benchmark/routing_run.hpp"
#include "tests/benchmark/runoff_run.hpp"

namespace dpl::bench {
namespace {

void count(benchmark::State& state, const char* what, double per_iteration) {
  state.counters[what] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

enum class Work { forward, forward_adjoint, forward_adjoint_inflow, upload };

// bytes/s: what must come from or go to memory at least, as in routing.cpp; a share of the measured or published
// bandwidth is that over it.
void route(benchmark::State& state, Device device, Scheme scheme, Index reaches, Count steps, Work work) {
  RoutingRun run(reaches, steps, scheme, device);
  const bool tape = work != Work::forward && work != Work::upload;
  const auto once = [&] {
    if (work == Work::upload) {
      run.copy_inflow();
      wait_for(device);
      return;
    }
    run.forward(tape);
    if (work == Work::forward_adjoint) run.adjoint_of_parameters();
    if (work == Work::forward_adjoint_inflow) run.adjoint();
  };
  once();  // allocates, records graphs
  for (auto _ : state) once();
  count(state, "reach_steps/s", run.reach_steps());
  const double inflow_passes = work == Work::forward || work == Work::upload ? 1
                               : work == Work::forward_adjoint               ? 2
                                                                             : 3;
  count(state, "bytes/s", 4 * inflow_passes * run.reach_steps() + (tape ? 2 * run.tape_bytes() : 0));
  state.counters["device_B/reach_step"] = static_cast<double>(run.device_bytes(tape)) / run.reach_steps();
}

// HBV 1.1p with 16 components, static parameters or three dynamic ones.
void runoff(benchmark::State& state, Device device, Index catchments, bool dynamic, bool adjoint) {
  RunoffRun run(RunoffVariant::hbv_1_1p, catchments, dynamic, device);
  const auto once = [&] {
    run.forward(adjoint);
    if (adjoint) run.adjoint();
  };
  once();
  for (auto _ : state) once();
  count(state, "component_days/s", run.component_days());
  count(state, "bytes/s", run.bytes(adjoint));
  state.counters["tape_B/component_day"] = adjoint ? run.tape_bytes() / run.component_days() : 0;
}

int add_all() {
  const auto seen = visible_gpus();
  if (!seen.problem.empty()) return 0;
  const Device device = emulated_gpus() ? Device::emulated : Device::cuda;
  const bool real = device == Device::cuda;
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(("gpu/" + name).c_str(), function)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond)
        ->MinTime(1.0);
  };
  // The reaches of MERIT's CONUS, windows of 10 and 40 days of hours.
  const Index reaches = real ? 346321 : 2000;
  for (const char* scheme : {"conservative", "corrected"})
    for (const Count steps : real ? std::vector<Count>{240, 960} : std::vector<Count>{48})
      for (const auto& [work, name] :
           {std::pair{Work::forward, "routing_forward"}, std::pair{Work::forward_adjoint, "routing_forward_adjoint"},
            std::pair{Work::forward_adjoint_inflow, "routing_forward_adjoint_inflow"},
            std::pair{Work::upload, "upload_of_inflow"}})
        add(fmt::format("{}/{}/{}x{}", name, scheme, reaches, steps),
            [=](benchmark::State& s) { route(s, device, scheme_from_name(scheme), reaches, steps, work); });
  // 382: CAMELS; 100,000: all multiprocessors are full.
  for (const Index catchments : real ? std::vector<Index>{382, 1000, 10000, 100000} : std::vector<Index>{40})
    for (const bool dynamic : {false, true})
      for (const bool adjoint : {false, true}) {
        if (dynamic && catchments > 1000) continue;  // gigabytes of parameters by day
        add(fmt::format("runoff_forward{}/1.1p{}/{}", adjoint ? "_adjoint" : "", dynamic ? "_dynamic" : "", catchments),
            [=](benchmark::State& s) { runoff(s, device, catchments, dynamic, adjoint); });
      }
  return 0;
}

[[maybe_unused]] const int added = add_all();

}  // namespace
}  // namespace dpl::bench
