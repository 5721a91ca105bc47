// The gradient of a whole joint update (runoff, routing, loss at the gauges) against finite differences of its loss, for the
// weights of both networks, on a small twin in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "dpl/base/date.hpp"
#include "dpl/experiments/synth.hpp"
#include "dpl/training/joint_trainer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dpl {
namespace {

RunConfig config_of(const TemporaryFolder& folder) {
  RunConfig config;
  config.seed = 3;
  config.precision = "double";
  config.data_sources.forcing = folder / "forcing.nc";
  config.data_sources.attributes = folder / "place_attributes.nc";
  config.data_sources.network = folder / "network.nc";
  config.data_sources.reach_attributes = folder / "attributes.nc";
  config.data_sources.observations = folder / "observations.nc";
  config.synth.network = "joint";
  config.synth.places = 9;
  config.synth.reaches = 7;
  config.synth.gauges = 3;
  config.synth.days = 200;
  config.synth.attributes = 4;
  config.runoff.nmul = 2;
  config.runoff.hydrograph_b = 1;
  config.runoff.warmup.days = 60;
  const Count first = parse_iso_date(config.synth.start, "test");
  config.experiment.period = {{first + 20}, {first + 190}};  // a warm-up begins before the record
  config.experiment.set = true;
  config.experiment.rho_days = 70;
  config.experiment.warmup_days = 40;
  config.experiment.routing_warmup_days = 10;
  config.experiment.batch_size = 2;
  config.experiment.loss = "nse_batch";
  config.network.hidden_size = 5;
  config.network.num_hidden_layers = 1;
  config.network.output_gain = 1;
  config.network.input_var_names = {"a01", "a02", "a03", "a04"};
  config.channel_network.hidden_size = 4;
  config.channel_network.num_hidden_layers = 1;
  config.channel_network.output_gain = 1;
  config.channel_network.input_var_names = {"log10_uparea", "a01"};
  return config;
}

struct Checked {
  double worst = 0, largest = 0, channel = 0;   // of directional derivatives; channel: the largest of channel weights
};

// Along a drawn direction of every weight tensor.
Checked check_gradient(const RunConfig& config, Count update) {
  const Communicator comm;
  JointProblem problem = load_joint_problem(comm, config, BasinUse::train);
  JointTrainer trainer(problem);
  const auto weights = trainer.weights();
  const auto gradient = trainer.gradient_of_update(update);
  Checked checked;
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
    checked.worst = std::max(checked.worst, std::abs(difference - exact));
    checked.largest = std::max(checked.largest, std::abs(difference));
    if (weights[t].name.starts_with(kChannelPrefix))
      checked.channel = std::max(checked.channel, std::abs(difference));
  }
  return checked;
}

class JointGradient : public testing::TestWithParam<const char*> {};

TEST_P(JointGradient, OfBothNetworks) {
  const TemporaryFolder folder;
  RunConfig config = config_of(folder);
  const Communicator comm;
  run_synth({comm, config, "test", false, {}, {}});
  config.routing.scheme = GetParam();
  for (const char* loss : {"nse_batch", "kge"}) {
    config.experiment.loss = loss;
    const Checked checked = check_gradient(config, 2);
    EXPECT_GT(checked.largest, 1e-3);
    EXPECT_LT(checked.worst, 2e-5 * checked.largest) << loss;  // kinks of the runoff model lie between some steps
    if (has_channel_parameters(config))
      EXPECT_GT(checked.channel, 1e-6);
    else
      EXPECT_EQ(checked.channel, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, JointGradient, testing::Values("conservative", "exact_celerity", "summed"));

}  // namespace
}  // namespace dpl
