// What the router refuses, and how it says so.
#include "tests/support/message_of.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

template <class Real>
class RouterErrors : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RouterErrors, Precisions);

TYPED_TEST(RouterErrors, WindowsThatDoNotFitAreErrors) {
  const auto p = random_problem({}, 51);
  RouterRun<TypeParam> run(p);
  auto& router = run.router();
  const Index n = p.topology.size();
  std::vector<TypeParam> discharge(10);
  const auto message = [&](const ReachParameters<TypeParam>& parameters, const LateralInflow<TypeParam>& inflow,
                           Count steps, Index probe) {
    return message_of(
        [&] { router.forward(parameters, inflow, steps, {}, std::vector<Index>{probe}, discharge, true); });
  };
  auto fewer = run.parameters();
  fewer.b.pop_back();
  EXPECT_EQ(message(fewer, run.inflow(), 10, 0), "routing: parameters of 40, 39 and 40 reaches for 40 reaches");
  auto still = run.inflow();
  still.hold = 0;
  const std::string window = "rows of lateral inflow hold for";
  EXPECT_NE(message(run.parameters(), still, 10, 0).find(window), std::string::npos);
  EXPECT_NE(message(run.parameters(), run.inflow(), -1, 0).find(window), std::string::npos);
  EXPECT_EQ(message(run.parameters(), run.inflow(), 10, n), "routing: a probe at own reach 40 of 40");
  EXPECT_EQ(message(run.parameters(), run.inflow(), 10, -1), "routing: a probe at own reach -1 of 40");
  router.forward(run.parameters(), run.inflow(), 10, {}, std::vector<Index>{0}, discharge, true);
  ReachParameters<TypeParam> g;
  std::vector<TypeParam> lateral(10 * n - 1);
  EXPECT_EQ(message_of([&] { router.adjoint(std::vector<TypeParam>(9), g, {}); }),
            "routing: a seed of 9 values for 10 of discharge");
  EXPECT_EQ(message_of([&] { router.adjoint(discharge, g, lateral); }),
            "routing: room for 399 values of the adjoint of lateral inflow, 400 are made");
  router.leave_out_pieces(std::vector<std::uint8_t>(run.network().pieces.size(), 1));   // other pieces: no tape of them
  EXPECT_EQ(message_of([&] { router.adjoint(discharge, g, {}); }),
            "routing: adjoint without a forward pass that kept its tape");
}

}  // namespace
}  // namespace dpl
