// The process model as one LibTorch function per window: parameters in, discharge means at the gauges out; its
// backward pass is the hand-written adjoint.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace dpl {

/// What the custom function calls. theta: contiguous CPU tensor [block reaches of this rank][parameters].
struct WindowModel {
  std::function<at::Tensor(const at::Tensor& theta)> forward;                 ///< **Collective**, means [gauge][interval] double
  std::function<at::Tensor(const at::Tensor& means_adjoint)> adjoint;         ///< **Collective**, d/d theta, same shape as theta
};

/// Means [gauge][interval] at all gauges, replicated, with `model.adjoint` as backward.
at::Tensor apply_window_model(const at::Tensor& theta, const WindowModel& model);

/// LibTorch threads of this process and deterministic kernels; call once in main.
void prepare_torch(int threads);

}  // namespace dpl
