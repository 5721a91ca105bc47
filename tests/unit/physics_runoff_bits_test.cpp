// Test that a catchment's results are the same bits whatever the order and number of the catchments, the tape's limit,
// the day the tape begins on and the instruction set are.
#include <cstdlib>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/physics/aligned_vector.hpp"
#include "tests/support/runoff_cases.hpp"

namespace dpl {
namespace {

using namespace test;

template <class Real>
class RunoffBits : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RunoffBits, Precisions);

template <class Real>
std::vector<std::vector<Real>> random_output_seeds(Count days, Index catchments) {
  std::vector<std::vector<Real>> seeds;
  for (int k = 0; k + 1 < kRunoffOutputs; ++k) seeds.push_back(random_seed<Real>(days, catchments, 200 + k));
  return seeds;
}

// Columns `chosen` of rows of `n`.
template <class T>
std::vector<T> columns(const std::vector<T>& values, Index n, const std::vector<Index>& chosen) {
  std::vector<T> out;
  for (std::size_t row = 0; row < values.size() / n; ++row)
    for (Index c : chosen) out.push_back(values[row * n + c]);
  return out;
}

RunoffProblem part_of(const RunoffProblem& p, const std::vector<Index>& chosen) {
  RunoffProblem q = p;
  const Index n = p.options.catchments;
  q.options.catchments = static_cast<Index>(chosen.size());
  for (auto* values : {&q.precipitation, &q.temperature, &q.pet, &q.fixed, &q.dynamic, &q.states, &q.options.area_km2,
                       &q.options.elevation_m})
    *values = columns(*values, n, chosen);
  return q;
}

TYPED_TEST(RunoffBits, DoNotDependOnTheOtherCatchments) {
  using Real = TypeParam;
  constexpr Index n = 150;
  for (const auto& setting : runoff_settings()) {
    const auto p = random_runoff_problem(setting, n, 3, 45, 7);
    const auto seed = random_seed<Real>(p.days, n, 1);
    const auto seeds = random_output_seeds<Real>(p.days, n);
    RunoffRun<Real> whole(p);
    whole.forward();
    whole.adjoint(seed, seeds);
    std::vector<Index> backward(n), some{149, 3, 77}, one{64};
    std::iota(backward.rbegin(), backward.rend(), 0);
    for (const auto& chosen : {backward, some, one}) {
      RunoffRun<Real> run(part_of(p, chosen));
      run.forward();
      std::vector<std::vector<Real>> part;
      for (const auto& s : seeds) part.push_back(columns(s, n, chosen));
      run.adjoint(columns(seed, n, chosen), part);
      EXPECT_EQ(run.runoff, columns(whole.runoff, n, chosen));
      for (int k = 0; k < kRunoffOutputs; ++k) EXPECT_EQ(run.outputs[k], columns(whole.outputs[k], n, chosen));
      EXPECT_EQ(run.final_states, columns(whole.final_states, n, chosen));
      EXPECT_EQ(run.fixed_adjoint, columns(whole.fixed_adjoint, n, chosen));
      EXPECT_EQ(run.dynamic_adjoint, columns(whole.dynamic_adjoint, n, chosen));
      EXPECT_EQ(run.states_adjoint, columns(whole.states_adjoint, n, chosen));
    }
  }
}

TYPED_TEST(RunoffBits, DoNotDependOnTheTapesLimit) {
  using Real = TypeParam;
  for (const Count days : {1, 16, 17, 100}) {
    auto p = random_runoff_problem({"1.1p", {"BETA", "K0", "BETAET"}}, 50, 4, days, 8);
    const auto seed = random_seed<Real>(days, 50, 2);
    RunoffRun<Real> free(p);
    free.forward();
    free.adjoint(seed);
    for (const Count states : {1, 2, 3}) {
      const Count of_one = Runoff<Real>(p.options).tape_bytes(1);
      p.options.tape_bytes = states * of_one + 5;
      RunoffRun<Real> run(p);
      EXPECT_LE(run.model.tape_bytes(days), states * of_one);
      run.forward();
      run.adjoint(seed);
      EXPECT_EQ(run.runoff, free.runoff);
      EXPECT_EQ(run.fixed_adjoint, free.fixed_adjoint);
      EXPECT_EQ(run.dynamic_adjoint, free.dynamic_adjoint);
      EXPECT_EQ(run.states_adjoint, free.states_adjoint);
      p.options.tape_bytes = 0;
    }
  }
}

// A window in two calls, and no gradient through its first part.
TYPED_TEST(RunoffBits, WindowContinuesFromStates) {
  using Real = TypeParam;
  constexpr Index n = 33;
  constexpr Count days = 90, warmup = 37;
  const auto p = random_runoff_problem({"2.0", {"BETA", "BETAET"}}, n, 4, days, 9);
  const auto seed = random_seed<Real>(days, n, 3);
  RunoffRun<Real> whole(p);
  whole.forward(warmup);
  whole.adjoint(seed);

  auto first = p, second = p;
  const auto cut = [&](std::vector<double>& values, std::size_t row) {
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(warmup * row));
  };
  first.days = warmup;
  first.dynamic.resize(warmup * 2 * p.lanes());
  second.days = days - warmup;
  for (auto* values : {&second.precipitation, &second.temperature, &second.pet}) cut(*values, n);
  cut(second.dynamic, 2 * p.lanes());
  RunoffRun<Real> begin(first), rest(second);
  begin.forward(Runoff<Real>::kNoTape, false);
  rest.states = begin.final_states;
  rest.forward(0);
  EXPECT_EQ(rest.runoff, std::vector<Real>(whole.runoff.begin() + warmup * n, whole.runoff.end()));
  EXPECT_EQ(rest.final_states, whole.final_states);
  rest.adjoint({seed.begin() + warmup * n, seed.end()});
  EXPECT_EQ(rest.fixed_adjoint, whole.fixed_adjoint);
  EXPECT_EQ(rest.states_adjoint, whole.states_adjoint);
  const auto split = whole.dynamic_adjoint.begin() + static_cast<std::ptrdiff_t>(first.dynamic.size());
  EXPECT_EQ(rest.dynamic_adjoint, std::vector<Real>(split, whole.dynamic_adjoint.end()));
  EXPECT_EQ(std::count(whole.dynamic_adjoint.begin(), split, Real(0)), split - whole.dynamic_adjoint.begin());
}

