// Finite differences of the whole training loss with respect to weights: network, ranges, routing, means and loss in one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "dpl/base/config.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/synth.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl {
namespace {

std::string config_text(const std::string& folder, const std::string& scheme) {
  return "name: gradient\nprecision: double\n"
         "data_sources: {network: " + folder + "/network.nc, attributes: " + folder + "/attributes.nc,\n"
         "  lateral_inflow: " + folder + "/lateral_inflow.nc, observations: " + folder + "/observations.nc}\n"
         "synth: {reaches: 20, gauges: 3, start: 2000-01-01, days: 30, attributes: 3}\n"
         "routing: {scheme: " + scheme + "}\nparams: {tau: 5}\n"
         "experiment: {start_time: 2000-01-01, end_time: 2000-01-30, rho: 12, warmup: 2, loss: rmse}\n"
         "network: {hidden_size: 6, num_hidden_layers: 1, input_var_names: [log10_uparea, a01, a02]}\n";
}

void check_scheme(const std::string& scheme) {
  const Communicator comm;
  const auto folder = (std::filesystem::path(testing::TempDir()) / ("gradient_" + scheme + std::to_string(getpid()))).string();
  const RunConfig config = parse_config(config_text(folder, scheme), "gradient");
  ASSERT_EQ(run_synth({comm, config, "", false, {}, ""}), 0);
  const Problem problem = load_problem(comm, config, {}, true);
  Trainer trainer(problem);
  const Count first_day = config.experiment.period.start.day + 5;
  const auto exact = trainer.gradient({first_day, {0, 1, 2}});
  ASSERT_TRUE(std::isfinite(exact.loss));
  double largest = 0;
  for (const auto& tensor : exact.weights)
    for (double g : tensor) largest = std::max(largest, std::abs(g));
  ASSERT_GT(largest, 0);
  for (std::size_t k = 0; k < exact.weights.size(); ++k) {
    double* weight = static_cast<double*>(trainer.network().weights()[k].tensor.data_ptr());
    for (const std::size_t i : {std::size_t{0}, exact.weights[k].size() - 1}) {
      const double kept = weight[i], step = 1e-5;
      weight[i] = kept + step;
      const double above = trainer.gradient({first_day, {0, 1, 2}}).loss;
      weight[i] = kept - step;
      const double below = trainer.gradient({first_day, {0, 1, 2}}).loss;
      weight[i] = kept;
      EXPECT_NEAR((above - below) / (2 * step), exact.weights[k][i], 1e-6 * largest) << scheme << " tensor " << k << "[" << i << "]";
    }
  }
  std::filesystem::remove_all(folder);
}

TEST(TrainingGradient, AgreesWithFiniteDifferencesOfTheWholeLoss) {
  check_scheme("conservative");
  check_scheme("corrected");
}

}  // namespace
}  // namespace dpl
