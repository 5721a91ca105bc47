// The LSTM against LibTorch's own in double, finite differences, rows that do not feel each other, days without
// gradient.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/lstm.hpp"
#include "dpl/learning/lstm_kernels.hpp"

namespace {

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed, double deviation = 1) {
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(at::kDouble));
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.mutable_data_ptr<double>()[i] =
        deviation * dpl::random_normal({seed, dpl::Purpose::test, 0, static_cast<std::uint64_t>(i)});
  }
  return tensor;
}

struct Size {
  std::int64_t places, days, hidden, channels;
};

dpl::LstmInputs random_inputs(const Size& n) {
  const double deviation = 1 / std::sqrt(static_cast<double>(n.hidden));
  dpl::LstmInputs in{normal({n.places, n.days, n.channels}, 1), normal({n.places, 4 * n.hidden}, 2),
                     normal({4 * n.hidden, n.channels}, 3, 0.5), normal({4 * n.hidden, n.hidden}, 4, deviation)};
  in.place_gates.requires_grad_(true);
  in.history_weight.requires_grad_(true);
  in.state_weight.requires_grad_(true);
  return in;
}

dpl::LstmInputs in_type(const dpl::LstmInputs& in, at::ScalarType type) {
  const auto leaf = [&](const at::Tensor& x) { return x.detach().to(type).requires_grad_(true); };
  return {in.history.to(type), leaf(in.place_gates), leaf(in.history_weight), leaf(in.state_weight), in.gradient_from};
}

std::vector<at::Tensor> leaves(const dpl::LstmInputs& in) {
  return {in.place_gates, in.history_weight, in.state_weight};
}

