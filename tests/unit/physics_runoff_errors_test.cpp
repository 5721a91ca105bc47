// Test of what the runoff model refuses, and of its tables.
#include "tests/support/message_of.hpp"
#include "tests/support/runoff_cases.hpp"

namespace dpl {
namespace {

using namespace test;

void expect_words(const std::string& message, const std::vector<std::string>& words) {
  for (const auto& word : words) EXPECT_NE(message.find(word), std::string::npos) << message << " lacks " << word;
}

RunoffProblem usual() { return random_runoff_problem({"1.1p", {"BETA"}}, 3, 2, 20, 500); }

std::string message_of_run(const RunoffProblem& p, Count tape_from = 0) {
  return message_of([&] { RunoffRun<double>(p).forward(tape_from); });
}

TEST(RunoffErrors, Names) {
  expect_words(message_of([] { runoff_variant_from_name("1.1"); }), {"\"1.1\"", "1.0, 1.1p, 2.0"});
  expect_words(message_of([] { runoff_output_from_name("swe"); }),
               {"\"swe\"", "evapotranspiration, soil_moisture", "snow_water"});
  expect_words(message_of([] { runoff_parameters(RunoffVariant::hbv_1_0, {"K0"}); }),
               {"\"K0\"", "variant 1.0", "BETA, BETAET"});
  expect_words(message_of([] {
                 runoff_parameters(RunoffVariant::hbv_2_0, {"K0", "BETA", "K0"});
               }),
               {"\"K0\"", "twice"});
}

TEST(RunoffErrors, Options) {
  const auto message = [](auto change) {
    RunoffOptions o = random_runoff_problem({"2.0", {}}, 3, 2, 1, 1).options;
    change(o);
    return message_of([&] { Runoff<float> model(o); });
  };
  EXPECT_EQ(message([](auto&) {}), "");
  expect_words(message([](auto& o) { o.catchments = 0; }), {"0 catchments"});
  expect_words(message([](auto& o) { o.components = 0; }), {"nmul is 0"});
  expect_words(message([](auto& o) { o.area_km2.pop_back(); }), {"area_km2", "all 3", "2 are given"});
  expect_words(message([](auto& o) { o.elevation_m.clear(); }), {"elevation_m", "all 3", "0 are given"});
  expect_words(message([](auto& o) { o.area_km2[1] = -4; }), {"area_km2 of catchment 1", "-4", "from 0"});
  expect_words(message([](auto& o) { o.elevation_m[2] = std::nan(""); }), {"elevation_m of catchment 2", "nan"});
}

TEST(RunoffErrors, Arrays) {
  EXPECT_EQ(message_of_run(usual()), "");
  const auto message = [](auto change) {
    auto p = usual();
    change(p);
    return message_of_run(p);
  };
  expect_words(message([](auto& p) { p.precipitation[7] = std::nan(""); }),
               {"precipitation_mm_day of day 2, catchment 1", "nan", "from 0"});
  expect_words(message([](auto& p) { p.precipitation[8] = -1; }), {"precipitation_mm_day of day 2, catchment 2", "-1"});
  expect_words(message([](auto& p) { p.temperature[3] = INFINITY; }),
               {"temperature_degc of day 1, catchment 0", "inf", "finite"});
  expect_words(message([](auto& p) { p.pet[59] = -0.5; }), {"pet_mm_day of day 19, catchment 2", "-0.5"});
  expect_words(message([](auto& p) { p.fixed[1 * 6 + 4] = 20; }),
               {"FC of component 1, catchment 1", "20 mm", "50 to 1000"});
  expect_words(message([](auto& p) { p.fixed[5 * 6] = std::nan(""); }), {"LP of component 0, catchment 0", "nan"});
  EXPECT_EQ(message([](auto& p) { p.fixed[0] = std::nan(""); }), "");  // BETA is dynamic: this row is not read
  expect_words(message([](auto& p) { p.fixed.pop_back(); }), {"fixed parameters has 83 values, 84 are needed"});
  expect_words(message([](auto& p) { p.dynamic.pop_back(); }), {"dynamic parameters has 119 values, 120 are needed"});
  expect_words(message([](auto& p) { p.states[2 * 6 + 3] = 0; }),
               {"state SM of component 1, catchment 0", "0 mm", "1e-06"});
  expect_words(message([](auto& p) { p.states[4 * 6] = -1; }), {"state SLZ", "-1 mm"});
  expect_words(message_of_run(usual(), 20), {"day 20", "0 to 19"});
}

TEST(RunoffErrors, Adjoint) {
  RunoffRun<float> run(usual());
  const auto seed = random_seed<float>(20, 3, 1);
  expect_words(message_of([&] { run.adjoint(seed); }), {"no tape"});
  run.forward(Runoff<float>::kNoTape);
  expect_words(message_of([&] { run.adjoint(seed); }), {"no tape"});
  run.forward();
  run.pet[0] = -1;
  EXPECT_NE(message_of([&] { run.forward(); }), "");
  expect_words(message_of([&] { run.adjoint(seed); }), {"no tape"});
  run.pet[0] = 1;
  run.forward();
  expect_words(message_of([&] { run.adjoint({1, 2, 3}); }), {"has 3 values, 60 are needed"});
  RunoffSeries<const float> series;
  series[static_cast<int>(RunoffOutput::water_made)] = seed;
  expect_words(message_of([&] { run.model.adjoint(seed, series, {}); }), {"water_made has no adjoint"});
}

TEST(RunoffErrors, WhatIsNotFiniteIsFound) {
  auto p = usual();
  p.dynamic[(12 * 1 + 0) * 6 + 3 + 1] = std::nan("");  // BETA of day 12, component 1, catchment 1
  RunoffRun<float> run(p);
  run.forward();
  const auto [day, catchment] = run.model.first_not_finite();
  EXPECT_EQ(day, 12);
  EXPECT_EQ(catchment, 1);
}

TEST(RunoffTables, ParametersOfTheVariants) {
  const auto names = [](RunoffVariant v, const std::vector<std::string>& dynamic) {
    std::string all;
    for (const auto& p : runoff_parameters(v, dynamic)) all += std::string(p.name) + " ";
    return all;
  };
  const std::string ten = "BETA FC K0 K1 K2 LP PERC UZL TT CFMAX CFR CWH ";
  EXPECT_EQ(names(RunoffVariant::hbv_1_0, {"BETA"}), ten);
  EXPECT_EQ(names(RunoffVariant::hbv_1_0, {"BETAET"}), ten + "BETAET ");
  EXPECT_EQ(names(RunoffVariant::hbv_1_1p, {}), ten + "BETAET C ");
  EXPECT_EQ(names(RunoffVariant::hbv_2_0, {}), ten + "BETAET C RT AC ");
  EXPECT_EQ(usual_components(RunoffVariant::hbv_1_1p), 16);
  EXPECT_EQ(usual_components(RunoffVariant::hbv_2_0), 4);
  for (const auto& name : runoff_output_names())
    EXPECT_EQ(runoff_output_info(runoff_output_from_name(name)).name, name);
  for (const auto& name : runoff_variant_names()) EXPECT_EQ(runoff_variant_name(runoff_variant_from_name(name)), name);
}

}  // namespace
}  // namespace dpl
