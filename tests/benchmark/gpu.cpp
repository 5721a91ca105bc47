// Routing and runoff on the GPU: `dpl_bench --benchmark_filter=gpu/`. Nothing is registered where there is none; with
// DPL_EMULATE_DEVICE=1 small ones run on the host, which tells that they run and nothing of a GPU's speed.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dpl/base/random.hpp"
#include "dpl/physics/devices.hpp"
#include "dpl/physics/runoff.hpp"
#include "tests/benchmark/routing_run.hpp"

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
  constexpr Count kDays = 730;
  RunoffOptions options;
  options.variant = RunoffVariant::hbv_1_1p;
  options.catchments = catchments;
  options.components = 16;
  if (dynamic) options.dynamic = {"BETA", "K0", "BETAET"};
  options.device = device;
  Runoff<float> model(options);
  const auto size = static_cast<std::size_t>(kDays * catchments);
  const auto draw = [](std::uint64_t item, std::size_t i) {
    return static_cast<float>(random_uniform({2, Purpose::test, item, i}));
  };
  std::vector<float> p(size), t(size), pet(size), out(size), seed(size, 1.0f);
  for (std::size_t i = 0; i < size; ++i)
    p[i] = draw(0, i) < 0.5f ? 0 : 20 * draw(1, i), t[i] = 30 * draw(2, i) - 8, pet[i] = 6 * draw(3, i);
  std::vector<float> fixed, varying(static_cast<std::size_t>(model.dynamic_size(kDays)));
  for (const auto& range : model.parameters())
    for (Count lane = 0; lane < model.lanes(); ++lane)
      fixed.push_back(static_cast<float>(range.lower + (range.upper - range.lower) * draw(4, fixed.size())));
  std::size_t at = 0;
  for (Count day = 0; day < kDays; ++day)
    for (const auto& name : options.dynamic)
      for (const auto& range : model.parameters())
        if (name == range.name)
          for (Count lane = 0; lane < model.lanes(); ++lane)
            varying[at] = static_cast<float>(range.lower + (range.upper - range.lower) * draw(5, at)), ++at;
  std::vector<float> fixed_adjoint(fixed.size()), varying_adjoint(varying.size());
  const auto once = [&] {
    model.forward({p.data(), t.data(), pet.data(), kDays}, {fixed, varying}, {}, out, {},
                  adjoint ? 0 : Runoff<float>::kNoTape);
    if (adjoint) model.adjoint(seed, {}, {fixed_adjoint, varying_adjoint, {}});
  };
  once();
  for (auto _ : state) once();
  const double component_days = static_cast<double>(model.lanes()) * kDays;
  count(state, "component_days/s", component_days);
  state.counters["tape_B/component_day"] = adjoint ? static_cast<double>(model.tape_bytes(kDays)) / component_days : 0;
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
  for (const Index catchments : real ? std::vector<Index>{100, 1000, 10000} : std::vector<Index>{40})
    for (const bool dynamic : {false, true})
      for (const bool adjoint : {false, true}) {
        if (dynamic && catchments == 10000) continue;  // gigabytes of parameters by day
        add(fmt::format("runoff_forward{}/1.1p{}/{}", adjoint ? "_adjoint" : "", dynamic ? "_dynamic" : "", catchments),
            [=](benchmark::State& s) { runoff(s, device, catchments, dynamic, adjoint); });
      }
  return 0;
}

[[maybe_unused]] const int added = add_all();

}  // namespace
}  // namespace dpl::bench
