// What a user is told about a wrong configuration: each message in full.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"

namespace dpl {
namespace {

std::string error_of(const std::string& text, const std::vector<std::string>& settings = {}) {
  try {
    parse_config(text, "run.yaml", settings);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

constexpr const char* kBelowExperiment =
    "allowed below experiment: start_time, end_time, rho, warmup, batch_size, windows, gauges, epochs, updates, epoch_coverage, learning_rate, "
    "clip, optimizer, weight_decay, channel_rate, routing_warmup, dynamic_rate, loss, huber_threshold, schedule, targets";

TEST(ConfigErrors, UnknownKeys) {
  EXPECT_EQ(
      error_of("name: a\nexperiment:\n  lerning_rate: 1\n"),
      fmt::format("run.yaml:3: key experiment.lerning_rate is not known; did you mean experiment.learning_rate? {}",
                  kBelowExperiment));
  EXPECT_EQ(error_of("experiment:\n  zzzzzzzzzz: 1\n"),
            fmt::format("run.yaml:2: key experiment.zzzzzzzzzz is not known; {}", kBelowExperiment));
  EXPECT_EQ(
      error_of("scheme: corrected\n"),
      "run.yaml:1: key scheme is not known; did you mean routing.scheme? allowed at the top level: name, seed, "
      "device, precision, resume, data_sources, routing, params, experiment, validation, network, channel_network, test, output, checkpoint, "
      "parallel, memory, synth, plan, runoff, basins, scaling, calibration, regionalize, surrogate");
  EXPECT_EQ(
      error_of("checkpoint: {evry: 3}\n"),
      "run.yaml:1: key checkpoint.evry is not known; did you mean checkpoint.every? allowed below checkpoint: every");
  EXPECT_EQ(
      error_of("", {"checkpoint.evry=3"}),
      "command line: key checkpoint.evry is not known; did you mean checkpoint.every? allowed below checkpoint: every");
  EXPECT_EQ(
      error_of("params: {defaults: {m: 3}}"),
      "run.yaml:1: key params.defaults.m is not known; did you mean params.defaults.n? allowed below params.defaults: "
      "n, p, q");
}

TEST(ConfigErrors, MoreReplicasThanWindows) {
  EXPECT_EQ(error_of("experiment: {windows: 2}\nparallel: {replicas: 3}"),
            "run.yaml:2: key parallel.replicas is 3, and experiment.windows 2: every group of ranks takes other windows of "
            "an update; give experiment.windows at least 3, or fewer replicas");
  EXPECT_EQ(error_of("experiment: {windows: 3}\nparallel: {replicas: 3}"), "no error");
}

TEST(ConfigErrors, WrongTypes) {
  EXPECT_EQ(error_of("\nexperiment:\n  rho: ten\n"),
            "run.yaml:3: key experiment.rho is 'ten'; allowed: a whole number from 1 to 1000000 (d)");
  EXPECT_EQ(error_of("experiment: {rho: 1.5}"),
            "run.yaml:1: key experiment.rho is '1.5'; allowed: a whole number from 1 to 1000000 (d)");
  EXPECT_EQ(error_of("experiment: {rho: [1, 2]}"),
            "run.yaml:1: key experiment.rho is a list; allowed: a whole number from 1 to 1000000 (d)");
  EXPECT_EQ(error_of("experiment:\n  rho:\n"),
            "run.yaml:2: key experiment.rho is ''; allowed: a whole number from 1 to 1000000 (d)");
  EXPECT_EQ(error_of("seed: -1"), "run.yaml:1: key seed is '-1'; allowed: a whole number from 0");
  EXPECT_EQ(error_of("seed: 18446744073709551616"),
            "run.yaml:1: key seed is '18446744073709551616'; allowed: a whole number from 0");
  EXPECT_EQ(error_of("routing: {dt_s: 3600s}"),
            "run.yaml:1: key routing.dt_s is '3600s'; allowed: a number from 1 to 86400 (s)");
  EXPECT_EQ(error_of("routing: {published_epsilons: yes}"),
            "run.yaml:1: key routing.published_epsilons is 'yes'; allowed: true or false");
  EXPECT_EQ(error_of("name: {a: b}"), "run.yaml:1: key name is a map; allowed: text that is not empty");
  EXPECT_EQ(error_of("name: ''"), "run.yaml:1: key name is ''; allowed: text that is not empty");
  EXPECT_EQ(error_of("test: {gauges: {a: b}}"),
            "run.yaml:1: key test.gauges is a map; allowed: a list of: text that is not empty");
  EXPECT_EQ(error_of("checkpoint: 50"), "run.yaml:1: key checkpoint must be a map of every");
  EXPECT_EQ(
      error_of("- a\n- b"),
      "run.yaml:1: the configuration must be a map of name, seed, device, precision, resume, data_sources, routing, "
      "params, experiment, validation, network, channel_network, test, output, checkpoint, parallel, memory, synth, plan, runoff, basins, "
      "scaling, calibration, regionalize, surrogate");
}

TEST(ConfigErrors, ValuesOutOfRange) {
  EXPECT_EQ(error_of("experiment: {rho: 0}"),
            "run.yaml:1: key experiment.rho is '0'; allowed: a whole number from 1 to 1000000 (d)");
  EXPECT_EQ(error_of("experiment: {rho: 3000000000}"),
            "run.yaml:1: key experiment.rho is '3000000000'; allowed: a whole number from 1 to 1000000 (d)");
  for (const char* value : {"nan", "inf", "1e999", "-25"})
    EXPECT_EQ(error_of(fmt::format("params: {{tau: {}}}", value)),
              fmt::format("run.yaml:1: key params.tau is '{}'; allowed: a number from -24 to 24 (h)", value));
  EXPECT_EQ(error_of("params: {k: 0}"), "run.yaml:1: key params.k is '0'; allowed: a number above 0 (s)");
  EXPECT_EQ(
      error_of("experiment: {learning_rate: 11}"),
      "run.yaml:1: key experiment.learning_rate is '11'; allowed: a number above 0 and at most 10, or a map of epochs "
      "to such numbers");
  EXPECT_EQ(
      error_of("routing:\n  scheme: conservativ\n"),
      "run.yaml:2: key routing.scheme is 'conservativ'; did you mean conservative? allowed: conservative, published, "
      "exact_celerity, corrected, positive, muskingum, summed");
  EXPECT_EQ(error_of("network: {learnable_parameters: [n, k]}"),
            "run.yaml:1: key network.learnable_parameters is 'k'; did you mean n? allowed: a list of: n, p, q");
  EXPECT_EQ(error_of("network: {learnable_parameters: [n, n]}"),
            "run.yaml:1: key network.learnable_parameters holds 'n' twice");
  EXPECT_EQ(error_of("routing: {split: half}"),
            "run.yaml:1: key routing.split.method is 'half'; allowed: none, max_length, courant");
}

TEST(ConfigErrors, LearningRates) {
  EXPECT_EQ(error_of("experiment: {learning_rate: {3: 1e-3}}"),
            "run.yaml:1: key experiment.learning_rate has no value for epoch 1; give for example {1: 1e-2}");
  EXPECT_EQ(error_of("experiment:\n  learning_rate:\n    1: 1e-3\n    one: 1\n"),
            "run.yaml:4: key experiment.learning_rate holds 'one', which is no epoch; epochs are whole numbers from 1");
  EXPECT_EQ(error_of("experiment: {learning_rate: {1: 1e-3, 01: 2}}"),
            "run.yaml:1: key experiment.learning_rate gives epoch 1 twice");
}

TEST(ConfigErrors, Dates) {
  EXPECT_EQ(error_of("experiment:\n  start_time: 01.10.1981\n"),
            "run.yaml:2: key experiment.start_time: '01.10.1981' is not a date of the form YYYY-MM-DD (for example "
            "1981-10-01)");
  EXPECT_EQ(error_of("experiment:\n  start_time: 1981-10-02\n  end_time: 1981-10-01\n"),
            "run.yaml:3: key experiment.end_time is 1981-10-01, before experiment.start_time, 1981-10-02");
  EXPECT_EQ(error_of("test:\n  start_time: 1981-10-02\n"),
            "run.yaml:2: key test.start_time is given without test.end_time; give both or none");
  EXPECT_EQ(error_of("test:\n  end_time: 1981-10-02\n"),
            "run.yaml:2: key test.end_time is given without test.start_time; give both or none");
  EXPECT_EQ(error_of("synth: {start: today}"),
            "run.yaml:1: key synth.start: 'today' is not a date of the form YYYY-MM-DD (for example 1981-10-01)");
  EXPECT_EQ(error_of("test: {start_time: 1981-10-02, end_time: 1981-10-02}"), "no error");
}

TEST(ConfigErrors, RulesBetweenKeys) {
  EXPECT_EQ(error_of("experiment:\n  rho: 5\n"),
            "run.yaml:2: key experiment.rho is 5, and experiment.warmup 5: a window must be longer than its warm-up");
  EXPECT_EQ(
      error_of("experiment:\n  start_time: 1981-10-01\n  end_time: 1981-10-10\n  rho: 11\n"),
      "run.yaml:4: key experiment.rho is 11: a window of 11 days is longer than the training period 1981-10-01 to "
      "1981-10-10, 10 days");
  EXPECT_EQ(error_of("params: {parameter_ranges: {n: [0.2, 0.1]}}"),
            "run.yaml:1: key params.parameter_ranges.n is [0.2, 0.1]; the first number must be below the second");
  EXPECT_EQ(error_of("params: {parameter_ranges: {n: 0.2}}"),
            "run.yaml:1: key params.parameter_ranges.n is '0.2'; allowed: [low, high], two numbers above 0 (s m-1/3)");
  EXPECT_EQ(error_of("params:\n  log_space_parameters: [q]\n"),
            "run.yaml: key params.parameter_ranges.q is [0, 1], but q is in params.log_space_parameters: its range "
            "must begin "
            "above 0");
  EXPECT_EQ(error_of("params:\n  defaults:\n    n: 0.3\n"),
            "run.yaml:3: key params.defaults.n is 0.3, outside params.parameter_ranges.n, [0.015, 0.25]");
  for (const char* name : {"a/b", "..", "."})
    EXPECT_EQ(
        error_of(fmt::format("name: '{}'", name)),
        fmt::format("run.yaml:1: key name is '{}'; it names a folder: / is not allowed, nor . and .. alone", name));
  EXPECT_EQ(error_of("network: {learnable_parameters: []}"),
            "run.yaml:1: key network.learnable_parameters is empty; name at least one of n, p, q");
  EXPECT_EQ(error_of("baselines: [all, uniform]"), "run.yaml:1: key test.baselines: all stands alone or not at all");
  EXPECT_EQ(error_of("routing: {solver: krylov}"),
            "run.yaml:1: key routing.solver is krylov, which needs precision double, and precision is single; set "
            "precision: double or routing.solver: pipeline");
  EXPECT_EQ(error_of("precision: double\ndevice: cuda\nrouting:\n  solver: krylov\n"),
            "run.yaml:4: key routing.solver is krylov, which runs on the CPU, and device is cuda; set device: cpu or "
            "routing.solver: pipeline");
  EXPECT_EQ(error_of("precision: double\nrouting: {solver: krylov}"), "no error");
  EXPECT_EQ(error_of("params: {defaults: {n: 0.1}}", {"params.defaults.n=3"}),
            "command line: key params.defaults.n is 3, outside params.parameter_ranges.n, [0.015, 0.25]");
}

TEST(ConfigErrors, KeysGivenTwice) {
  EXPECT_EQ(error_of("seed: 1\nname: a\nseed: 2\n"),
            "run.yaml:3: key seed is given twice, first at run.yaml:1; keep one of the two");
  EXPECT_EQ(error_of("test:\n  baselines: all\nbaselines: all\n"),
            "run.yaml:3: key test.baselines is given twice, first at run.yaml:2; keep one of the two");
}

TEST(ConfigErrors, Yaml) {
  EXPECT_EQ(error_of("name: a\nexperiment: {rho: 3\n").substr(0, 29), "run.yaml:3: not valid YAML: e");
  EXPECT_EQ(error_of("name: a\n  seed: 3\n").substr(0, 27), "run.yaml:2: not valid YAML:");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "run.yaml:3: holds 2 YAML documents (separated by ---), one is allowed");
  EXPECT_EQ(error_of("? [a, b]\n: 3\n"), "run.yaml:1: a key must be plain text");
  EXPECT_EQ(error_of("", {"test.gauges=["}).substr(0, 29), "command line: not valid YAML:");
  for (const char* broken : {"name: a\nexperiment: {rho: 3\n", "\tname: a", "name: \"a", "name: &", "{", "a: *b"})
    EXPECT_EQ(error_of(broken).find('\n'), std::string::npos);
}

TEST(ConfigErrors, Variables) {
  unsetenv("DPL_TEST_UNSET");
  EXPECT_EQ(error_of("data_sources:\n  network: ${DPL_TEST_UNSET}/n.nc\n"),
            "run.yaml:2: key data_sources.network is '${DPL_TEST_UNSET}/n.nc': the environment variable DPL_TEST_UNSET "
            "is not "
            "set; set it, or write ${DPL_TEST_UNSET:-default}");
  EXPECT_EQ(error_of("resume: ${A"), "run.yaml:1: key resume is '${A': ${ is not closed by }");
  EXPECT_EQ(error_of("resume: $A"),
            "run.yaml:1: key resume is '$A': write ${NAME} for a variable, $$ for a dollar sign");
}

TEST(ConfigErrors, SettingsOfTheCommandLine) {
  for (const char* setting : {"rho", "=3", "a..b=3", ".a=3"})
    EXPECT_EQ(error_of("", {setting}), fmt::format("command line: '{}' is not of the form key.sub=value", setting));
  EXPECT_THROW(parse_config("", "f", {"rho"}), UsageError);
  EXPECT_EQ(error_of("", {"experiment.rho=0"}),
            "command line: key experiment.rho is '0'; allowed: a whole number from 1 to 1000000 (d)");
}

TEST(ConfigErrors, Files) {
  const auto error_of_file = [](const std::string& path) -> std::string {
    try {
      load_config(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of_file("/nowhere/run.yaml"),
            "cannot read the configuration /nowhere/run.yaml: No such file or directory");
  EXPECT_EQ(error_of_file("/"), "/ is a folder; give the path of a configuration file");
}

TEST(ConfigErrors, KeysAVerbNeeds) {
  const auto needed = [](const std::string& text, const std::string& verb) -> std::string {
    try {
      check_needed_keys(parse_config(text, "run.yaml"), verb, "run.yaml");
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string sources = "data_sources: {network: a, lateral_inflow: b, observations: c}\n";
  EXPECT_EQ(
      needed("", "route"),
      "run.yaml: key data_sources.network is not given, and route needs it; Reaches: ids, downstream ids, lengths, "
      "slopes. Allowed: a path");
  EXPECT_EQ(needed(sources, "route"), "no error");
  EXPECT_EQ(needed(sources, "evaluate"),
            "run.yaml: key test.start_time is not given, and evaluate needs it; First day of the test period. Allowed: "
            "a date "
            "YYYY-MM-DD");
  EXPECT_EQ(needed(sources + "test: {start_time: 2000-01-01, end_time: 2000-01-02}", "evaluate"), "no error");
  EXPECT_EQ(needed("", "synth"), "no error");
  const std::string training =
      "data_sources: {network: a, attributes: d, lateral_inflow: b, observations: c}\n"
      "experiment: {start_time: 2000-01-01, end_time: 2000-12-31}\n"
      "params: {defaults: {q: 1}}\n";
  const std::string learned = "network: {input_var_names: [a], learnable_parameters: [n, q]}\n";
  EXPECT_EQ(needed(training + learned, "train"),
            "run.yaml: key params.defaults.q is 1, a bound of params.parameter_ranges.q, [0, 1]; learning must start "
            "between them, or leave q out of network.learnable_parameters");
  EXPECT_EQ(needed(training + learned, "route"), "no error");
  EXPECT_EQ(needed(training + "network: {input_var_names: [a], learnable_parameters: [n, p]}\n", "train"), "no error");
}

}  // namespace
}  // namespace dpl
