// ranks: 1 2 4
// Which rank takes which GPU, with pretended ones; refusals are everybody's.
#include "dpl/coupling/device_choice.hpp"

#include <gtest/gtest.h>

#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

using Ids = std::vector<std::vector<std::string>>;

TEST(DealGpus, EachRankTheFirstThatIsFree) {
  const std::vector<std::string> all{"a", "b", "c"};
  EXPECT_EQ(deal_gpus({all, all, all}, false), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(deal_gpus({{"a"}, {"b"}, {"c"}}, false), (std::vector<int>{0, 0, 0})) << "each sees its own (SLURM)";
  EXPECT_EQ(deal_gpus({all, all, all, all}, false), (std::vector<int>{0, 1, 2, -1}));
  EXPECT_EQ(deal_gpus({all, all, all, all, all}, true), (std::vector<int>{0, 1, 2, 0, 1}));
  EXPECT_EQ(deal_gpus({{}, {"a"}}, true), (std::vector<int>{-1, 0}));
  EXPECT_EQ(deal_gpus({{"b", "a"}, {"b", "a"}}, false), (std::vector<int>{0, 1})) << "numbers are the rank's own";
}

GpuInventory pretended(int count) {
  GpuInventory seen{{}, gpu_problem(13000, 13000, count, ""), 13000, 13000};
  for (int k = 0; k < count; ++k) seen.gpus.push_back({"GPU", "id" + std::to_string(k), 0, Count{80} << 30});
  return seen;
}

RunConfig asking(const std::string& device, bool share = false) {
  RunConfig config;
  config.device = device;
  config.parallel.share_gpus = share;
  return config;
}

TEST(ChooseDevice, OneGpuForEachRank) {
  const Communicator comm;  // all on one node
  for (const char* device : {"cuda", "auto"}) {
    const auto choice = choose_device(comm, asking(device), pretended(comm.size()));
    EXPECT_EQ(choice.device, "cuda");
    EXPECT_EQ(choice.gpu, comm.rank());
    EXPECT_FALSE(choice.shared);
  }
  EXPECT_EQ(choose_device(comm, asking("cpu"), pretended(8)).device, "cpu");
}

TEST(ChooseDevice, FewerGpusThanRanks) {
  const Communicator comm;
  const int gpus = comm.size() - 1;
  const auto message = message_of([&] { choose_device(comm, asking("cuda"), pretended(gpus)); });
  EXPECT_NE(message.find("device: cuda was asked for"), std::string::npos) << "on every rank";
  if (gpus > 0) {
    EXPECT_NE(message.find("parallel.share_gpus: true"), std::string::npos);
    const auto shared = choose_device(comm, asking("cuda", true), pretended(gpus));
    EXPECT_TRUE(shared.shared);
    EXPECT_EQ(shared.gpu, comm.rank() % gpus);
  }
  const auto taken = choose_device(comm, asking("auto"), pretended(gpus));
  EXPECT_EQ(taken.device, "cpu");
  EXPECT_NE(taken.reason.find(gpus > 0 ? "ranks and" : "no GPU"), std::string::npos) << taken.reason;
}

TEST(ChooseDevice, ARankWithoutADriverIsEverybodysReason) {
  const Communicator comm;
  GpuInventory seen = pretended(comm.size());
  if (comm.rank() == comm.size() - 1) seen = {{}, gpu_problem(12040, 13000, 0, ""), 12040, 13000};
  const auto message = message_of([&] { choose_device(comm, asking("cuda"), seen); });
  EXPECT_NE(message.find("driver is too old"), std::string::npos) << message;
  const auto taken = choose_device(comm, asking("auto"), seen);
  EXPECT_EQ(taken.device, "cpu");
  EXPECT_NE(taken.reason.find("driver is too old"), std::string::npos);
}

TEST(ChooseDevice, AutoTakesTheCpuForWhatRunsThereOnly) {
  const Communicator comm;
  RunConfig config = asking("auto");
  config.routing.solver = "krylov";
  const auto taken = choose_device(comm, config, pretended(comm.size()));
  EXPECT_EQ(taken.device, "cpu");
  EXPECT_NE(taken.reason.find("krylov"), std::string::npos);
}

}  // namespace
}  // namespace dpl
