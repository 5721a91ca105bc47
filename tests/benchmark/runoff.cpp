// Runoff in basin-component-days a second on one core, and on a GPU where there is one.
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/physics/runoff.hpp"
#include "dpl/physics/unit_hydrograph.hpp"

namespace dpl::bench {
namespace {

/// A window of random weather and random parameters; all that may be dynamic is, or nothing.
class RunoffWindow {
 public:
  RunoffWindow(RunoffVariant variant, Index catchments, bool dynamic, Device device = Device::cpu)
      : catchments_(catchments), on_device_(runs_device_loops(device)), dynamic_there_(device), gradient_there_(device) {
    RunoffOptions o;
    o.device = device;
    o.variant = variant;
    o.catchments = catchments;
    o.components = usual_components(variant);
    if (dynamic) o.dynamic = dynamic_runoff_parameters(variant);
    if (variant == RunoffVariant::hbv_2_0) {
      o.area_km2.assign(catchments, 800.0);
      o.elevation_m.assign(catchments, 600.0);
    }
    model_ = std::make_unique<Runoff<float>>(o);
    auto draw = [n = std::uint32_t{0}]() mutable { return random_uniform({1, Purpose::test, 0, 5}, n++); };
    for (Count t = 0; t < kDays; ++t)
      for (Index c = 0; c < catchments; ++c) {
        P_.push_back(static_cast<float>(draw() < 0.4 ? 20 * draw() : 0));
        T_.push_back(static_cast<float>(12 * std::sin(0.0172 * static_cast<double>(t)) + 10 * draw()));
        PET_.push_back(static_cast<float>(5 * draw()));
      }
    for (const auto& p : model_->parameters())
      for (Count l = 0; l < model_->lanes(); ++l)
        fixed_.push_back(static_cast<float>(p.lower + draw() * (p.upper - p.lower)));
    // Days repeat one of 31 rows: drawing them all would take longer than running.
    const auto all = runoff_parameters(RunoffVariant::hbv_2_0);
    const Count row = model_->dynamic_size(1);
    for (Count t = 0; t < 31 && dynamic; ++t)
      for (const auto& name : o.dynamic)
        for (const auto& p : all)
          if (name == p.name)
            for (Count l = 0; l < model_->lanes(); ++l)
              dynamic_.push_back(static_cast<float>(p.lower + draw() * (p.upper - p.lower)));
    dynamic_.resize(model_->dynamic_size(kDays));
    for (Count t = 31; t < kDays && dynamic; ++t)
      std::copy_n(dynamic_.begin() + (t % 31) * row, row, dynamic_.begin() + t * row);
    runoff_.resize(kDays * catchments);
    seed_.assign(runoff_.size(), 1.0f);
    fixed_adjoint_.resize(fixed_.size());
    dynamic_adjoint_.resize(dynamic_.size());
    if (!on_device_) return;
    dynamic_there_.set(dynamic_.data(), dynamic_.size());
    gradient_there_.need(dynamic_.size());
  }

  /// Dynamic parameters and their gradient lie where the model runs.
  void forward(bool tape) {
    const std::span<const float> dynamic = on_device_ ? std::span<const float>(dynamic_there_.data(), dynamic_.size())
                                                      : std::span<const float>(dynamic_);
    model_->forward({P_.data(), T_.data(), PET_.data(), kDays}, {fixed_, dynamic, on_device_}, {}, runoff_, {},
                    tape ? 0 : Runoff<float>::kNoTape);
  }
  void adjoint() {
    const std::span<float> gradient = on_device_ ? std::span<float>(gradient_there_.data(), dynamic_.size())
                                                 : std::span<float>(dynamic_adjoint_);
    model_->adjoint(seed_, {}, {fixed_adjoint_, gradient, {}, on_device_});
  }
  double component_days() const { return static_cast<double>(model_->lanes()) * kDays; }
  double tape_bytes() const { return static_cast<double>(model_->tape_bytes(kDays)); }
  /// That must come from or go to memory: dynamic parameters (read twice with the adjoint), their gradient (its lines
  /// are read first), the tape; forcing and runoff are a sixteenth of it.
  double bytes(bool adjoint) const {
    const double dynamic = 4 * static_cast<double>(dynamic_.size()), forcing = 4 * static_cast<double>(P_.size());
    return adjoint ? 4 * dynamic + 2 * tape_bytes() + 9 * forcing : dynamic + 4 * forcing;
  }

  static constexpr Count kDays = 730;

 private:
  Index catchments_;
  bool on_device_;
  DeviceArray<float> dynamic_there_, gradient_there_;
  std::unique_ptr<Runoff<float>> model_;
  AlignedVector<float> P_, T_, PET_, fixed_, dynamic_, runoff_, seed_, fixed_adjoint_,
      dynamic_adjoint_;  // aligned, as tensors are
};

void count(benchmark::State& state, const char* what, double per_iteration) {
  state.counters[what] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void run(benchmark::State& state, RunoffVariant variant, Index catchments, bool dynamic, bool adjoint, Device device) {
  static std::unique_ptr<RunoffWindow> window;  // one is kept
  static std::tuple<RunoffVariant, Index, bool, Device> made;
  try {
    check_device(device);
  } catch (const Error& error) {
    state.SkipWithError(error.what());
    return;
  }
  if (!window || made != std::tuple(variant, catchments, dynamic, device)) {
    window.reset();
    window = std::make_unique<RunoffWindow>(variant, catchments, dynamic, device);
    made = {variant, catchments, dynamic, device};
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
  constexpr Count kDays = RunoffWindow::kDays;
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
                run(s, runoff_variant_from_name(name), catchments, dynamic, adjoint, Device::cpu);
              });
        }
  // 382: CAMELS; 100,000: all multiprocessors of a GPU are full.
  for (const Index catchments : {382, 10000, 100000})
    for (const bool dynamic : {false, true})
      for (const bool adjoint : {false, true}) {
        if (dynamic && catchments == 100000) continue;
        add(fmt::format("runoff_cuda_forward{}/1.1p{}/{}", adjoint ? "_adjoint" : "", dynamic ? "_dynamic" : "",
                        catchments),
            [=](benchmark::State& s) {
              run(s, RunoffVariant::hbv_1_1p, catchments, dynamic, adjoint, Device::cuda);
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
