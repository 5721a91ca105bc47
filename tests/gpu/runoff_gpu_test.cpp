// ranks: 1
// Runoff on the GPU: the CPU's series to 1e-5 and gradients to 1e-4 in single precision, the same bits run after run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/gpu_device.hpp"
#include "tests/support/runoff_cases.hpp"

namespace dpl {
namespace {

using namespace test;

double relative(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    if (!std::isfinite(a[i])) return HUGE_VAL;
  }
  return largest > 0 ? difference / largest : difference;
}

// False where this program's runoff knows no device.
template <class Options>
bool place(Options& options, Device device) {
  if constexpr (requires { options.device = device; }) {
    options.device = device;
    return true;
  }
  return device == Device::cpu;
}

class RunoffOnGpu : public testing::TestWithParam<RunoffSetting> {};

TEST_P(RunoffOnGpu, AgreesWithTheCpuAndRepeatsItsBits) {
  DPL_NEEDS_DEVICE();
  auto problem = random_runoff_problem(GetParam(), 130, 4, 60, 3);
  RunoffRun<float> cpu(problem);
  if (!place(problem.options, gpu_device())) GTEST_SKIP() << "runoff has no device in this program";
  RunoffRun<float> gpu(problem);
  const auto seed = random_seed<float>(problem.days, problem.options.catchments, 7);
  cpu.forward(0, true), gpu.forward(0, true);
  cpu.adjoint(seed), gpu.adjoint(seed);
  EXPECT_LT(relative(gpu.runoff, cpu.runoff), 1e-5);
  for (int k = 0; k < kRunoffOutputs; ++k) EXPECT_LT(relative(gpu.outputs[k], cpu.outputs[k]), 1e-5) << k;
  EXPECT_LT(relative(gpu.fixed_adjoint, cpu.fixed_adjoint), 1e-4);
  EXPECT_LT(relative(gpu.dynamic_adjoint, cpu.dynamic_adjoint), 1e-4);
  EXPECT_LT(relative(gpu.states_adjoint, cpu.states_adjoint), 1e-4);
  const auto runoff = gpu.runoff, fixed = gpu.fixed_adjoint, dynamic = gpu.dynamic_adjoint;
  gpu.forward(0, true);
  gpu.adjoint(seed);
  EXPECT_TRUE(gpu.runoff == runoff && gpu.fixed_adjoint == fixed && gpu.dynamic_adjoint == dynamic)
      << "other bits in the second run";
}

INSTANTIATE_TEST_SUITE_P(Variants, RunoffOnGpu, testing::ValuesIn(runoff_settings()));

}  // namespace
}  // namespace dpl
