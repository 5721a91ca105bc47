// What is said of GPUs, and GPUs that are pretended.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dpl/physics/devices.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

class EmulatedGpus : public testing::Test {
 protected:
  void TearDown() override { ::unsetenv("DPL_EMULATE_DEVICE"); }
};

TEST_F(EmulatedGpus, AreAsManyAsAskedFor) {
  ::setenv("DPL_EMULATE_DEVICE", "3", 1);
  const auto seen = visible_gpus();
  ASSERT_EQ(seen.gpus.size(), 3u);
  EXPECT_TRUE(seen.problem.empty());
  EXPECT_NE(seen.gpus[0].id, seen.gpus[2].id);
  EXPECT_GT(seen.gpus[1].total_bytes, 0);
  EXPECT_EQ(device_named("cuda"), Device::emulated);
  EXPECT_NO_THROW(use_gpu(2));
}

TEST_F(EmulatedGpus, NoneIsAProblem) {
  ::setenv("DPL_EMULATE_DEVICE", "0", 1);
  const auto seen = visible_gpus();
  EXPECT_TRUE(seen.gpus.empty());
  EXPECT_NE(seen.problem.find("no GPU is visible"), std::string::npos);
}

TEST_F(EmulatedGpus, OtherNumbersAreRefused) {
  for (const char* text : {"many", "-1", "1.5"}) {
    ::setenv("DPL_EMULATE_DEVICE", text, 1);
    EXPECT_NE(message_of([] { visible_gpus(); }).find(text), std::string::npos);
  }
}

TEST(GpuProblem, NamesDriverVersionOrCuda) {
  EXPECT_EQ(gpu_problem(13000, 13000, 1, ""), "");
  EXPECT_EQ(gpu_problem(13000, 13010, 1, ""), "") << "minor versions are compatible";
  EXPECT_NE(gpu_problem(0, 13000, 0, "").find("no NVIDIA driver"), std::string::npos);
  const std::string old = gpu_problem(12040, 13000, 0, "insufficient");
  EXPECT_NE(old.find("too old"), std::string::npos);
  EXPECT_NE(old.find("12.4"), std::string::npos);
  EXPECT_NE(old.find("13.0"), std::string::npos);
  EXPECT_NE(gpu_problem(13000, 13000, 0, "system not yet initialized").find("system not yet initialized"),
            std::string::npos);
  EXPECT_NE(gpu_problem(13000, 13000, 0, "").find("CUDA_VISIBLE_DEVICES"), std::string::npos);
}

}  // namespace
}  // namespace dpl
