// ranks: 1
// Parameter networks on the GPU: the CPU's outputs and gradients, weights that stay on the host, the same bits run
// after run.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "dpl/base/random.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/learning/sequence_network.hpp"
#include "tests/support/gpu_device.hpp"

namespace dpl {
namespace {

at::Tensor normal(const std::vector<std::int64_t>& shape, std::uint64_t item) {
  at::Tensor t = torch::empty(shape, torch::kFloat32);
  for (std::int64_t i = 0; i < t.numel(); ++i)
    t.mutable_data_ptr<float>()[i] =
        static_cast<float>(random_normal(RandomKey{9, Purpose::test, item, static_cast<std::uint64_t>(i)}));
  return t;
}

// Largest difference as a share of the largest number.
double relative(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

struct Pass {
  at::Tensor fixed, dynamic;
  std::vector<at::Tensor> gradients;
};

SequencePlan plan_of(const std::string& kind, const std::string& products) {
  SequencePlan plan;
  plan.config.kind = kind;
  plan.config.hidden_size = 32;
  plan.config.lstm_size = 64;
  plan.config.dropout = 0.3;
  plan.config.replace_dynamic = kind == "two_headed" ? 0.2 : 0.0;
  plan.config.products = products;
  plan.attributes = 12;
  plan.channels = 3;
  plan.start_outputs.assign(20, 0.1);
  if (kind == "lstm" || kind == "two_headed")
    for (std::int64_t k = 0; k < 4; ++k) plan.dynamic.push_back({k, 0});
  return plan;
}

Pass pass_of(const SequencePlan& plan, std::int64_t gradient_from) {
  const auto network = make_sequence_network(plan);
  SequenceInputs in{normal({25, plan.attributes}, 1), {}, {}};
  for (std::uint64_t place = 0; place < 25; ++place) in.place_keys.push_back(place);
  if (network->reads_history()) in.history = normal({25, 200, plan.channels}, 2);
  const auto out = network->forward(in, {true, 3, network->reads_history() ? gradient_from : 0});
  std::vector<at::Tensor> weights;
  for (const auto& w : network->weights()) {
    EXPECT_TRUE(w.tensor.is_cpu()) << w.name;
    weights.push_back(w.tensor);
  }
  std::vector<at::Tensor> outputs{out.fixed}, seeds{normal({25, 20}, 4)};
  EXPECT_TRUE(out.fixed.is_cpu());
  if (out.dynamic.defined()) {
    EXPECT_NE(out.dynamic.is_cpu(), networks_on_gpu()) << "outputs by day stay where they are made";
    outputs.push_back(out.dynamic), seeds.push_back(placed(normal({25, 200, 4}, 5)));
  }
  return {out.fixed.detach(), out.dynamic.defined() ? to_host(out.dynamic.detach()) : at::Tensor(),
          torch::autograd::grad(outputs, weights, seeds, false, false, true)};
}

class NetworkOnGpu : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { prepare_torch(1); }
  void TearDown() override { place_networks_on_host(); }
};

void expect_close(const Pass& found, const Pass& wanted, double forward, double gradient) {
  EXPECT_LT(relative(found.fixed, wanted.fixed), forward);
  if (wanted.dynamic.defined()) EXPECT_LT(relative(found.dynamic, wanted.dynamic), forward);
  for (std::size_t w = 0; w < wanted.gradients.size(); ++w)
    if (wanted.gradients[w].defined()) EXPECT_LT(relative(found.gradients[w], wanted.gradients[w]), gradient) << w;
}

TEST_P(NetworkOnGpu, AgreesWithTheCpuAndRepeatsItsBits) {
  DPL_NEEDS_GPU();
  if (!libtorch_has_cuda()) GTEST_SKIP() << "LibTorch has no CUDA in this program";
  for (const std::int64_t from : {0, 60}) {
    place_networks_on_host();
    const Pass wanted = pass_of(plan_of(GetParam(), "single"), from);
    place_networks_on_gpu(0, "single");
    const Pass found = pass_of(plan_of(GetParam(), "single"), from),
               again = pass_of(plan_of(GetParam(), "single"), from);
    expect_close(found, wanted, 1e-4, 1e-3);
    EXPECT_TRUE(found.fixed.equal(again.fixed));
    for (std::size_t w = 0; w < found.gradients.size(); ++w)
      if (found.gradients[w].defined()) EXPECT_TRUE(found.gradients[w].equal(again.gradients[w])) << w;
  }
}

// Factors rounded to 11 and 8 bits.
TEST_P(NetworkOnGpu, MixedPrecisionIsClose) {
  DPL_NEEDS_GPU();
  if (!libtorch_has_cuda()) GTEST_SKIP() << "LibTorch has no CUDA in this program";
  const Pass wanted = pass_of(plan_of(GetParam(), "single"), 0);
  for (const auto& [products, tolerance] : {std::pair{"tf32", 1e-2}, std::pair{"bf16", 1e-1}}) {
    place_networks_on_gpu(0, products);
    const Pass found = pass_of(plan_of(GetParam(), products), 0);
    expect_close(found, wanted, tolerance, 3 * tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NetworkOnGpu, testing::Values("mlp", "kan", "lstm", "two_headed"));

}  // namespace
}  // namespace dpl