double distance(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor wanted = expected.to(at::kDouble);
  return ((found.to(at::kDouble) - wanted).abs().max() / wanted.abs().max()).item<double>();
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.contiguous(), y = b.contiguous();
  return x.sizes() == y.sizes() && std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

/// LibTorch's LSTM with the place's part of the gates as further inputs (one-hot places), so that all gradients
/// compare.
at::Tensor torch_lstm(const dpl::LstmInputs& in) {
  const std::int64_t places = in.history.size(0), days = in.history.size(1), hidden = in.state_weight.size(1);
  at::Tensor one_hot = at::zeros({places, days, places}, in.history.options());
  for (std::int64_t p = 0; p < places; ++p) one_hot.select(0, p).select(1, p).fill_(1);
  const at::Tensor inputs = at::cat({in.history, one_hot}, 2);
  const at::Tensor weight = at::cat({in.history_weight, in.place_gates.t()}, 1);
  const at::Tensor none = at::zeros({1, places, hidden}, in.history.options());
  return std::get<0>(at::lstm(inputs, {none, none}, {weight, in.state_weight}, /*has_biases=*/false, 1, 0.0,
                              /*train=*/false, false, /*batch_first=*/true));
}

class LstmSize : public testing::TestWithParam<Size> {
 protected:
  static void SetUpTestSuite() { dpl::prepare_torch(1); }
  dpl::TapeMemory memory;
};

TEST_P(LstmSize, EqualsLibTorchInDouble) {
  const Size n = GetParam();
  const auto in = random_inputs(n);
  const auto own = dpl::apply_lstm(in, memory);
  const at::Tensor expected = torch_lstm(in);
  EXPECT_LT(distance(own.every, expected.transpose(0, 1)), 1e-12);
  EXPECT_TRUE(same_bits(own.last, own.every.select(0, n.days - 1)));
  const at::Tensor seed = normal({n.days, n.places, n.hidden}, 5), last_seed = normal({n.places, n.hidden}, 6);
  const auto found = torch::autograd::grad({(own.every * seed).sum() + (own.last * last_seed).sum()}, leaves(in));
  const auto wanted = torch::autograd::grad(
      {(expected * seed.transpose(0, 1)).sum() + (expected.select(1, n.days - 1) * last_seed).sum()}, leaves(in));
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(distance(found[k], wanted[k]), 1e-12) << k;
}

TEST_P(LstmSize, SingleIsCloseToDouble) {
  const Size n = GetParam();
  const auto in = random_inputs(n), single = in_type(in, at::kFloat);
  const auto exact = dpl::apply_lstm(in, memory), rounded = dpl::apply_lstm(single, memory);
  EXPECT_LT(distance(rounded.every, exact.every), 2e-5);
  const at::Tensor seed = normal({n.days, n.places, n.hidden}, 5);
  const auto wanted = torch::autograd::grad({(exact.every * seed).sum()}, leaves(in));
  const auto found = torch::autograd::grad({(rounded.every * seed.to(at::kFloat)).sum()}, leaves(single));
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(distance(found[k], wanted[k]), 1e-4) << k;
}

// bfloat16 keeps 8 bits: a product's factors have errors up to 2^-9.
TEST_P(LstmSize, Bf16IsCloseToDouble) {
  if (!dpl::has_bf16_products()) GTEST_SKIP() << "no AVX-512 BF16 here";
  const Size n = GetParam();
  const auto in = random_inputs(n);
  auto rounded_in = in_type(in, at::kFloat);
  rounded_in.bf16 = true;
  const auto exact = dpl::apply_lstm(in, memory), rounded = dpl::apply_lstm(rounded_in, memory);
  EXPECT_LT(distance(rounded.every, exact.every), 3e-2);
  EXPECT_TRUE(same_bits(rounded.last, rounded.every.select(0, n.days - 1)));
  const at::Tensor seed = normal({n.days, n.places, n.hidden}, 5);
  const auto wanted = torch::autograd::grad({(exact.every * seed).sum()}, leaves(in));
  const auto found = torch::autograd::grad({(rounded.every * seed.to(at::kFloat)).sum()}, leaves(rounded_in));
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(distance(found[k], wanted[k]), 3e-2) << k;
}

// With factors that bfloat16 holds exactly, and states near 0 or 1, nothing is left of the rounding but its own order:
// the layout of pairs, panels and rows must be right in every number.
TEST_P(LstmSize, Bf16OfOneDayEqualsSingle) {
  if (!dpl::has_bf16_products()) GTEST_SKIP() << "no AVX-512 BF16 here";
  Size n = GetParam();
  n.days = 1;
  auto in = in_type(random_inputs(n), at::kFloat);
  in.history = in.history.to(at::kBFloat16).to(at::kFloat);
  in.history_weight = in.history_weight.detach().to(at::kBFloat16).to(at::kFloat).requires_grad_(true);
  const auto single = dpl::apply_lstm(in, memory);
  in.bf16 = true;
  const auto rounded = dpl::apply_lstm(in, memory);
  EXPECT_LT(distance(rounded.last, single.last), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Learning, LstmSize,
                         testing::Values(Size{1, 2, 1, 1}, Size{7, 11, 5, 3}, Size{13, 40, 48, 2}, Size{6, 9, 80, 17},
                                         Size{25, 100, 64, 5}),
                         [](const auto& which) {
                           const Size& n = which.param;
                           return std::to_string(n.places) + "_places_" + std::to_string(n.hidden) + "_units";
                         });

TEST(Lstm, GradientEqualsCentralDifferences) {
  dpl::TapeMemory memory;
  const auto in = random_inputs({3, 8, 4, 2});
  const at::Tensor seed = normal({8, 3, 4}, 5);
  const auto value = [&] { return (dpl::apply_lstm(in, memory).every * seed).sum(); };
  const auto gradients = torch::autograd::grad({value()}, leaves(in));
  for (std::size_t k = 0; k < 3; ++k) {
    double* numbers = leaves(in)[k].detach().mutable_data_ptr<double>();
    const double scale = gradients[k].abs().max().item<double>();
    for (std::int64_t i = 0; i < gradients[k].numel(); ++i) {
      const double kept = numbers[i], h = 1e-5;
      numbers[i] = kept + h;
      const double above = value().item<double>();
      numbers[i] = kept - h;
      const double below = value().item<double>();
      numbers[i] = kept;
      EXPECT_NEAR(gradients[k].contiguous().const_data_ptr<double>()[i], (above - below) / (2 * h), 1e-7 * scale);
    }
  }
}

TEST(Lstm, APlaceDoesNotFeelTheOthers) {
  dpl::TapeMemory memory;
  for (const std::string numbers : {"single", "double", "bf16"}) {
    if (numbers == "bf16" && !dpl::has_bf16_products()) continue;
    auto in = in_type(random_inputs({23, 30, 20, 3}), numbers == "double" ? at::kDouble : at::kFloat);
    in.bf16 = numbers == "bf16";
    const at::Tensor all = dpl::apply_lstm(in, memory).every;
    for (const auto& [first, count] : std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {5, 7}, {20, 3}}) {
      dpl::LstmInputs part = in;
      part.history = in.history.narrow(0, first, count);
      part.place_gates = in.place_gates.narrow(0, first, count);
      EXPECT_TRUE(same_bits(dpl::apply_lstm(part, memory).every, all.narrow(1, first, count))) << first;
    }
  }
}

TEST(Lstm, EveryInstructionSetGivesTheSameBits) {
  dpl::TapeMemory memory;
  const char* before = std::getenv("DPL_ISA");
  const std::string kept = before == nullptr ? "" : before;
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto in = in_type(random_inputs({17, 40, 37, 3}), type);
    std::vector<at::Tensor> expected;
    for (const char* set : {"generic", "v3", "v4"}) {
      setenv("DPL_ISA", set, 1);
      try {
        const auto out = dpl::apply_lstm(in, memory);
        auto found = torch::autograd::grad({out.every.sum() + out.last.sum()}, leaves(in));
        found.push_back(out.every.detach().clone());
        if (expected.empty()) expected = found;
        for (std::size_t k = 0; k < found.size(); ++k) EXPECT_TRUE(same_bits(found[k], expected[k])) << set << " " << k;
      } catch (const dpl::Error&) {
        EXPECT_STRNE(set, "generic");  // a set that this processor does not run
      }
    }
  }
  if (kept.empty()) {
    unsetenv("DPL_ISA");
  } else {
    setenv("DPL_ISA", kept.c_str(), 1);
  }
}

