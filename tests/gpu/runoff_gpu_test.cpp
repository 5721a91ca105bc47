// ranks: 1
// Runoff on the GPU: the CPU's series to 1e-5 and gradients to 1e-4 in single precision, the same bits run after run.
#include <gtest/gtest.h>

#include "tests/support/gpu_device.hpp"
#include "tests/support/runoff_cases.hpp"

namespace dpl {
namespace {

using namespace test;

class RunoffOnGpu : public testing::TestWithParam<RunoffSetting> {};

TEST_P(RunoffOnGpu, AgreesWithTheCpuAndRepeatsItsBits) {
  DPL_NEEDS_DEVICE();
  auto problem = random_runoff_problem(GetParam(), 130, 4, 60, 3);
  RunoffRun<float> cpu(problem);
  problem.options.device = gpu_device();
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
