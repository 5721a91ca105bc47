// Reading a configuration: what comes out, and that writing it is the inverse.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "dpl/base/config.hpp"
#include "dpl/base/config_table.hpp"
#include "dpl/base/config_value.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

constexpr const char* kFull = R"(# a comment
name: Juniata 1
seed: 18446744073709551615
precision: double
data_sources:
  network: a/network.nc
routing:
  scheme: corrected
  dt_s: 900
  split: {method: max_length, max_length_m: 2.5e3}
  published_epsilons: false
  initial_state: states/first.nc
params:
  parameter_ranges: {n: [0.02, 0.2]}
  log_space_parameters: [n, p]
  defaults:
    n: 0.1325
  tau: -9
experiment:
  start_time: 1981-10-01
  end_time: "1995-09-30"
  rho: 9e1
  updates: 1
  epochs: 30
  learning_rate: {1: 1e-3, 15: 5e-4}
  loss: kge
network:
  input_var_names: [SoilGrids1km_clay, "mean P", 'null']
test:
  gauges: [01567000, 0123, "007"]
baselines: all
output: {folder: runs, interval_h: 0.5}
checkpoint: {every: 0}
)";

TEST(Config, ValuesArriveInTheirMembers) {
  const auto c = parse_config(kFull, "full.yaml");
  EXPECT_EQ(c.name, "Juniata 1");
  EXPECT_EQ(c.seed, 18446744073709551615ull);
  EXPECT_EQ(c.data_sources.network, "a/network.nc");
  EXPECT_EQ(c.routing.scheme, "corrected");
  EXPECT_EQ(c.routing.dt_s, 900);
  EXPECT_EQ(c.routing.split.method, "max_length");
  EXPECT_EQ(c.routing.split.max_length_m, 2500);
  EXPECT_FALSE(c.routing.published_epsilons);
  EXPECT_EQ(c.routing.initial_state, "states/first.nc");
  EXPECT_EQ(c.params.ranges.at("n").low, 0.02);
  EXPECT_EQ(c.params.ranges.at("n").high, 0.2);
  EXPECT_EQ(c.params.ranges.at("p").high, 200);  // not given: default
  EXPECT_EQ(c.params.log_space, (std::vector<std::string>{"n", "p"}));
  EXPECT_EQ(c.params.defaults.at("n"), 0.1325);
  EXPECT_EQ(c.params.tau_h, -9);
  EXPECT_TRUE(c.experiment.set);
  EXPECT_EQ(iso_date(c.experiment.period.start.day), "1981-10-01");
  EXPECT_EQ(iso_date(c.experiment.period.end.day), "1995-09-30");
  EXPECT_EQ(c.experiment.rho_days, 90);
  EXPECT_EQ(c.experiment.learning_rate, (std::map<Index, double>{{1, 1e-3}, {15, 5e-4}}));
  EXPECT_FALSE(c.test.set);
  EXPECT_EQ(c.test.period.days(), 0);
  EXPECT_EQ(c.output.folder, "runs");
  EXPECT_EQ(c.output.interval_h, 0.5);
  EXPECT_EQ(c.checkpoint.every, 0);
  EXPECT_EQ(c.test.baselines, std::vector<std::string>{"all"});
}

TEST(Config, TextStaysText) {
  const auto c = parse_config(kFull, "full.yaml");
  EXPECT_EQ(c.test.gauges, (std::vector<std::string>{"01567000", "0123", "007"}));
  EXPECT_EQ(c.network.input_var_names, (std::vector<std::string>{"SoilGrids1km_clay", "mean P", "null"}));
}

TEST(Config, WritingIsTheInverseOfReading) {
  for (const char* text :
       {"", kFull, "name: 'a \"b\" \\ : # \t {x}'\nexperiment: {learning_rate: 0.1}\ntest: {gauges: []}"}) {
    const auto config = parse_config(text, "a.yaml");
    const auto written = resolved_yaml(config);
    const auto again = parse_config(written, "b.yaml");
    EXPECT_EQ(resolved_yaml(again), written);
    EXPECT_EQ(again.name, config.name);
    EXPECT_EQ(again.seed, config.seed);
    EXPECT_EQ(again.test.gauges, config.test.gauges);
    EXPECT_EQ(again.network.input_var_names, config.network.input_var_names);
    EXPECT_EQ(again.experiment.set, config.experiment.set);
    EXPECT_EQ(again.experiment.period.start.day, config.experiment.period.start.day);
    EXPECT_EQ(again.experiment.learning_rate, config.experiment.learning_rate);
    EXPECT_EQ(again.params.defaults, config.params.defaults);
  }
}

TEST(Config, EveryKeyIsWrittenOnceAndDefaultsObeyTheirOwnRules) {
  RunConfig defaults;
  for (const auto& key : config_keys()) {
    EXPECT_EQ(find_config_key(key.key), &key) << key.key << " stands twice in the table";
    EXPECT_FALSE(key.help.empty()) << key.key;
    const auto value = write_config_value(key, defaults);
    if (value.empty()) continue;
    RunConfig filled;
    EXPECT_NO_THROW(read_config_value(key, parse_yaml_value(value, "here"), filled)) << key.key;
    EXPECT_EQ(write_config_value(key, filled), value);
  }
}

struct Anything {
  template <class T>
  operator T() const;
};

// The number of members of an aggregate: of the values it can be initialised with.
template <class T, class... Values>
consteval std::size_t member_count() {
  if constexpr (requires { T{Values{}..., Anything{}}; })
    return member_count<T, Values..., Anything>();
  else
    return sizeof...(Values);
}

