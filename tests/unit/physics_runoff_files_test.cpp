// The runoff model and its unit hydrograph against the reference files: values, states, gradients.
#include <filesystem>

#include "dpl/experiments/verify_runoff.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/adjoint_comparison.hpp"

namespace dpl {
namespace {

template <class Real>
class RunoffFiles : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RunoffFiles, Precisions);

TYPED_TEST(RunoffFiles, AgreeWithTheReferenceFiles) {
  int files = 0, quantities = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DPL_TEST_SOURCE_DIR "/tests/data/oracles")) {
    if (!entry.path().filename().string().starts_with("hbv_")) continue;
    auto c = read_runoff_reference_case(entry.path().string());
    for (const Device device : {Device::emulated, Device::cpu}) {
      c.options.device = device;
      for (const Deviation& d : compare_runoff<TypeParam>(c)) {
        EXPECT_LE(d.value, d.tolerance) << c.name << ": " << d.quantity;
        if (device == Device::cpu) ++quantities;
      }
    }
    // A wrong value is seen.
    const double allowed = sizeof(TypeParam) == 8 ? 1e-8 : 2e-4;
    const auto largest = std::max_element(c.gradient.begin(), c.gradient.end(),
                                          [](double a, double b) { return std::abs(a) < std::abs(b); });
    *largest *= 1 + 3 * allowed;
    EXPECT_FALSE(compare_runoff<TypeParam>(c).back().passed());
    c.states[3][2] += 0.1;
    bool seen = false;
    for (const Deviation& d : compare_runoff<TypeParam>(c)) seen = seen || (d.quantity == "states" && !d.passed());
    EXPECT_TRUE(seen);
    ++files;
  }
  EXPECT_EQ(files, 6);
  EXPECT_EQ(quantities, files * (sizeof(TypeParam) == 8 ? 10 : 6));
}

}  // namespace
}  // namespace dpl