TEST(Lstm, DaysBeforeTheFirstWithGradientChangeNoValueAndGiveNoGradient) {
  dpl::TapeMemory memory;
  const Size n{5, 20, 6, 2};
  auto in = random_inputs(n);
  const at::Tensor all = dpl::apply_lstm(in, memory).every;
  in.gradient_from = 12;
  const auto cut = dpl::apply_lstm(in, memory);
  EXPECT_TRUE(same_bits(cut.every, all));
  const at::Tensor seed = normal({n.days, n.places, n.hidden}, 5);
  const auto found = torch::autograd::grad({(cut.every * seed).sum()}, leaves(in));
  // Central differences of the days from 12 on with the state at their start held: the seed of earlier days is nothing.
  at::Tensor late = seed.clone();
  late.narrow(0, 0, 12).zero_();
  const auto same = torch::autograd::grad({(dpl::apply_lstm(in, memory).every * late).sum()}, leaves(in));
  for (std::size_t k = 0; k < 3; ++k) EXPECT_TRUE(same_bits(found[k], same[k]));
  in.gradient_from = 0;
  const auto whole = torch::autograd::grad({(dpl::apply_lstm(in, memory).every * late).sum()}, leaves(in));
  EXPECT_GT(distance(found[2], whole[2]), 1e-3);
  in.gradient_from = 20;
  EXPECT_THROW(dpl::apply_lstm(in, memory), dpl::Error);
}

TEST(Lstm, GradientsAreTheSameBitsWhenTheGraphIsUsedTwice) {
  dpl::TapeMemory memory;
  const auto in = in_type(random_inputs({9, 300, 16, 2}), at::kFloat);
  const at::Tensor value = dpl::apply_lstm(in, memory).last.sum();
  const auto first = torch::autograd::grad({value}, leaves(in), {}, /*retain_graph=*/true);
  const auto second = torch::autograd::grad({value}, leaves(in));
  for (std::size_t k = 0; k < 3; ++k) EXPECT_TRUE(same_bits(first[k], second[k]));
}

TEST(Lstm, NaNInAPlaceStaysInThatPlace) {
  dpl::TapeMemory memory;
  for (const auto type : {at::kFloat, at::kDouble}) {
    auto in = in_type(random_inputs({8, 10, 20, 3}), type);
    in.history[3][4][1] = std::numeric_limits<double>::quiet_NaN();
    const at::Tensor last = dpl::apply_lstm(in, memory).last.detach();
    for (std::int64_t place = 0; place < 8; ++place) {
      EXPECT_EQ(last[place].isnan().all().item<bool>(), place == 3) << place;
      EXPECT_EQ(last[place].isnan().any().item<bool>(), place == 3) << place;
    }
  }
}

TEST(Lstm, LargeSumsSaturate) {
  dpl::TapeMemory memory;
  auto in = in_type(random_inputs({2, 3, 4, 1}), at::kFloat);
  in.place_gates = (in.place_gates.detach().sign() * 1e6).requires_grad_(true);
  const auto out = dpl::apply_lstm(in, memory);
  EXPECT_TRUE(out.every.isfinite().all().item<bool>());
  for (const auto& g : torch::autograd::grad({out.every.sum()}, leaves(in)))
    EXPECT_TRUE(g.isfinite().all().item<bool>());
}

TEST(Lstm, Bf16NeedsSinglePrecision) {
  dpl::TapeMemory memory;
  auto in = random_inputs({2, 3, 4, 1});
  in.bf16 = true;
  EXPECT_THROW(dpl::apply_lstm(in, memory), dpl::Error);
}

TEST(Lstm, RefusesShapesAndTypesThatDoNotFit) {
  dpl::TapeMemory memory;
  const auto good = random_inputs({2, 3, 4, 1});
  auto in = good;
  in.history = normal({2, 3, 2}, 1);
  EXPECT_THROW(dpl::apply_lstm(in, memory), dpl::Error);
  in = good;
  in.place_gates = normal({3, 16}, 1);
  EXPECT_THROW(dpl::apply_lstm(in, memory), dpl::Error);
  in = good;
  in.history = good.history.to(at::kFloat);
  EXPECT_THROW(dpl::apply_lstm(in, memory), dpl::Error);
}

}  // namespace
