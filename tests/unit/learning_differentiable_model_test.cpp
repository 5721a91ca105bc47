// The custom autograd function passes values, adjoints and errors through unchanged.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "dpl/base/error.hpp"
#include "dpl/learning/differentiable_model.hpp"

namespace {

/// means[g][i] = (g + 1) * sum over reaches of theta[r][i]^2; counts its calls.
struct Squares {
  int forward_calls = 0, adjoint_calls = 0;
  at::Tensor theta;

  dpl::WindowModel model() {
    return {[this](const at::Tensor& t) {
              ++forward_calls;
              EXPECT_TRUE(t.is_contiguous());
              EXPECT_FALSE(t.requires_grad());
              theta = t.to(at::kDouble);
              const at::Tensor row = (theta * theta).sum(0).unsqueeze(0);
              return (row * gauges()).contiguous();
            },
            [this](const at::Tensor& adjoint) {
              ++adjoint_calls;
              EXPECT_TRUE(adjoint.is_contiguous());
              return (theta * 2 * (adjoint * gauges()).sum(0).unsqueeze(0)).contiguous();
            }};
  }
  static at::Tensor gauges() {
    at::Tensor numbers = at::empty({2, 1}, at::TensorOptions().dtype(at::kDouble));
    numbers.mutable_data_ptr<double>()[0] = 1;
    numbers.mutable_data_ptr<double>()[1] = 2;
    return numbers;
  }
};

TEST(DifferentiableModel, BackwardIsTheModelsAdjoint) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    Squares squares;
    at::Tensor theta = at::ones({5, 3}, at::TensorOptions().dtype(type)) * 1.5;
    theta.requires_grad_(true);
    const at::Tensor means = dpl::apply_window_model(theta, squares.model());
    EXPECT_EQ(means.scalar_type(), at::kDouble);
    EXPECT_DOUBLE_EQ(means[1][0].item<double>(), 2 * 5 * 2.25);
    means.sum().backward();
    EXPECT_EQ(theta.grad().scalar_type(), type);
    EXPECT_DOUBLE_EQ(theta.grad()[4][2].item<double>(), 3 * 2 * 1.5);
    EXPECT_EQ(squares.forward_calls, 1);
    EXPECT_EQ(squares.adjoint_calls, 1);
  }
}

TEST(DifferentiableModel, ErrorsOfBothPassesStayErrors) {
  const auto broken = [](const at::Tensor&) -> at::Tensor { throw dpl::Error("one clear line"); };
  at::Tensor theta = at::ones({5, 3}, at::TensorOptions().dtype(at::kDouble));
  theta.requires_grad_(true);
  Squares squares;
  const auto expect_line = [](const auto& body) {
    try {
      body();
      FAIL() << "nothing was thrown";
    } catch (const dpl::Error& error) {
      EXPECT_STREQ(error.what(), "one clear line");
    }
  };
  expect_line([&] { dpl::apply_window_model(theta, {broken, squares.model().adjoint}); });
  const at::Tensor means = dpl::apply_window_model(theta, {squares.model().forward, broken});
  expect_line([&] { means.sum().backward(); });
}

TEST(DifferentiableModel, PrepareTorchSetsTheThreads) {
  dpl::prepare_torch(1);
  EXPECT_EQ(at::get_num_threads(), 1);
}

}  // namespace
