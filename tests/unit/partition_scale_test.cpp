// Cuts for up to 4096 ranks of adversarial trees, a synthetic continent and real networks: even, valid, fast.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/experiments/synth_continent.hpp"
#include "dpl/partition/partition.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

constexpr Index kRanks[] = {3, 64, 512, 4096};

// Smallest imbalance of reaches of weight 1, whole reaches on ranks: what no cut can better.
double least_imbalance(Index reaches, Index ranks) {
  return std::ceil(static_cast<double>(reaches) / ranks) * ranks / reaches - 1;
}

// Every piece drains into one other at most, which has a higher number and level.
void check_forest(const Topology& topology, const Partition& cut) {
  std::vector<Index> into(cut.owner.size(), -1);
  for (Index reach = 0; reach < topology.size(); ++reach) {
    const Index below = topology.downstream[reach], piece = cut.piece[reach];
    if (below < 0 || cut.piece[below] == piece) continue;
    ASSERT_GT(cut.piece[below], piece);
    ASSERT_GT(cut.level[cut.piece[below]], cut.level[piece]);
    ASSERT_TRUE(into[piece] < 0 || into[piece] == cut.piece[below]) << "a piece drains into two";
    into[piece] = cut.piece[below];
  }
}

void check_scale(const char* name, const Topology& topology, double most_seconds = 5) {
  const std::vector<double> weight(topology.size(), 1.0);
  for (const Index ranks : kRanks) {
    const auto begin = std::chrono::steady_clock::now();
    const auto cut = make_partition(topology, weight, ranks);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::cout << fmt::format("{:12} {:7} reaches {:4} ranks: imbalance {:5.2f} %, depth {:4}, cut edges {:6}, pieces {:6}, {:.2f} s\n",
                             name, topology.size(), ranks, 100 * cut.imbalance, cut.depth(), cut.cut_reach.size(),
                             cut.owner.size(), seconds);
    EXPECT_LE(cut.imbalance, std::max(0.05, least_imbalance(topology.size(), ranks) + 1e-9)) << name << ", " << ranks << " ranks";
    EXPECT_LT(seconds, most_seconds) << name;
    check_forest(topology, cut);
  }
}

// Index of the downstream reach (0-based, negative: outlet) from a file of the shared data; empty where it is absent.
std::vector<Index> read_downstream(const std::string& file, const std::string& variable) {
  const char* folder = std::getenv("DPL_DATA");
  const std::string path = std::string(folder ? folder : "") + "/" + file;
  if (!std::filesystem::exists(path)) return {};
  const auto values = NetcdfFile::open_local(path).read_integers(variable, -1);
  std::vector<Index> downstream;
  for (const auto value : values) downstream.push_back(value < 0 ? -1 : static_cast<Index>(value));
  return downstream;
}

class PartitionScale : public testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "takes minutes with sanitizers; runs in the release preset";
#endif
  }
};

TEST_F(PartitionScale, AdversarialTrees) {
  check_scale("chain", test::chain(100000));
  check_scale("star", test::star(100000));
  check_scale("comb", test::comb(100000));
  check_scale("singletons", test::singletons(100000));
}

TEST_F(PartitionScale, SyntheticContinent) {
  const auto topology = make_continent(1, 346321).topology;
  check_scale("continent", topology, 15);
  const auto cut = make_partition(topology, std::vector<double>(topology.size(), 1.0), 4096);
  // 84.6 reaches a rank: the longest river alone needs depth / 84.6 pieces above one another.
  const Index deepest = 1 + *std::max_element(topology.depth.begin(), topology.depth.end());
  EXPECT_LE(cut.depth(), deepest / 10);
}

void check_real_network(const char* name) {
  const auto downstream = read_downstream(std::string(name) + "/" + name + ".nc", "down_index");
  if (downstream.empty()) GTEST_SKIP() << "needs real data: " << name;
  check_scale(name, test::topology_of(downstream), 15);
}

TEST_F(PartitionScale, RhineAndMeuse) { check_real_network("rhine_meuse_network_1km"); }

TEST_F(PartitionScale, WaterGap) { check_real_network("watergap_global_network"); }

}  // namespace
}  // namespace dpl