// A member without a row in the table would be lost between a run and its resume. A period is one member and two keys;
// `set` is a member without a key; the parameters of a map have a key each.
TEST(Config, EveryMemberHasAKey) {
  const auto keys = [](const std::string& section) { return config_names_below(section).size(); };
  EXPECT_EQ(keys(""), member_count<RunConfig>());
  EXPECT_EQ(keys("data_sources"), member_count<DataSources>());
  EXPECT_EQ(keys("routing"), member_count<RoutingConfig>());
  EXPECT_EQ(keys("routing.split"), member_count<SplitConfig>());
  EXPECT_EQ(keys("params"), member_count<ParamsConfig>());
  EXPECT_EQ(keys("experiment"), member_count<TrainConfig>());
  EXPECT_EQ(keys("network"), member_count<NetworkConfig>());
  EXPECT_EQ(keys("test"), member_count<TestConfig>());
  EXPECT_EQ(keys("output"), member_count<OutputConfig>());
  EXPECT_EQ(keys("checkpoint"), member_count<CheckpointConfig>());
  EXPECT_EQ(keys("parallel"), member_count<ParallelConfig>());
  EXPECT_EQ(keys("synth"), member_count<SynthConfig>());
  EXPECT_EQ(keys("params.defaults"), RunConfig().params.defaults.size());
  EXPECT_EQ(keys("params.parameter_ranges"), RunConfig().params.ranges.size());
}

TEST(Config, EveryKeyFillsAMemberOfItsOwn) {
  RunConfig config;
  std::vector<const void*> members;
  for (const auto& key : config_keys())
    members.push_back(std::visit([&](auto at) { return static_cast<const void*>(at(config)); }, key.member));
  std::sort(members.begin(), members.end());
  EXPECT_EQ(std::adjacent_find(members.begin(), members.end()), members.end());
}

TEST(Config, CommandLineWinsOverTheFile) {
  const auto c = parse_config(kFull, "f",
                              {"experiment.rho=60", "output=elsewhere", "experiment.rho=61", "test.gauges=[01,02]",
                               "experiment.learning_rate=1e-2", "routing.split=none", "params.defaults.p=14.14",
                               "name=a=b", "test.baselines=[]"});
  EXPECT_EQ(c.experiment.rho_days, 61);
  EXPECT_EQ(c.output.folder, "elsewhere");
  EXPECT_EQ(c.output.interval_h, 0.5);
  EXPECT_EQ(c.test.gauges, (std::vector<std::string>{"01", "02"}));
  EXPECT_EQ(c.experiment.learning_rate, (std::map<Index, double>{{1, 1e-2}}));
  EXPECT_EQ(c.routing.split.method, "none");
  EXPECT_EQ(c.params.defaults.at("p"), 14.14);
  EXPECT_EQ(c.params.defaults.at("n"), 0.1325);
  EXPECT_EQ(c.name, "a=b");
  EXPECT_TRUE(c.test.baselines.empty());
}

TEST(Config, EmptySectionsAndOneItemLists) {
  const auto c = parse_config("experiment:\nnetwork:\n  learnable_parameters: n\ntest:\n", "f");
  EXPECT_EQ(c.network.learnable_parameters, std::vector<std::string>{"n"});
  EXPECT_EQ(c.experiment.rho_days, RunConfig().experiment.rho_days);
}

TEST(Config, VariablesExpandInPaths) {
  setenv("DPL_TEST_FOLDER", "/data", 1);
  unsetenv("DPL_TEST_UNSET");
  const auto path = [](const std::string& text) {
    return parse_config("data_sources: {network: \"" + text + "\"}", "f").data_sources.network;
  };
  EXPECT_EQ(path("${DPL_TEST_FOLDER}/juniata/network.nc"), "/data/juniata/network.nc");
  EXPECT_EQ(path("${DPL_TEST_UNSET:-../shared}/x"), "../shared/x");
  EXPECT_EQ(path("${DPL_TEST_FOLDER:-../shared}/x"), "/data/x");
  EXPECT_EQ(path("a$$b"), "a$b");
  const auto config = parse_config("output: a$$b${DPL_TEST_FOLDER}", "f");
  EXPECT_EQ(config.output.folder, "a$b/data");
  EXPECT_EQ(parse_config(resolved_yaml(config), "g").output.folder, "a$b/data");
}

TEST(Config, FilesAreRead) {
  const auto folder = std::filesystem::path(testing::TempDir()) / fmt::format("dpl_base_config_{}", getpid());
  std::filesystem::create_directories(folder);
  const auto path = (folder / "run.yaml").string();
  std::ofstream(path) << "name: from a file\r\nseed: 7\r\n";
  EXPECT_EQ(load_config(path).name, "from a file");
  EXPECT_EQ(load_config(path, {"seed=8"}).seed, 8u);
  std::filesystem::remove_all(folder);
}

TEST(Config, ReferenceNamesEveryKeyOnce) {
  const auto text = configuration_reference();
  for (const auto& key : config_keys()) {
    const auto row = "\n| `" + key.key + "` |";
    const auto first = text.find(row);
    ASSERT_NE(first, std::string::npos) << key.key;
    EXPECT_EQ(text.find(row, first + 1), std::string::npos) << key.key;
  }
}

TEST(Config, ReferenceHasEachSectionOnce) {
  const auto text = configuration_reference();
  for (const char* head :
       {"## Top level", "## `routing`", "## `routing.split`", "## `params`", "## `params.defaults`"}) {
    const auto first = text.find(fmt::format("\n{}\n", head));
    ASSERT_NE(first, std::string::npos) << head;
    EXPECT_EQ(text.find(fmt::format("\n{}\n", head), first + 1), std::string::npos) << head;
  }
}

}  // namespace
}  // namespace dpl
