// The device that the key `device` names.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dpl/physics/device_memory.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

TEST(Device, IsTheOneNamedOrEmulated) {
  ::unsetenv("DPL_EMULATE_DEVICE");
  EXPECT_EQ(device_named("cpu"), Device::cpu);
  EXPECT_EQ(device_named("cuda"), Device::cuda);
  ::setenv("DPL_EMULATE_DEVICE", "1", 1);
  EXPECT_EQ(device_named("cpu"), Device::cpu);
  EXPECT_EQ(device_named("cuda"), Device::emulated);
  ::setenv("DPL_EMULATE_DEVICE", "0", 1);
  EXPECT_EQ(device_named("cuda"), Device::cuda);
  ::unsetenv("DPL_EMULATE_DEVICE");
  EXPECT_NE(message_of([] { device_named("emulated"); }).find("\"emulated\""), std::string::npos);
}

}  // namespace
}  // namespace dpl
