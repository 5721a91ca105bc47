// Test of a column and a day: the step against the plain one, its adjoint and that of the cell against dual numbers, on
// both sides of every limit.
#include <bit>
#include <map>

#include "dpl/physics/hbv.hpp"
#include "dpl/physics/runoff.hpp"
#include "tests/support/reference_runoff.hpp"

namespace dpl {
namespace {

using namespace test;
constexpr int kCases = 20000;
using D = Dual<22>;  // 17 parameters, 5 states

struct Column {
  std::array<double, 17> p;
  std::array<double, 5> s;
  HbvForcing<double> f;
  double area, elevation;
};

Column random_column(Draws& draws) {
  Column c;
  int k = 0;
  for (const RunoffParameter& r : runoff_parameters(RunoffVariant::hbv_2_0)) c.p[k++] = draws.uniform(r.lower, r.upper);
  c.p[k] = draws.uniform(0.5, 1.5);
  for (double& x : c.s) x = draws.chance(0.2) ? draws.log_uniform(1e-8, 1e-3) : draws.log_uniform(1e-3, 300);
  c.s[2] = draws.chance(0.1) ? draws.uniform(1e-5, 2e-5) : draws.uniform(0.01, 1.1) * c.p[1];
  if (draws.chance(0.2)) c.s[0] = c.s[1] = 0;
  c.f = {draws.chance(0.4) ? 0 : draws.log_uniform(0.1, 80), draws.uniform(-8, 12),
         draws.chance(0.1) ? 60 : draws.uniform(0, 9)};
  c.area = draws.chance(0.3) ? draws.uniform(2500, 3200) : draws.uniform(1, 2500);
  c.elevation = draws.uniform(0, 4000);
  return c;
}

template <class Form, class T>
HbvStep<T> run(const HbvParameters<T>& p, const HbvState<T>& s, const Column& c, HbvPowers<T>& powers) {
  const HbvForcing<T> f{T(c.f.precipitation), T(c.f.temperature), T(c.f.pet)};
  return hbv_step<Form>(hbv_cell<Form>(p, T(c.area), T(c.elevation)), s, f, powers);
}

HbvParameters<double> parameters_of(const Column& c) { return std::bit_cast<HbvParameters<double>>(c.p); }
HbvState<double> state_of(const Column& c) { return std::bit_cast<HbvState<double>>(c.s); }

template <class Form>
struct Name;
template <>
struct Name<HbvForm<false, false, false>> { static constexpr const char* text = "1.0"; };
template <>
struct Name<HbvForm<true, false, false>> { static constexpr const char* text = "1.0"; };
template <>
struct Name<HbvForm<true, true, false>> { static constexpr const char* text = "1.1p"; };
template <>
struct Name<HbvForm<true, true, true>> { static constexpr const char* text = "2.0"; };

template <class Form>
class Hbv : public testing::Test {};
using Forms = testing::Types<HbvForm<false, false, false>, HbvForm<true, false, false>, HbvForm<true, true, false>,
                             HbvForm<true, true, true>>;
TYPED_TEST_SUITE(Hbv, Forms);

TYPED_TEST(Hbv, StepIsThePlainOne) {
  for (int i = 0; i < kCases; ++i) {
    Draws draws(31, i);
    const Column c = random_column(draws);
    PlainColumn<double> plain;
    plain.variant = Name<TypeParam>::text;
    plain.dynamic_exponent = TypeParam::kExponent;
    plain.area_km2 = c.area;
    plain.elevation_m = c.elevation;
    plain.SP = c.s[0], plain.MW = c.s[1], plain.SM = c.s[2], plain.SUZ = c.s[3], plain.SLZ = c.s[4];
    plain.day({c.p.begin(), c.p.end()}, c.p[16] * c.f.precipitation, c.f.temperature, c.f.pet);
    HbvPowers<double> powers;
    const auto next = run<TypeParam, double>(parameters_of(c), state_of(c), c, powers);
    const double scale = 1e-12 * (c.f.precipitation + c.s[0] + c.s[1] + c.s[2] + c.s[3] + c.s[4] + c.p[14]);
    ASSERT_NEAR(next.state.SP, plain.SP, scale) << i;
    ASSERT_NEAR(next.state.MW, plain.MW, scale) << i;
    ASSERT_NEAR(next.state.SM, plain.SM, scale) << i;
    ASSERT_NEAR(next.state.SUZ, plain.SUZ, scale) << i;
    ASSERT_NEAR(next.state.SLZ, plain.SLZ, scale) << i;
    ASSERT_NEAR(next.runoff, plain.runoff, scale) << i;
    ASSERT_NEAR(next.evapotranspiration, plain.ET, scale) << i;
    ASSERT_NEAR(next.recharge, plain.recharge, scale) << i;
    ASSERT_NEAR(next.water_made, plain.made, scale) << i;
  }
}

// Which of the limits bind; every one must be seen on both sides.
template <class Form>
void note_branches(const Column& c, const HbvPowers<double>& powers, std::map<std::string, int>& seen) {
  const auto cell = hbv_cell<Form>(parameters_of(c), c.area, c.elevation);
  const auto snow = hbv_snow(cell, c.s[0], c.s[1], c.f.precipitation, c.f.temperature);
  const auto drainage = hbv_drainage(cell, c.s[2], snow.water, powers.recharge_share);
  const auto soil = hbv_soil<Form>(cell, drainage.SM, c.s[4], c.f.pet, powers.evaporation);
  const auto zones = hbv_zones<Form>(cell, c.s[3], soil.SLZ, drainage.recharge);
  const auto note = [&seen](const char* name, bool side) { ++seen[std::string(name) + (side ? " +" : " -")]; };
  if (snow.warmth > 0) note("all melts", snow.potential_melt > snow.before_melt);
  if (snow.warmth < 0) note("all freezes", snow.potential_freeze > snow.before_freeze);
  note("water leaves snow", snow.excess > 0);
  note("share of 1", powers.recharge_share > 1);
  note("overflow", drainage.excess > 0);
  note("evaporation limited by dryness", drainage.SM * cell.inverse_LP_FC < 1);
  note("all evaporates", soil.demand > drainage.SM);
  note("all percolates", zones.filled < cell.PERC);
  note("fast flow", zones.over > 0);
  if (Form::kCapillary) note("floor of the lower zone", soil.SLZ_left > kSmallestMoisture);
  if (Form::kExchange) note("lower zone empty", zones.exchanged > 0);
}

TYPED_TEST(Hbv, StepAdjointOfStatesAndParameters) {
  using Form = TypeParam;
  std::map<std::string, int> seen;
  for (int i = 0; i < kCases; ++i) {
    Draws draws(32, i);
    const Column c = random_column(draws);
    std::array<D, 17> p;
    std::array<D, 5> s;
    for (int k = 0; k < 17; ++k) p[k] = D::input(c.p[k], k);
    for (int k = 0; k < 5; ++k) s[k] = D::input(c.s[k], 17 + k);
    const HbvParameters<D> dual_p{p[0], p[1], p[2],  p[3],  p[4],  p[5],  p[6],  p[7],
                                  p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15], p[16]};
    HbvPowers<D> dual_powers;
    const auto dual = run<Form, D>(dual_p, {s[0], s[1], s[2], s[3], s[4]}, c, dual_powers);
    const HbvSeed<double> w{draws.normal(), draws.normal(), draws.normal(),
                            {draws.normal(), draws.normal(), draws.normal(), draws.normal(), draws.normal()}};
    HbvPowers<double> powers;
    run<Form, double>(parameters_of(c), state_of(c), c, powers);
    const auto cell = hbv_cell<Form>(parameters_of(c), c.area, c.elevation);
    const auto a = hbv_step_adjoint<Form>(cell, state_of(c), c.f, powers, w);
    const auto g =
        std::bit_cast<std::array<double, 17>>(hbv_cell_adjoint<Form>(parameters_of(c), c.area, c.elevation, a.cell));
    const auto gs = std::bit_cast<std::array<double, 5>>(a.state);
    std::vector<AdjointEntry> entries;
    static const char* names[] = {"BETA", "FC",    "K0",  "K1",  "K2",     "LP", "PERC", "UZL", "TT", "CFMAX", "CFR",
                                  "CWH",  "BETAET", "C", "RT", "AC", "PCORR", "SP", "MW", "SM", "SUZ", "SLZ"};
    for (int k = 0; k < 22; ++k) {
      const double by_duals = w.runoff * dual.runoff.d[k] + w.evapotranspiration * dual.evapotranspiration.d[k] +
                              w.recharge * dual.recharge.d[k] + w.state.SP * dual.state.SP.d[k] +
                              w.state.MW * dual.state.MW.d[k] + w.state.SM * dual.state.SM.d[k] +
                              w.state.SUZ * dual.state.SUZ.d[k] + w.state.SLZ * dual.state.SLZ.d[k];
      entries.push_back({names[k], k < 17 ? c.p[k] : c.s[k - 17], k < 17 ? g[k] : gs[k - 17], by_duals});
    }
    note_branches<Form>(c, powers, seen);
    expect_same_derivatives(entries, 1e-10, "case " + std::to_string(i), 1);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GE(seen.size(), 18u);
  EXPECT_EQ(seen.size() % 2, 0u);
  for (const auto& [branch, n] : seen) EXPECT_GT(n, 20) << branch;
}

TEST(HbvExchange, FollowsAreaAndElevation) {
  using Form = HbvForm<true, true, true>;
  HbvParameters<double> p{};
  p.FC = 100, p.LP = 0.5, p.RT = 10, p.AC = 500, p.TT = 1;
  EXPECT_DOUBLE_EQ((hbv_cell<Form>(p, 750.0, 1999.0).LF), 2.5);
  EXPECT_DOUBLE_EQ((hbv_cell<Form>(p, 2000.0, 0.0).LF), 10);
  p.AC = 2400;
  EXPECT_DOUBLE_EQ((hbv_cell<Form>(p, 100.0, 0.0).LF), -10);
  EXPECT_DOUBLE_EQ((hbv_cell<Form>(p, 2500.0, 0.0).LF), 10);
  EXPECT_NEAR((hbv_cell<Form>(p, 2600.0, 0.0).LF), 10 * std::exp(-2.0), 1e-14);
  EXPECT_NEAR((hbv_cell<Form>(p, 9000.0, 0.0).LF), 10 * std::exp(-10.0), 1e-16);
  EXPECT_EQ((hbv_cell<Form>(p, 1.0, 1999.9).TT), 1);
  EXPECT_EQ((hbv_cell<Form>(p, 1.0, 2000.0).TT), 4);
}

// What is not a number may not disappear in a min or max.
TEST(HbvNaN, GoesThrough) {
  using Form = HbvForm<true, true, false>;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::array<float, 17> p{2, 200, 0.3f, 0.1f, 0.05f, 0.6f, 2, 20, 0, 3, 0.05f, 0.1f, 1.5f, 0.4f, 0, 0, 1};
  for (int k : {0, 2, 12}) {  // those that may change from day to day; the others are looked at before a window
    auto broken = p;
    broken[k] = nan;
    HbvPowers<float> powers;
    const auto c = hbv_cell<Form>(std::bit_cast<HbvParameters<float>>(broken), 0.0f, 0.0f);
    const auto next = hbv_step<Form>(c, HbvState<float>{5, 5, 150, 40, 10}, HbvForcing<float>{10, 5, 3}, powers);
    const float sum = next.state.SP + next.state.MW + next.state.SM + next.state.SUZ + next.state.SLZ + next.runoff;
    EXPECT_TRUE(std::isnan(sum)) << k;
  }
}

}  // namespace
}  // namespace dpl
