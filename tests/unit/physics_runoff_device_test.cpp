// Test that the runoff model and the unit hydrograph by the loops of a device, run by the host, give the bits of the
// CPU's tiles: all forms, static and dynamic, further series and their seeds, every tape.
#include <cstdlib>
#include <limits>

#include "dpl/physics/device_array.hpp"
#include "dpl/physics/unit_hydrograph.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/runoff_cases.hpp"

namespace dpl {
namespace {

using namespace test;

template <class Real>
class RunoffDevice : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RunoffDevice, Precisions);

template <class Real>
std::vector<std::vector<Real>> some_output_seeds(Count days, Index catchments) {
  std::vector<std::vector<Real>> seeds;
  for (int k = 0; k + 1 < kRunoffOutputs; ++k)
    seeds.push_back(k % 3 == 1 ? std::vector<Real>{} : random_seed<Real>(days, catchments, 300 + k));
  return seeds;
}

RunoffProblem emulated(RunoffProblem p) {
  p.options.device = Device::emulated;
  return p;
}

template <class Real>
void expect_same_values(const RunoffRun<Real>& a, const RunoffRun<Real>& b, const std::string& which) {
  EXPECT_EQ(a.runoff, b.runoff) << which;
  for (int k = 0; k < kRunoffOutputs; ++k) EXPECT_EQ(a.outputs[k], b.outputs[k]) << which << ", output " << k;
  EXPECT_EQ(a.final_states, b.final_states) << which;
}

template <class Real>
void expect_same_gradients(const RunoffRun<Real>& a, const RunoffRun<Real>& b, const std::string& which) {
  EXPECT_EQ(a.fixed_adjoint, b.fixed_adjoint) << which;
  EXPECT_EQ(a.dynamic_adjoint, b.dynamic_adjoint) << which;
  EXPECT_EQ(a.states_adjoint, b.states_adjoint) << which;
}

// Fewer catchments than a tile of the CPU, and more; days that are no whole chunks.
TYPED_TEST(RunoffDevice, GivesTheBitsOfTheCpu) {
  using Real = TypeParam;
  std::uint64_t number = 500;
  for (const auto& setting : runoff_settings())
    for (const Index n : {5, 150}) {
      const Count days = n == 5 ? 77 : 35;
      const auto p = random_runoff_problem(setting, n, 3, days, ++number);
      const std::string which = setting.variant + (", " + std::to_string(setting.dynamic.size())) + " dynamic";
      RunoffRun<Real> cpu(p), device(emulated(p));
      const auto seed = random_seed<Real>(days, n, number);
      for (const bool further : {false, true}) {
        cpu.forward(0, further);
        device.forward(0, further);
        expect_same_values(device, cpu, which);
        const auto seeds = further ? some_output_seeds<Real>(days, n) : std::vector<std::vector<Real>>{};
        cpu.adjoint(seed, seeds);
        device.adjoint(seed, seeds);
        expect_same_gradients(device, cpu, which);
      }
      EXPECT_NE(cpu.fixed_adjoint, std::vector<Real>(cpu.fixed_adjoint.size(), Real(0)));
      if (testing::Test::HasFailure()) return;
    }
}

TYPED_TEST(RunoffDevice, GivesTheBitsOfTheCpuWithEveryTape) {
  using Real = TypeParam;
  constexpr Index n = 30;
  for (const Count days : {1, 16, 17, 130})
    for (const Count warmup : {0, 37}) {
      if (warmup >= days) continue;
      auto p = random_runoff_problem({"2.0", {"BETA", "K0", "BETAET"}}, n, 4, days, 21);
      const auto seed = random_seed<Real>(days, n, 2);
      RunoffRun<Real> cpu(p);
      cpu.forward(warmup);
      cpu.adjoint(seed);
      for (const Count states : {0, 1, 2, 3}) {
        p.options.tape_bytes = 0;
        const Count of_one = Runoff<Real>(emulated(p).options).tape_bytes(1);
        EXPECT_EQ(of_one, 5 * n * 4 * static_cast<Count>(sizeof(Real)));
        p.options.tape_bytes = states == 0 ? 0 : states * of_one + 5;
        RunoffRun<Real> device(emulated(p));
        if (states > 0) {
          EXPECT_LE(device.model.tape_bytes(days), states * of_one);
        }
        device.forward(warmup);
        device.adjoint(seed);
        const std::string which = std::to_string(days) + " days, " + std::to_string(states) + " states";
        expect_same_values(device, cpu, which);
        expect_same_gradients(device, cpu, which);
        device.adjoint(seed);  // the tape is read, not changed
        expect_same_gradients(device, cpu, which + ", again");
      }
    }
}

// A run is used for windows of several lengths, and begins from states or from none.
TYPED_TEST(RunoffDevice, ArraysServeWindowsOfAnyLength) {
  using Real = TypeParam;
  const auto p = random_runoff_problem({"1.1p", {"BETA"}}, 9, 2, 60, 22);
  RunoffRun<Real> cpu(p), device(emulated(p));
  for (const Count days : {20, 60, 33})
    for (const bool states : {true, false})
      for (auto* run : {&cpu, &device}) {
        run->days = days;
        run->dynamic = as<Real>(p.dynamic);
        run->dynamic.resize(run->model.dynamic_size(days));
        run->states = states ? as<Real>(p.states) : std::vector<Real>{};
        run->forward();
        run->adjoint(random_seed<Real>(days, 9, 3));
        if (run == &device) {
          expect_same_values(device, cpu, std::to_string(days));
          expect_same_gradients(device, cpu, std::to_string(days));
        }
      }
}

TYPED_TEST(RunoffDevice, ForcingAndDynamicParametersMayLieOnIt) {
  using Real = TypeParam;
  const auto p = random_runoff_problem({"1.1p", {"BETA", "BETAET"}}, 20, 3, 50, 23);
  const auto seed = random_seed<Real>(p.days, 20, 4);
  RunoffRun<Real> cpu(p), device(emulated(p));
  cpu.forward(7, false);
  cpu.adjoint(seed);
  std::vector<Real> runoff(cpu.runoff.size()), fixed(cpu.fixed.size()), dynamic(cpu.dynamic.size(), Real(-1));
  const RunoffForcing<Real> there{device.precipitation.data(), device.temperature.data(), device.pet.data(), p.days,
                                  true};
  device.model.forward(there, {device.fixed, device.dynamic, true}, device.states, runoff, {}, 7);
  EXPECT_EQ(runoff, cpu.runoff);
  device.model.adjoint(seed, {}, {fixed, dynamic, {}, true});
  EXPECT_EQ(fixed, cpu.fixed_adjoint);
  EXPECT_EQ(dynamic, cpu.dynamic_adjoint);
  const auto to_cpu = [&] {
    cpu.model.forward({device.precipitation.data(), device.temperature.data(), device.pet.data(), p.days},
                      {device.fixed, device.dynamic, true}, device.states, runoff, {}, 7);
  };
  EXPECT_NE(message_of(to_cpu).find("lie on a device"), std::string::npos);
  const auto forcing_to_cpu = [&] {
    cpu.model.forward(there, {device.fixed, device.dynamic}, device.states, runoff, {}, 7);
  };
  EXPECT_NE(message_of(forcing_to_cpu).find("forcing lies on a device"), std::string::npos);
}

TYPED_TEST(RunoffDevice, SaysWhatIsNotFinite) {
  using Real = TypeParam;
  auto p = random_runoff_problem({"1.0", {"BETA"}}, 6, 2, 40, 24);
  const Count lane = 6 + 4, day = 11;
  p.dynamic[static_cast<std::size_t>(day * p.lanes() + lane)] = std::numeric_limits<double>::quiet_NaN();
  RunoffRun<Real> cpu(p), device(emulated(p));
  cpu.forward();
  device.forward();
  EXPECT_GE(cpu.model.first_not_finite().first, day);
  EXPECT_EQ(device.model.first_not_finite(), cpu.model.first_not_finite());
}

// What is predicted is what the arrays hold after a window and its adjoint, wherever inputs lie.
TYPED_TEST(RunoffDevice, MemoryIsThatOfItsArrays) {
  using Real = TypeParam;
  for (const char* variant : {"1.1p", "2.0"}) {
    const auto p = random_runoff_problem({variant, {"K0"}}, 70, 4, 50, 25);
    const auto seed = random_seed<Real>(p.days, 70, 4);
    EXPECT_EQ(Runoff<Real>(p.options).device_bytes({50, 43, 0, false, false}), 0);
    for (const bool there : {false, true}) {
      const Count before = held_bytes();
      RunoffRun<Real> run(emulated(p));
      std::vector<Real> fixed(run.fixed.size()), dynamic(run.dynamic.size());
      run.runoff.resize(seed.size());
      run.model.forward({run.precipitation.data(), run.temperature.data(), run.pet.data(), p.days, there},
                        {run.fixed, run.dynamic, there}, {}, run.runoff, {}, 7);
      run.model.adjoint(seed, {}, {fixed, dynamic, {}, there});
      EXPECT_EQ(held_bytes() - before, run.model.device_bytes({50, 43, 0, there, there})) << variant << there;
    }
    EXPECT_EQ(held_bytes(), 0);
  }
}

TYPED_TEST(RunoffDevice, TooLittleMemoryIsSaidBeforeItIsTaken) {
  using Real = TypeParam;
  const auto p = random_runoff_problem({"1.1p", {"K0"}}, 70, 4, 50, 25);
  RunoffRun<Real> run(emulated(p));
  const Count needed = run.model.device_bytes({50, 50, kRunoffOutputs, false, false});
  ::setenv("DPL_EMULATE_MEMORY", std::to_string(needed - 1).c_str(), 1);
  const Count held = held_bytes();
  const auto message = message_of([&] { run.forward(); });
  EXPECT_NE(message.find("50 days, 50 of them on tape, of 70 catchments with 4 components"), std::string::npos) << message;
  EXPECT_EQ(held_bytes(), held);
  ::setenv("DPL_EMULATE_MEMORY", std::to_string(needed).c_str(), 1);
  EXPECT_NO_THROW(run.forward());
  ::unsetenv("DPL_EMULATE_MEMORY");
}

TYPED_TEST(RunoffDevice, UnitHydrographGivesTheBitsOfTheCpu) {
  using Real = TypeParam;
  constexpr Index n = 21;
  Draws draws(26);
  std::vector<Real> a(n), b(n);
  for (Index c = 0; c < n; ++c) {
    a[c] = static_cast<Real>(draws.uniform(-0.1, 2.9));
    b[c] = static_cast<Real>(draws.uniform(-0.1, 6.5));
  }
  UnitHydrograph<Real> device(Device::emulated);
  for (const Count days : {100, 7, 16, 33}) {
    const UnitHydrograph<Real> cpu(a, b);
    device.set(a, b);
    const auto x = random_seed<Real>(days, n, 5), seed = random_seed<Real>(days, n, 6);
    std::vector<Real> y[2], x_adjoint[2], by_a[2], by_b[2];
    for (const int which : {0, 1}) {
      for (auto* array : {&y[which], &x_adjoint[which]}) array->assign(x.size(), Real(-1));
      for (auto* array : {&by_a[which], &by_b[which]}) array->assign(n, Real(-1));
      const UnitHydrograph<Real>& of = which == 0 ? cpu : device;
      of.forward(x, y[which]);
      of.adjoint(x, seed, x_adjoint[which], by_a[which], by_b[which]);
    }
    EXPECT_EQ(y[1], y[0]);
    EXPECT_EQ(x_adjoint[1], x_adjoint[0]);
    EXPECT_EQ(by_a[1], by_a[0]);
    EXPECT_EQ(by_b[1], by_b[0]);
  }
}

}  // namespace
}  // namespace dpl
