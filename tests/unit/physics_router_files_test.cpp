// The router against the reference files: values, states, gradients.
#include <filesystem>

#include "dpl/experiments/reference_case.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

template <class Real>
class RouterFiles : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RouterFiles, Precisions);

template <class Real>
void compare_with_file(const std::string& path) {
  const ReferenceCase c = read_reference_case(path);
  ReferenceProblem<double> p;
  const auto n = static_cast<Index>(c.downstream.size());
  p.topology = topology_of(c.downstream);
  p.properties = {c.length_m, c.slope, std::vector<Index>(n, 1)};
  p.options = c.options;
  p.a = c.a, p.b = c.b, p.c = c.c;
  p.lateral = c.lateral_inflow;
  p.steps = static_cast<Count>(c.lateral_inflow.size());
  RouterRun<Real> run(p);
  const auto discharge = run.forward(true);
  const auto close = [&](const auto& ours, const std::vector<double>& theirs, double relative, const char* name) {
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      largest = std::max(largest, std::abs(theirs[i]));
      difference = std::max(difference, std::abs(ours[i] - theirs[i]));
    }
    EXPECT_LE(difference, relative * largest) << path << ": " << name;
  };
  const bool is_double = sizeof(Real) == 8;
  ASSERT_EQ(discharge.size(), c.discharge.size());
  auto weight = random_weights(run.rows(), n, 0);
  for (std::size_t t = 0; t < discharge.size(); ++t) {
    close(discharge[t], c.discharge[t], is_double ? 1e-9 : 2e-5, "discharge");
    for (Index r = 0; r < n; ++r)
      weight[t][r] = r == c.outlet ? 2.0 * discharge[t][r] / static_cast<double>(run.rows()) : 0;
  }
  if (!c.storage.empty()) close(run.final_state(), c.storage.back(), is_double ? 1e-9 : 2e-5, "storage");
  const auto g = run.adjoint(weight);
  const double tolerance = is_double ? 1e-8 : 2e-4;
  close(g.a, c.dJ_da, tolerance, "dJ/dn");
  close(g.b, c.dJ_db, tolerance, "dJ/dp");
  if (!c.dJ_dc.empty()) close(g.c, c.dJ_dc, tolerance, "dJ/dq");
  for (const auto& [step, values] : c.dJ_dlateral) close(g.lateral[step], values, tolerance, "dJ/dlateral");
}

TYPED_TEST(RouterFiles, AgreeWithTheReferenceFiles) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DPL_TEST_SOURCE_DIR "/tests/data/oracles"))
    if (entry.path().filename().string().starts_with("routing_")) {
      compare_with_file<TypeParam>(entry.path().string());
      ++files;
    }
  EXPECT_GE(files, 15);
}

}  // namespace
}  // namespace dpl
