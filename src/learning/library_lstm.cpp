// Attributes become further channels of the history, the same every day.
#include "dpl/learning/library_lstm.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/types.h>

#include <vector>

#include "dpl/base/error.hpp"

namespace dpl {

LstmOutputs apply_library_lstm(const LibraryLstmInputs& in) {
  const std::int64_t places = in.history.size(0), days = in.history.size(1), units = in.state_weight.size(1);
  if (in.gradient_from < 0 || in.gradient_from >= days)
    fail("LSTM: the first day with gradient is {} of {} days; it must be one of them", in.gradient_from, days);
  const at::ScalarType type = in.bf16 ? at::kBFloat16 : in.state_weight.scalar_type();
  const auto typed = [&](const at::Tensor& t) { return t.to(type); };
  const at::Tensor still = in.attributes.unsqueeze(0).expand({days, places, in.attributes.size(1)});
  const at::Tensor x = typed(at::cat({in.history.transpose(0, 1), still}, 2)).contiguous();
  const at::Tensor bias = typed(in.bias.flatten());
  const std::vector<at::Tensor> weights{typed(at::cat({in.history_weight, in.attribute_weight}, 1)).contiguous(),
                                        typed(in.state_weight).contiguous(), bias, at::zeros_like(bias.detach())};
  std::vector<at::Tensor> state(2, at::zeros({1, places, units}, x.options()));
  const auto part = [&](std::int64_t first, std::int64_t count) {
    const bool gradient = at::GradMode::is_enabled();
    const auto [every, h, c] =
        at::lstm(x.narrow(0, first, count), state, weights, true, 1, 0.0, gradient, false, false);
    state = {h.detach(), c.detach()};
    return every.to(in.state_weight.scalar_type());
  };
  at::Tensor every;
  if (in.gradient_from > 0 && at::GradMode::is_enabled()) {
    at::Tensor before;
    {
      const at::NoGradGuard none;
      before = part(0, in.gradient_from);
    }
    every = at::cat({before, part(in.gradient_from, days - in.gradient_from)}, 0);
  } else {
    every = part(0, days);
  }
  return {every, every.select(0, days - 1)};
}

}  // namespace dpl
