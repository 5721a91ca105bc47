// LibTorch's LSTM, which GPUs use, is the same function as the processor's own.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "dpl/base/random.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/library_lstm.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/learning/sequence_network.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

at::Tensor normal(const std::vector<std::int64_t>& shape, std::uint64_t seed) {
  at::Tensor t = torch::empty(shape, torch::kFloat64);
  for (std::int64_t i = 0; i < t.numel(); ++i)
    t.mutable_data_ptr<double>()[i] =
        0.4 * random_normal(RandomKey{seed, Purpose::test, 0, static_cast<std::uint64_t>(i)});
  return t;
}

double distance(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

struct Weights {
  at::Tensor attribute, bias, history, state;
  std::vector<at::Tensor> leaves() const { return {attribute, bias, history, state}; }
};

Weights weights_of(std::int64_t units, std::int64_t attributes, std::int64_t channels) {
  Weights w{normal({4 * units, attributes}, 1), normal({4 * units}, 2), normal({4 * units, channels}, 3),
            normal({4 * units, units}, 4)};
  for (auto t : w.leaves()) t.requires_grad_(true);
  return w;
}

class LibraryLstm : public testing::TestWithParam<std::int64_t> {
 protected:
  static void SetUpTestSuite() { prepare_torch(1); }
};

TEST_P(LibraryLstm, EqualsTheOwnOneAndItsGradients) {
  constexpr std::int64_t kPlaces = 3, kDays = 11, kUnits = 5, kAttributes = 4, kChannels = 2;
  const std::int64_t from = GetParam();
  const Weights w = weights_of(kUnits, kAttributes, kChannels);
  const at::Tensor history = normal({kPlaces, kDays, kChannels}, 5), attributes = normal({kPlaces, kAttributes}, 6);
  const auto found = apply_library_lstm({history, attributes, w.attribute, w.bias, w.history, w.state, from, false});
  TapeMemory memory;
  const auto wanted =
      apply_lstm({history, at::linear(attributes, w.attribute, w.bias), w.history, w.state, from, false}, memory);
  EXPECT_LT(distance(found.every, wanted.every), 1e-13);
  EXPECT_LT(distance(found.last, wanted.last), 1e-13);
  // Days before `from` take no part in the loss: what they would add is not defined there.
  const at::Tensor seed = normal({kDays, kPlaces, kUnits}, 7), last_seed = normal({kPlaces, kUnits}, 8);
  const auto loss = [&](const LstmOutputs& o) {
    return (o.every.narrow(0, from, kDays - from) * seed.narrow(0, from, kDays - from)).sum() +
           (o.last * last_seed).sum();
  };
  const auto a = torch::autograd::grad({loss(found)}, w.leaves()),
             b = torch::autograd::grad({loss(wanted)}, w.leaves());
  for (std::size_t k = 0; k < a.size(); ++k) EXPECT_LT(distance(a[k], b[k]), 1e-12) << k;
}

INSTANTIATE_TEST_SUITE_P(FirstDayWithGradient, LibraryLstm, testing::Values(0, 1, 6, 10));

TEST(LibraryLstmErrors, FirstDayOutsideIsRefused) {
  const Weights w = weights_of(2, 1, 1);
  const auto message = message_of([&] {
    apply_library_lstm({normal({1, 3, 1}, 1), normal({1, 1}, 2), w.attribute, w.bias, w.history, w.state, 3, false});
  });
  EXPECT_NE(message.find("3 of 3 days"), std::string::npos) << message;
}

TEST(NetworkPlace, IsTheHostUntilAGpuIsTaken) {
  place_networks_on_host();
  const at::Tensor t = normal({2, 2}, 1);
  EXPECT_FALSE(networks_on_gpu());
  EXPECT_TRUE(placed(t).is_same(t));
  EXPECT_TRUE(to_host(t).is_same(t));
  EXPECT_FALSE(to_host(at::Tensor()).defined());
  if (libtorch_has_cuda()) GTEST_SKIP() << "LibTorch has CUDA here: its absence cannot be tested";
  EXPECT_NE(message_of([] { place_networks_on_gpu(0, "single"); }).find("LibTorch has no CUDA"), std::string::npos);
}

TEST(NetworkPlace, Tf32NeedsAGpu) {
  SequencePlan plan;
  plan.config.kind = "mlp";
  plan.config.products = "tf32";
  plan.attributes = 1;
  plan.start_outputs = {0.0};
  EXPECT_NE(message_of([&] { make_sequence_network(plan); }).find("tf32 is for GPUs"), std::string::npos);
}

}  // namespace
}  // namespace dpl
