// Runoff in basin-component-days a second on one core (on a GPU: gpu.cpp).
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "dpl/physics/unit_hydrograph.hpp"
#include "tests/benchmark/runoff_run.hpp"

namespace dpl::bench {
namespace {

void count(benchmark::State& state, const char* what, double per_iteration) {
  state.counters[what] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void run(benchmark::State& state, RunoffVariant variant, Index catchments, bool dynamic, bool adjoint) {
  static std::unique_ptr<RunoffRun> window;  // one is kept
  static std::tuple<RunoffVariant, Index, bool> made;
  if (!window || made != std::tuple(variant, catchments, dynamic)) {
    window.reset();
    window = std::make_unique<RunoffRun>(variant, catchments, dynamic);
    made = {variant, catchments, dynamic};
  }
  for (auto _ : state) {
    window->forward(adjoint);
    if (adjoint) window->adjoint();
  }
  count(state, "component_days/s", window->component_days());
  count(state, "bytes/s", window->bytes(adjoint));
  state.counters["tape_B/component_day"] = adjoint ? window->tape_bytes() / window->component_days() : 0;
}

void hydrograph(benchmark::State& state, Index catchments, bool adjoint) {
  constexpr Count kDays = RunoffRun::kDays;
  const std::vector<float> a(catchments, 1.2f), b(catchments, 2.0f), x(kDays * catchments, 1.0f);
  std::vector<float> y(x.size()), x_adjoint(x.size()), ga(catchments), gb(catchments);
  for (auto _ : state) {
    const UnitHydrograph<float> uh(a, b);
    uh.forward(x, y);
    if (adjoint) uh.adjoint(x, y, x_adjoint, ga, gb);
  }
  count(state, "catchment_days/s", static_cast<double>(x.size()));
}

int add_all() {
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  for (const auto& name : runoff_variant_names())
    for (const Index catchments : {100, 1000, 10000})
      for (const bool dynamic : {false, true})
        for (const bool adjoint : {false, true}) {
          if (dynamic && catchments == 10000) continue;  // 1.4 GB of parameters and as much of gradient
          add(fmt::format("runoff_forward{}/{}{}/{}", adjoint ? "_adjoint" : "", name, dynamic ? "_dynamic" : "",
                          catchments),
              [=](benchmark::State& s) {
                run(s, runoff_variant_from_name(name), catchments, dynamic, adjoint);
              });
        }
  for (const bool adjoint : {false, true})
    add(fmt::format("unit_hydrograph_forward{}/100", adjoint ? "_adjoint" : ""),
        [=](benchmark::State& s) { hydrograph(s, 100, adjoint); });
  return 0;
}

[[maybe_unused]] const int added = add_all();

}  // namespace
}  // namespace dpl::bench
