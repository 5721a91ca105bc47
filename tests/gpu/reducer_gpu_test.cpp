// ranks: 1 2
// Gradients through NCCL: the bits of MPI with one GPU for each rank; two ranks on one GPU are refused, not left
// waiting.
#include <gtest/gtest.h>

#include <cmath>

#include "dpl/base/random.hpp"
#include "dpl/coupling/device_choice.hpp"
#include "dpl/parallel/exchange.hpp"
#include "dpl/parallel/gradient_reducer.hpp"
#include "tests/support/gpu_device.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

const std::vector<std::size_t> kSizes{3, 100000, 1, 70000};

std::vector<std::vector<double>> reduced(const Communicator& comm, double scale) {
  GradientReducer reducer(comm, kSizes);
  for (std::size_t t = 0; t < kSizes.size(); ++t)
    for (std::uint64_t block = 0; block < 3; ++block) {
      std::vector<double> values(kSizes[t]);
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] =
            scale * random_normal(RandomKey{static_cast<std::uint64_t>(comm.rank()), Purpose::test, 10 * t + block, i});
      reducer.give<double>(t, values);
    }
  return reducer.finish();
}

TEST(Nccl, GivesTheBitsOfMpi) {
  DPL_NEEDS_GPU();
  Communicator comm;
  RunConfig config;
  config.device = "auto";
  const auto choice = choose_device(comm, config, visible_gpus());
  if (choice.device != "cuda") GTEST_SKIP() << choice.reason;
  use_gpu(choice.gpu);
  const auto by_mpi = reduced(comm, 1), large_by_mpi = reduced(comm, 1e200);
  comm.use_exchange(make_nccl_exchange(comm));
  EXPECT_NE(comm.exchange()->name().find("NCCL"), std::string::npos);
  for (int run = 0; run < 3; ++run) EXPECT_EQ(reduced(comm, 1), by_mpi) << "run " << run;
  EXPECT_EQ(reduced(comm, 1e200), large_by_mpi);
}

TEST(Nccl, TwoRanksOnOneGpuAreRefused) {
  DPL_NEEDS_GPU();
  const Communicator comm;
  if (comm.size() < 2) GTEST_SKIP() << "needs two ranks";
  use_gpu(0);
  // Where every rank sees a GPU of its own as number 0 there is nothing to refuse.
  if (!comm.all_equal(std::hash<std::string>{}(visible_gpus().gpus.front().id)))
    GTEST_SKIP() << "each rank sees its own GPU";
  const auto message = message_of([&] { make_nccl_exchange(comm); });
  EXPECT_NE(message.find("have the same GPU"), std::string::npos) << message;
}

}  // namespace
}  // namespace dpl
