// Test that the configuration allows just the names that the rooms below know: schemes, losses, optimizers,
// parameter networks.
#include <gtest/gtest.h>

#include "dpl/base/config_table.hpp"
#include "dpl/learning/loss.hpp"
#include "dpl/learning/optimizer.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/learning/sequence_network.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {
namespace {

std::vector<std::string> allowed(const std::string& key) { return find_config_key(key)->allowed.words; }

TEST(Names, Schemes) {
  auto names = scheme_names();
  names.emplace_back("summed");  // made of Muskingum by RoutedDomain
  EXPECT_EQ(allowed("routing.scheme"), names);
}

TEST(Names, Losses) { EXPECT_EQ(allowed("experiment.loss"), loss_names()); }

TEST(Names, Optimizers) { EXPECT_EQ(allowed("experiment.optimizer"), optimizer_names()); }

TEST(Names, ParameterNetworks) {
  EXPECT_EQ(allowed("network.kind"), sequence_network_kinds());
  NetworkConfig config;
  config.hidden_size = 3;
  config.learnable_parameters = {"n"};
  for (const auto& kind : network_kinds()) {
    config.kind = kind;
    EXPECT_GT(make_parameter_network(config, 2, {0.0}, "single", 1)->weight_count(), 0) << kind;
  }
  config.kind = "unheard_of";
  EXPECT_ANY_THROW(make_parameter_network(config, 2, {0.0}, "single", 1));
}

}  // namespace
}  // namespace dpl
