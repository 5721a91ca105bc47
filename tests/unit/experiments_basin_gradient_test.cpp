// The gradient of a whole update over basins against finite differences of its loss, on a small twin in double
// precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "dpl/base/date.hpp"
#include "dpl/experiments/basin_plan.hpp"
#include "dpl/experiments/basin_synth.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/training/basin_trainer.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

RunConfig config_of(const TemporaryFolder& folder) {
  RunConfig config;
  config.seed = 2;
  config.precision = "double";
  config.data_sources.forcing = folder / "forcing.nc";
  config.data_sources.attributes = folder / "attributes.nc";
  config.data_sources.observations = folder / "observations.nc";
  config.synth.network = "places";
  config.synth.places = 9;
  config.synth.days = 500;
  config.synth.attributes = 4;
  config.runoff.nmul = 2;
  config.runoff.warmup.days = 60;
  const Count first = parse_iso_date(config.synth.start, "test");
  config.experiment.period = {{first + 40}, {first + 480}};  // a warm-up begins before the record
  config.experiment.set = true;
  config.experiment.rho_days = 160;
  config.experiment.warmup_days = 60;
  config.experiment.batch_size = 6;
  config.experiment.loss = "nse_batch";
  config.network.hidden_size = 5;
  config.network.num_hidden_layers = 1;
  config.network.output_gain = 1;
  config.network.input_var_names = {"a01", "a02", "a03", "a04"};
  return config;
}

// Largest difference between the gradient and central differences along drawn directions, over the largest of these.
void check_gradient(RunConfig config, Count update = 1) {
  const Communicator comm;
  const TemporaryFolder folder;
  config.data_sources.forcing = folder / "forcing.nc";
  config.data_sources.attributes = folder / "attributes.nc";
  config.data_sources.observations = folder / "observations.nc";
  write_basin_twin(config, false);
  BasinProblem problem = load_basin_problem(comm, config, BasinUse::train);
  BasinTrainer trainer(problem);
  const auto weights = trainer.model().network().weights();
  // Offsets of dynamic parameters start at zero: away from there all derivatives are seen.
  for (const auto& w : weights) {
    auto* values = static_cast<double*>(w.tensor.data_ptr());
    for (std::int64_t i = 0; i < w.tensor.numel(); ++i)
      values[i] += 0.05 * std::sin(1.0 + 3.7 * static_cast<double>(i));
  }
  const auto gradient = trainer.gradient_of_update(update);
  double worst = 0, largest = 0;
  for (std::size_t t = 0; t < weights.size(); ++t) {
    auto* values = static_cast<double*>(weights[t].tensor.data_ptr());
    const std::int64_t n = weights[t].tensor.numel();
    const auto step = [&](double h) {
      for (std::int64_t i = 0; i < n; ++i) values[i] += h * std::cos(2.3 * static_cast<double>(i) + 0.4);
    };
    double exact = 0;
    for (std::int64_t i = 0; i < n; ++i) exact += gradient.weights[t][i] * std::cos(2.3 * static_cast<double>(i) + 0.4);
    constexpr double kStep = 1e-6;
    step(kStep);
    const double above = trainer.gradient_of_update(update).loss;
    step(-2 * kStep);
    const double below = trainer.gradient_of_update(update).loss;
    step(kStep);
    const double difference = (above - below) / (2 * kStep);
    worst = std::max(worst, std::abs(difference - exact));
    largest = std::max(largest, std::abs(difference));
  }
  EXPECT_GT(largest, 1e-3);
  EXPECT_LT(worst, 2e-5 * largest);  // kinks of the model lie between some steps
}

TEST(BasinGradient, StaticParametersOfEveryVariant) {
  const TemporaryFolder folder;
  for (const char* variant : {"1.0", "1.1p", "2.0"}) {
    RunConfig config = config_of(folder);
    config.runoff.variant = variant;
    check_gradient(config);
  }
}

TEST(BasinGradient, DynamicParametersOfBothKinds) {
  const TemporaryFolder folder;
  for (const char* kind : {"lstm", "two_headed"}) {
    RunConfig config = config_of(folder);
    config.network.kind = kind;
    config.network.lstm_size = 4;
    config.network.dropout = 0.2;
    config.network.replace_dynamic = 0.3;
    config.runoff.dynamic = {"BETA", "K0", "BETAET"};
    config.network.history_var_names = {"precipitation", "temperature_mean", "observed_streamflow"};
    check_gradient(config);
  }
}

TEST(BasinGradient, TransferFunctions) {
  const TemporaryFolder folder;
  RunConfig config = config_of(folder);
  config.network.kind = "transfer";
  config.network.transfer = {{"FC", {"a01", "a03"}}, {"K0", {"a02"}}, {"BETA", {"a04"}}, {"unit_hydrograph_b", {"a01"}}};
  check_gradient(config);
}

