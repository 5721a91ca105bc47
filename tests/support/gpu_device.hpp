// The device of the tests in tests/gpu: the GPU, the host that emulates one (DPL_EMULATE_DEVICE), or none.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dpl/physics/devices.hpp"

namespace dpl::test {

/// cpu where there is no GPU: the test is then skipped (DPL_NEEDS_DEVICE).
inline Device gpu_device() {
  const auto seen = visible_gpus();
  if (!seen.problem.empty()) return Device::cpu;
  return emulated_gpus() ? Device::emulated : Device::cuda;
}

inline std::string why_no_gpu() { return "no GPU: " + visible_gpus().problem; }

/// Largest difference as a share of the largest number: single numbers near zero have no relative precision.
template <class Real>
double relative(const std::vector<Real>& a, const std::vector<Real>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    if (!std::isfinite(a[i])) return HUGE_VAL;
  }
  return largest > 0 ? difference / largest : difference;
}

}  // namespace dpl::test

/// Skips a test that a GPU or its emulation can run.
#define DPL_NEEDS_DEVICE() \
  if (dpl::test::gpu_device() == dpl::Device::cpu) GTEST_SKIP() << dpl::test::why_no_gpu()
/// Skips a test that only a GPU can run.
#define DPL_NEEDS_GPU()                             \
  if (dpl::test::gpu_device() != dpl::Device::cuda) \
  GTEST_SKIP() << (dpl::emulated_gpus() ? std::string("the GPU is only emulated") : dpl::test::why_no_gpu())
