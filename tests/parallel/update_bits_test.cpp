// ranks: 1 2 3 4 8
// Loss and weight gradient of an update: the means over its windows, and the same bits for any number of ranks and
// groups.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "dpl/base/config.hpp"
#include "dpl/base/log.hpp"
#include "dpl/experiments/synth.hpp"
#include "dpl/training/trainer.hpp"

namespace dpl {
namespace {

constexpr Index kWindows = 8;  // for up to 8 groups
constexpr Count kUpdate = 3;

// 200 reaches are 4 blocks of the parameter network, the last of them shorter.
RunConfig config_of(const std::string& folder, const std::string& precision) {
  return parse_config(
      "name: update\nprecision: " + precision +
          "\n"
          "data_sources: {network: " +
          folder + "/network.nc, attributes: " + folder +
          "/attributes.nc,\n"
          "  lateral_inflow: " +
          folder + "/lateral_inflow.nc, observations: " + folder +
          "/observations.nc}\n"
          "synth: {reaches: 200, gauges: 6, start: 2000-01-01, days: 40, attributes: 3}\n"
          "routing: {chunk_steps: 17, pieces_per_rank: 3}\nparams: {tau: 5}\n"
          "experiment: {start_time: 2000-01-01, end_time: 2000-02-09, rho: 8, warmup: 2, batch_size: 4,\n"
          "  windows: " +
          std::to_string(kWindows) +
          "}\n"
          "network: {hidden_size: 6, num_hidden_layers: 1, input_var_names: [log10_uparea, a01, a02]}\n",
      "update");
}

std::vector<double> flat(const Trainer::Gradient& gradient) {
  std::vector<double> values{gradient.loss, static_cast<double>(gradient.reaches)};
  for (const auto& weights : gradient.weights) values.insert(values.end(), weights.begin(), weights.end());
  return values;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// One rank, one window after the other, averaged in the order of the windows.
std::vector<double> plain_mean(Trainer& trainer) {
  std::vector<double> mean;
  for (Index w = 0; w < kWindows; ++w) {
    const auto one = flat(trainer.gradient(trainer.sample_of(kUpdate, w)));
    mean.resize(one.size());
    for (std::size_t i = 0; i < one.size(); ++i) mean[i] += one[i];
  }
  for (std::size_t i = 0; i < mean.size(); ++i)
    if (i != 1) mean[i] /= kWindows;  // reaches are a sum
  return mean;
}

class UpdateBits : public testing::TestWithParam<std::string> {};

TEST_P(UpdateBits, AnyNumberOfRanksAndGroups) {
  const Communicator comm, alone(MPI_COMM_SELF);
  start_log(false);
  std::string folder = (std::filesystem::path(testing::TempDir()) / ("update_bits_" + GetParam())).string();
  folder = comm.broadcast(folder + std::to_string(getpid()));
  const RunConfig config = config_of(folder, GetParam());
  ASSERT_EQ(run_synth({comm, config, "", false, {}, ""}), 0);

  const Problem whole = load_problem(alone, config, {}, true);
  Trainer one(whole);
  const auto expected = plain_mean(one);
  EXPECT_GT(expected[0], 0);
  EXPECT_GT(*std::max_element(expected.begin() + 2, expected.end()), 0);
  EXPECT_TRUE(std::ranges::all_of(expected, [](double v) { return std::isfinite(v); }));
  EXPECT_TRUE(same_bits(flat(one.gradient_of_update(kUpdate)), expected))
      << "windows share one evaluation of the network";
  EXPECT_FALSE(same_bits(flat(one.gradient_of_update(kUpdate + 1)), expected));

  for (Index count = 1; count <= comm.size(); ++count) {
    if (comm.size() % count != 0) continue;
    const Replicas replicas(comm, count);
    const Problem problem = load_problem(replicas.group(), config, {}, true);
    Trainer trainer(problem, replicas);
    EXPECT_TRUE(same_bits(flat(trainer.gradient_of_update(kUpdate)), expected))
        << count << " groups of " << replicas.group().size() << " ranks, rank " << comm.rank();
  }
  comm.barrier();
  if (comm.is_root()) std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Precisions, UpdateBits, testing::Values("single", "double"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dpl