TEST(BasinGradient, TwoTargetsAndNoHydrograph) {
  const TemporaryFolder folder;
  RunConfig config = config_of(folder);
  config.experiment.targets.soil_moisture = 0.7;
  config.experiment.loss = "kge";
  check_gradient(config);
  config.runoff.unit_hydrograph = false;
  config.experiment.targets.streamflow = 0;
  check_gradient(config);
}

// Static parameters; static ones from the past; one value a day.
std::vector<RunConfig> device_settings(const TemporaryFolder& folder) {
  std::vector<RunConfig> all(3, config_of(folder));
  all[0].runoff.variant = "2.0";
  for (RunConfig* config : {&all[1], &all[2]}) {
    config->network.kind = config == &all[1] ? "lstm" : "two_headed";
    config->network.lstm_size = 4;
    config->network.history_var_names = {"precipitation", "temperature_mean", "observed_streamflow"};
    config->experiment.targets.soil_moisture = 0.5;
  }
  all[1].network.history_days = 90;
  all[2].runoff.dynamic = {"K0", "BETAET"};
  all[2].runoff.gradient_through_warmup = false;
  return all;
}

// Run by the host, DPL_EMULATE_DEVICE.
class BasinDevice : public testing::Test {
 protected:
  void SetUp() override { ::setenv("DPL_EMULATE_DEVICE", "1", 1); }
  void TearDown() override {
    ::unsetenv("DPL_EMULATE_DEVICE");
    ::unsetenv("DPL_EMULATE_MEMORY");
  }

  struct Update {
    BasinTrainer::Gradient gradient;
    Count held = 0, series = 0;   // bytes on the device, and of them those of whole series
  };
  Update update(RunConfig config, const char* device) const {
    config.device = device;
    BasinProblem problem = load_basin_problem(comm_, config, BasinUse::train);
    BasinTrainer trainer(problem);
    Update u{trainer.gradient_of_update(2), 0, 0};
    const Count days = series_days(problem, config.experiment.period, config.experiment.warmup_days).days;
    const auto channels = static_cast<Count>(history_channels(config).size());
    u.series = problem.own() * (SeriesOnDevice::forcing_bytes(days) + SeriesOnDevice::history_bytes(days, channels));
    u.held = held_bytes();
    return u;
  }

  Communicator comm_;
  TemporaryFolder folder_;
};

// A GPU's loops give the CPU's loss and weight gradient, bit for bit; whole series lie on it, and memory is as planned.
TEST_F(BasinDevice, GivesTheBitsOfTheCpuInThePlannedMemory) {
  write_basin_twin(config_of(folder_), false);
  for (RunConfig config : device_settings(folder_))
    for (const char* precision : {"single", "double"}) {
      config.precision = precision;
      const Update cpu = update(config, "cpu"), device = update(config, "cuda");
      EXPECT_EQ(cpu.gradient.loss, device.gradient.loss);
      EXPECT_EQ(cpu.gradient.weights, device.gradient.weights);
      const Index windows = config.experiment.batch_size;
      const Count lists = windows * static_cast<Count>(sizeof(Index) + sizeof(Count));
      EXPECT_EQ(device.held - device.series - planned_bytes(config, windows).all(),
                (history_channels(config).empty() ? 1 : 2) * lists);
    }
}

TEST_F(BasinDevice, SeriesThatDoNotFitStayWithTheHost) {
  write_basin_twin(config_of(folder_), false);
  for (const RunConfig& config : device_settings(folder_)) {
    const Update free = update(config, "cuda");
    const Count windows = planned_bytes(config, config.experiment.batch_size).all() + 1024;
    ::setenv("DPL_EMULATE_MEMORY", std::to_string(windows).c_str(), 1);
    const Update full = update(config, "cuda");
    EXPECT_LE(full.held, windows);
    EXPECT_GE(free.held - full.held, free.series - 1024);
    EXPECT_EQ(full.gradient.loss, free.gradient.loss);
    EXPECT_EQ(full.gradient.weights, free.gradient.weights);
    ::setenv("DPL_EMULATE_MEMORY", std::to_string(windows / 2).c_str(), 1);
    EXPECT_NE(message_of([&] { update(config, "cuda"); }).find("more of GPU memory"), std::string::npos);
    ::unsetenv("DPL_EMULATE_MEMORY");
  }
}

// Without gradient through the warm-up the loss is the same, the gradient is that of the days after it.
TEST(BasinGradient, WarmupWithoutGradientKeepsTheLoss) {
  const Communicator comm;
  const TemporaryFolder folder;
  RunConfig config = config_of(folder);
  write_basin_twin(config, false);
  BasinTrainer::Gradient through, cut;
  for (const bool gradient : {true, false}) {
    config.runoff.gradient_through_warmup = gradient;
    BasinProblem problem = load_basin_problem(comm, config, BasinUse::train);
    (gradient ? through : cut) = BasinTrainer(problem).gradient_of_update(3);
  }
  EXPECT_EQ(through.loss, cut.loss);
  EXPECT_NE(through.weights, cut.weights);
}

}  // namespace
}  // namespace dpl
