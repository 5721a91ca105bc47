// ranks: 1
// Routing on the GPU: the CPU's discharge to 1e-5 and gradients to 1e-4 in single precision, the same bits run after
// run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/gpu_device.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

constexpr double kForward = 1e-5, kGradient = 1e-4;

ReferenceProblem<double> on(ReferenceProblem<double> p, Device device) {
  p.options.device = device;
  return p;
}

template <class Real>
std::vector<Real> flat(const std::vector<std::vector<Real>>& rows) {
  std::vector<Real> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

struct Case {
  Scheme scheme;
  Index reaches, largest_sub_reaches, hold;
};

class RoutingOnGpu : public testing::TestWithParam<Case> {};

TEST_P(RoutingOnGpu, AgreesWithTheCpuAndRepeatsItsBits) {
  DPL_NEEDS_DEVICE();
  const Case c = GetParam();
  CaseShape shape;
  shape.scheme = c.scheme;
  shape.reaches = c.reaches;
  shape.steps = 72;
  shape.largest_sub_reaches = c.largest_sub_reaches;
  shape.hold = c.hold;
  const auto problem = random_problem(shape, 11);
  RouterRun<float> cpu(on(problem, Device::cpu)), gpu(on(problem, gpu_device()));
  const auto expected = flat(cpu.forward(true)), found = flat(gpu.forward(true));
  EXPECT_LT(relative(found, expected), kForward);

  std::vector<std::vector<double>> weight(static_cast<std::size_t>(cpu.rows()),
                                          std::vector<double>(static_cast<std::size_t>(c.reaches)));
  Draws draws(5);
  for (auto& row : weight)
    for (double& w : row) w = draws.normal();
  const auto wanted = cpu.adjoint(weight), made = gpu.adjoint(weight);
  EXPECT_LT(relative(made.a, wanted.a), kGradient);
  EXPECT_LT(relative(made.b, wanted.b), kGradient);
  EXPECT_LT(relative(made.c, wanted.c), kGradient);
  EXPECT_LT(relative(flat(made.lateral), flat(wanted.lateral)), kGradient);

  EXPECT_EQ(flat(gpu.forward(true)), found) << "other bits in the second run";
  EXPECT_TRUE(gpu.adjoint(weight) == made) << "other gradient in the second run";
}

INSTANTIATE_TEST_SUITE_P(Schemes, RoutingOnGpu,
                         testing::Values(Case{Scheme::conservative, 1500, 1, 1}, Case{Scheme::conservative, 700, 3, 24},
                                         Case{Scheme::corrected, 700, 1, 1}, Case{Scheme::published, 700, 2, 1},
                                         Case{Scheme::exact_celerity, 700, 1, 24}, Case{Scheme::positive, 700, 1, 1},
                                         Case{Scheme::muskingum, 700, 1, 1}));

}  // namespace
}  // namespace dpl