TYPED_TEST(RunoffBits, DoNotDependOnWhatElseIsAskedFor) {
  using Real = TypeParam;
  const auto p = random_runoff_problem({"1.1p", {"K0"}}, 20, 2, 50, 10);
  const auto seed = random_seed<Real>(p.days, 20, 4);
  RunoffRun<Real> a(p), b(p);
  a.forward(0, false);
  b.forward(0, true);
  EXPECT_EQ(a.runoff, b.runoff);
  a.adjoint(seed);
  const std::vector<std::vector<Real>> zeros(kRunoffOutputs, std::vector<Real>(p.days * 20, Real(0)));
  b.adjoint(seed, zeros);
  EXPECT_EQ(a.fixed_adjoint, b.fixed_adjoint);
  EXPECT_EQ(a.dynamic_adjoint, b.dynamic_adjoint);
}

// Gradients of dynamic parameters are written in another way where their rows are whole lines of memory.
TYPED_TEST(RunoffBits, DoNotDependOnWhereArraysLie) {
  using Real = TypeParam;
  for (const Index n : {48, 320}) {
    const auto p = random_runoff_problem({"1.1p", {"BETA", "BETAET"}}, n, 4, 40, 12);
    const auto seed = random_seed<Real>(p.days, n, 6);
    RunoffRun<Real> run(p);
    run.forward();
    run.adjoint(seed);
    AlignedVector<Real> aligned(run.dynamic.size() + 1);
    for (const int offset : {0, 1}) {
      std::span<Real> gradient(aligned.data() + offset, run.dynamic.size());
      run.model.adjoint(seed, {}, {run.fixed_adjoint, gradient, {}});
      EXPECT_TRUE(std::equal(gradient.begin(), gradient.end(), run.dynamic_adjoint.begin())) << n << ", " << offset;
    }
  }
}

TYPED_TEST(RunoffBits, DoNotDependOnTheInstructionSet) {
  using Real = TypeParam;
  const char* before = std::getenv("DPL_ISA");
  const std::string kept = before ? before : "";
  for (const auto& setting : runoff_settings()) {
    const auto p = random_runoff_problem(setting, 21, 5, 40, 11);
    const auto seed = random_seed<Real>(p.days, 21, 5);
    const auto seeds = random_output_seeds<Real>(p.days, 21);
    std::vector<std::vector<Real>> first;
    for (const char* set : {"generic", "v3", "v4"}) {
      setenv("DPL_ISA", set, 1);
      std::unique_ptr<RunoffRun<Real>> run;
      try {
        run = std::make_unique<RunoffRun<Real>>(p);
      } catch (const Error&) {
        continue;  // not one this processor runs
      }
      run->forward();
      run->adjoint(seed, seeds);
      const std::vector<std::vector<Real>> all{run->runoff, run->outputs[0], run->outputs[7], run->final_states,
                                               run->fixed_adjoint, run->dynamic_adjoint, run->states_adjoint};
      if (first.empty()) first = all;
      EXPECT_EQ(all, first) << set << ", variant " << setting.variant;
    }
  }
  before ? setenv("DPL_ISA", kept.c_str(), 1) : unsetenv("DPL_ISA");
}

}  // namespace
}  // namespace dpl
