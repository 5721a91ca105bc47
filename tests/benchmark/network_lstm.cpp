// The LSTM of a parameter network, forward and adjoint, beside LibTorch's own and the peak of matrix products.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <array>
#include <chrono>
#include <vector>

#include "dpl/learning/lstm.hpp"
#include "dpl/learning/lstm_kernels.hpp"
#include "dpl/learning/sequence_network.hpp"

namespace dpl::bench {
namespace {

constexpr std::int64_t kChannels = 5;

/// Floating-point operations of one update: products with history and state, forward; with state for the adjoint of h;
/// of both for the gradients of the weights.
double operations(std::int64_t width, std::int64_t places, std::int64_t days) {
  const double state = 2.0 * 4 * static_cast<double>(width * width),
               history = 2.0 * 4 * static_cast<double>(width * kChannels);
  return static_cast<double>(places * days) * (3 * state + 2 * history);
}

/// FLOP/s of one large product of single-precision matrices.
double product_peak() {
  static const double peak = [] {
    constexpr std::int64_t n = 2048;
    const at::Tensor a = at::randn({n, n}), b = at::randn({n, n});
    at::Tensor c = at::mm(a, b);
    double best = 0;
    for (int k = 0; k < 5; ++k) {
      const auto begin = std::chrono::steady_clock::now();
      at::mm_out(c, a, b);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      best = std::max(best, 2.0 * n * n * n / seconds.count());
    }
    return best;
  }();
  return peak;
}

struct Case {
  std::int64_t width, places, days;
  at::Tensor history = at::randn({places, days, kChannels}), gates = at::randn({places, 4 * width}),
             history_weight = at::randn({4 * width, kChannels}) * 0.1,
             state_weight = at::randn({4 * width, width}) * 0.05, seed = at::randn({days, places, width});
  std::vector<at::Tensor> leaves() {
    for (at::Tensor* leaf : {&gates, &history_weight, &state_weight}) leaf->requires_grad_(true);
    return {gates, history_weight, state_weight};
  }
};

void count(benchmark::State& state, const Case& c) {
  const double work = operations(c.width, c.places, c.days);
  state.counters["FLOP/s"] = benchmark::Counter(work, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["share_of_product_peak"] =
      benchmark::Counter(work / product_peak(), benchmark::Counter::kIsIterationInvariantRate);
}

void own(benchmark::State& state, Case c, bool bf16, std::int64_t gradient_from = 0) {
  const auto leaves = c.leaves();
  TapeMemory memory;
  const auto update = [&] {
    const auto out = apply_lstm({c.history, c.gates, c.history_weight, c.state_weight, gradient_from, bf16}, memory);
    benchmark::DoNotOptimize(torch::autograd::grad({out.every}, leaves, {c.seed}));
  };
  update();  // the memory of the tape stays
  for (auto _ : state) update();
  if (gradient_from == 0) count(state, c);
}

void forward_only(benchmark::State& state, Case c) {
  TapeMemory memory;
  for (auto _ : state) {
    benchmark::DoNotOptimize(apply_lstm({c.history, c.gates, c.history_weight, c.state_weight}, memory));
  }
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * 4 * static_cast<double>(c.width * (c.width + kChannels) * c.places * c.days),
                         benchmark::Counter::kIsIterationInvariantRate);
}

// Days first and one bias for all places, as LibTorch has it fastest.
void libtorch(benchmark::State& state, Case c) {
  const auto leaves = c.leaves();
  const at::Tensor history = c.history.transpose(0, 1).contiguous(), none = at::zeros({1, c.places, c.width});
  at::Tensor bias = at::zeros({4 * c.width}), other = at::zeros({4 * c.width});
  bias.requires_grad_(true);
  for (auto _ : state) {
    const at::Tensor out = std::get<0>(at::lstm(history, {none, none}, {c.history_weight, c.state_weight, bias, other},
                                                true, 1, 0.0, true, false, false));
    benchmark::DoNotOptimize(torch::autograd::grad({out}, {c.history_weight, c.state_weight, bias}, {c.seed}));
  }
  count(state, c);
}

/// A parameter network of HBV 1.1p with 16 components as method section 8 has it: forward and gradient of all weights.
void network(benchmark::State& state, const char* kind, std::int64_t places, std::int64_t days) {
  constexpr std::int64_t kAttributes = 27, kParameters = 14, kComponents = 16;
  SequencePlan plan;
  plan.config.kind = kind;
  plan.config.hidden_size = 128;
  plan.config.lstm_size = 64;
  plan.attributes = kAttributes;
  plan.channels = kChannels;
  plan.start_outputs = component_start_outputs(std::vector<double>(kParameters, 0.0), kComponents, 1, 1);
  if (plan.config.kind != "mlp") {
    for (const std::int64_t parameter : {0, 2, 12}) {
      for (std::int64_t k = 0; k < kComponents; ++k) plan.dynamic.push_back({parameter * kComponents + k, parameter});
    }
  }
  const auto made = make_sequence_network(plan);
  std::vector<at::Tensor> leaves;
  for (const auto& weight : made->weights()) leaves.push_back(weight.tensor);
  const SequenceInputs inputs{at::randn({places, kAttributes}), at::randn({places, days, kChannels}), {}};
  const auto update = [&] {
    const auto out = made->forward(inputs, {});
    std::vector<at::Tensor> outputs{out.fixed};
    if (out.dynamic.defined()) outputs.push_back(out.dynamic);
    std::vector<at::Tensor> seeds;
    for (const auto& output : outputs) seeds.push_back(at::ones_like(output));
    benchmark::DoNotOptimize(torch::autograd::grad(outputs, leaves, seeds));
  };
  update();
  for (auto _ : state) update();
  state.counters["places/s"] =
      benchmark::Counter(static_cast<double>(places), benchmark::Counter::kIsIterationInvariantRate);
}

int add_all() {
  const auto add = [](const std::string& name, auto function) {
    benchmark::RegisterBenchmark(name.c_str(), function)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  for (const auto& [width, places, days] :
       std::vector<std::array<std::int64_t, 3>>{{256, 100, 730}, {256, 16, 730}, {64, 100, 730}}) {
    const std::string size = fmt::format("{}/{}/{}", width, places, days);
    add("lstm_forward_adjoint/" + size, [=](benchmark::State& s) { own(s, {width, places, days}, false); });
    if (has_bf16_products()) {
      add("lstm_forward_adjoint_bf16/" + size, [=](benchmark::State& s) { own(s, {width, places, days}, true); });
    }
    add("lstm_forward/" + size, [=](benchmark::State& s) { forward_only(s, {width, places, days}); });
    add("lstm_libtorch/" + size, [=](benchmark::State& s) { libtorch(s, {width, places, days}); });
  }
  add("lstm_forward_adjoint_from_365/256/100/730", [](benchmark::State& s) { own(s, {256, 100, 730}, false, 365); });
  for (const char* kind : {"mlp", "two_headed"}) {
    add(fmt::format("sequence_network/{}/100/730", kind), [=](benchmark::State& s) { network(s, kind, 100, 730); });
  }
  return 0;
}

[[maybe_unused]] const int added = add_all();

}  // namespace
}  // namespace dpl::bench
