// Test of the unit hydrograph: weights by hand, adjoints against dual numbers and the dot-product test.
#include "dpl/base/error.hpp"
#include "dpl/physics/unit_hydrograph.hpp"
#include "tests/support/adjoint_comparison.hpp"
#include "tests/support/dual.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

using namespace test;
using D = Dual<2>;

TEST(UnitHydrograph, WeightsByHand) {
  // a = 0.9, b = 1.5: a' = 1, theta' = 2: exp(-t / 2), a geometric series of ratio exp(-1/2).
  const auto w = hydrograph_weights(0.9, 1.5);
  const double ratio = std::exp(-0.5), first = (1 - ratio) / (1 - std::pow(ratio, 15));
  for (int k = 0; k < kHydrographDays; ++k) EXPECT_NEAR(w[k], first * std::pow(ratio, k), 1e-15);
  // a = 2.9, b = 0: a' = 3, theta' = 1/2: t^2 exp(-2 t).
  const auto v = hydrograph_weights(2.9, 0);
  EXPECT_NEAR(v[1] / v[0], 9 * std::exp(-2.0), 1e-14);
  EXPECT_NEAR(v[2] / v[0], 25 * std::exp(-4.0), 1e-14);
  EXPECT_EQ(hydrograph_weights(-1, -2), hydrograph_weights(0, 0));
}

TEST(UnitHydrograph, WeightsAdjoint) {
  for (int i = 0; i < 2000; ++i) {
    Draws draws(41, i);
    const double a = draws.uniform(-0.2, kHydrographLargestA), b = draws.uniform(-0.2, kHydrographLargestB);
    const D shape = (a < 0 ? D(0.0) : D::input(a, 0)) + D(0.1), scale = (b < 0 ? D(0.0) : D::input(b, 1)) + D(0.5);
    std::array<D, kHydrographDays> w;
    D sum;
    for (int k = 0; k < kHydrographDays; ++k) {
      const D t(k + 0.5);
      w[k] = power(t, shape - D(1.0)) * exp2_of(-(t / scale) * D(1 / std::log(2.0)));
      sum = sum + w[k];
    }
    HydrographWeights seed;
    D J;
    for (int k = 0; k < kHydrographDays; ++k) {
      seed[k] = draws.normal();
      J = J + D(seed[k]) * (w[k] / sum);
      ASSERT_NEAR(hydrograph_weights(a, b)[k], (w[k] / sum).value, 1e-14);
    }
    const auto g = hydrograph_weights_adjoint(a, b, seed);
    expect_same_derivatives({{"a", 1, g.a, J.d[0]}, {"b", 1, g.b, J.d[1]}}, 1e-10, std::to_string(i), 1);
    if (testing::Test::HasFatalFailure()) return;
  }
}

template <class Real>
class Convolution : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Convolution, Precisions);

TYPED_TEST(Convolution, IsCausalAndKeepsVolume) {
  using Real = TypeParam;
  const std::vector<Real> a{1, 2.5f}, b{2, 0.3f};
  const UnitHydrograph<Real> uh(a, b);
  constexpr Count days = 30;
  std::vector<Real> x(days * 2, 0), y(days * 2);
  x[4 * 2] = 8;        // catchment 0, day 4
  x[20 * 2 + 1] = 4;   // catchment 1, day 20: its last five days are not in the window
  uh.forward(x, y);
  const auto w0 = hydrograph_weights(a[0], b[0]), w1 = hydrograph_weights(a[1], b[1]);
  for (Count t = 0; t < days; ++t) {
    const double expected0 = t >= 4 && t < 19 ? 8 * w0[t - 4] : 0, expected1 = t >= 20 ? 4 * w1[t - 20] : 0;
    EXPECT_NEAR(y[t * 2], expected0, 1e-6) << t;
    EXPECT_NEAR(y[t * 2 + 1], expected1, 1e-6) << t;
  }
}

TEST(ConvolutionAdjoint, DotProductTest) {
  constexpr Index n = 7;
  for (const Count days : {3, 40}) {
    Draws draws(42, days);
    std::vector<double> a(n), b(n), x(days * n), u(days * n), w(days * n), y(days * n), x_adjoint(days * n), ga(n),
        gb(n);
    for (double& v : a) v = draws.uniform(0, kHydrographLargestA);
    for (double& v : b) v = draws.uniform(0, kHydrographLargestB);
    for (auto* values : {&x, &u, &w})
      for (double& v : *values) v = draws.normal();
    const UnitHydrograph<double> uh(a, b);
    uh.forward(u, y);
    uh.adjoint(x, w, x_adjoint, ga, gb);
    double forward = 0, backward = 0, size = 0;
    for (Count i = 0; i < days * n; ++i) {
      forward += w[i] * y[i];
      backward += x_adjoint[i] * u[i];
      size += std::abs(w[i] * y[i]);
    }
    EXPECT_NEAR(forward, backward, 1e-12 * size);
    // By a and b: central differences of <w, y>.
    uh.forward(x, y);
    for (auto* parameter : {&a, &b})
      for (Index c = 0; c < n; ++c) {
        const double old = (*parameter)[c], h = 1e-5;
        const auto J = [&](double value) {
          (*parameter)[c] = value;
          UnitHydrograph<double>(a, b).forward(x, y);
          double sum = 0;
          for (Count i = 0; i < days * n; ++i) sum += w[i] * y[i];
          return sum;
        };
        const double slope = (J(old + h) - J(old - h)) / (2 * h);
        (*parameter)[c] = old;
        EXPECT_NEAR(parameter == &a ? ga[c] : gb[c], slope, 1e-6 * (1 + std::abs(slope)));
      }
  }
}

TEST(UnitHydrograph, ErrorsSayWhatIsWrong) {
  const std::vector<float> two{1, 1}, three{1, 1, 1}, broken{1, std::nanf("")};
  EXPECT_NE(message_of([&] { UnitHydrograph<float>(two, three); }).find("2 values of a, 3 of b"), std::string::npos);
  EXPECT_NE(message_of([&] { UnitHydrograph<float>(two, broken); }).find("catchment 1"), std::string::npos);
  std::vector<float> y(3);
  EXPECT_NE(
      message_of([&] { UnitHydrograph<float>(two, two).forward(three, y); }).find("no whole days of 2 catchments"),
      std::string::npos);
}

}  // namespace
}  // namespace dpl
