// Test of what a plan is made of: numbers of ranks, limits, calibrations between sizes and through JSON, detached
// ranks.
#include <gtest/gtest.h>

#include "../support/forest_cases.hpp"
#include "../support/message_of.hpp"
#include "dpl/experiments/scaling_plan.hpp"

namespace dpl {
namespace {

std::vector<Index> planned(std::vector<std::string> ranks, Index largest = 8) {
  PlanConfig config;
  config.ranks = std::move(ranks);
  config.largest = largest;
  return planned_ranks(config);
}

TEST(ScalingPlan, NumbersOfRanks) {
  EXPECT_EQ(planned({}), (std::vector<Index>{1, 2, 4, 8}));
  EXPECT_EQ(planned({}, 7), (std::vector<Index>{1, 2, 4}));
  EXPECT_EQ(planned({"1", "3", "64"}), (std::vector<Index>{1, 3, 64}));
  EXPECT_EQ(planned({"1,3, 64"}), (std::vector<Index>{1, 3, 64}));
  for (const char* wrong : {"0", "-1", "two", "2,1", "1,1", "1.5", "2000000"})
    EXPECT_NE(message_of([&] { planned({wrong}); }).find("plan.ranks holds"), std::string::npos) << wrong;
}

TEST(ScalingPlan, TheLargestPartLimits) {
  PlanRow row;
  row.compute = 3;
  row.fill = 2;
  row.latency = 1;
  EXPECT_STREQ(limit_of(row), "compute");
  row.fill = 4;
  EXPECT_STREQ(limit_of(row), "pipeline depth");
  row.latency = 5;
  EXPECT_STREQ(limit_of(row), "latency");
  row.reduce = 6;
  EXPECT_STREQ(limit_of(row), "reduce");
  row.input = 17;  // it is read meanwhile: less than the rest limits nothing
  EXPECT_STREQ(limit_of(row), "reduce");
  row.input = 19;
  EXPECT_STREQ(limit_of(row), "input");
}

Calibration calibration() {
  Calibration c;
  c.routing = {{100, true, 8, 10, 4e-9, 8e-9}, {10000, true, 2, 10, 2e-9, 6e-9}, {20000, false, 1, 10, 1e-9, 3e-9}};
  c.network_reach_s = 1e-6;
  c.byte_s = 2e-9;
  c.latency_s = 3e-6;
  c.made_for = "conservative";
  c.measured_on = 2;
  c.messages_measured = true;
  return c;
}

TEST(ScalingPlan, CostsLieBetweenMeasuredSizes) {
  const auto c = calibration();
  EXPECT_NEAR(c.routing_of(1000, true).forward_s, 3e-9, 1e-15);  // halfway in logarithms
  EXPECT_NEAR(c.routing_of(1000, true).adjoint_s, 7e-9, 1e-15);
  EXPECT_EQ(c.routing_of(5, true).forward_s, 4e-9);
  EXPECT_EQ(c.routing_of(1e6, true).forward_s, 2e-9);
  EXPECT_EQ(c.routing_of(1000, false).forward_s, 1e-9);
  Calibration cut_only = c;
  cut_only.routing.pop_back();
  EXPECT_EQ(cut_only.routing_of(1e6, false).forward_s, 2e-9);
}

TEST(ScalingPlan, CalibrationsComeBackFromJson) {
  const auto c = calibration();
  const auto back = read_calibration(calibration_json(c), "plan.json");
  EXPECT_EQ(calibration_json(back), calibration_json(c));
  EXPECT_EQ(back.routing.size(), 3u);
  EXPECT_EQ(back.routing[1].adjoint_s, 6e-9);
}

TEST(ScalingPlan, CalibrationsThatAreNoneAreRefused) {
  const auto message = [](const std::string& text) { return message_of([&] { read_calibration(text, "a.json"); }); };
  EXPECT_NE(message("{").find("a.json: is no plan.json"), std::string::npos);
  EXPECT_NE(message("{\"calibration\": 3}").find("is no plan.json"), std::string::npos);
  auto text = calibration_json(calibration());
  const auto without = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return message(changed);
  };
  EXPECT_NE(without("\"byte_s\"", "\"bite_s\"").find("no field byte_s"), std::string::npos);
  EXPECT_NE(without("\"messages_measured\": true", "\"messages_measured\": \"yes\"").find("field messages_measured"),
            std::string::npos);
  EXPECT_NE(without("\"network_reach_s\": 1e-06", "\"network_reach_s\": -1").find("must be 0 or positive"),
            std::string::npos);
  EXPECT_NE(without("\"subreaches\": 100.0", "\"subreaches\": 0").find("must be positive"), std::string::npos);
}

TEST(ScalingPlan, ARankWithoutItsCutEdgesKeepsItsPieces) {
  const Topology topology = test::binary(300);
  const auto partition = make_partition(topology, std::vector<double>(300, 1.0), 4);
  Index ghosts = 0;
  for (Index rank = 0; rank < 4; ++rank) {
    const auto whole = make_rank_network(topology, partition, rank);
    const auto alone = without_cut_edges(whole);
    ghosts += static_cast<Index>(whole.ghosts.size());
    EXPECT_EQ(alone.reach, whole.reach);
    EXPECT_EQ(alone.pieces.size(), whole.pieces.size());
    EXPECT_EQ(alone.upstream.size() + whole.ghosts.size(), whole.upstream.size());
    EXPECT_EQ(alone.upstream_start.back(), static_cast<Index>(alone.upstream.size()));
    EXPECT_TRUE(alone.ghosts.empty() && alone.cut_out.empty());
    for (Index above : alone.upstream) EXPECT_GE(above, 0);
  }
  EXPECT_GT(ghosts, 0);
}

}  // namespace
}  // namespace dpl
