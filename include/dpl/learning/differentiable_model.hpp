// The process model as one LibTorch function per window: parameters in, discharge means at the gauges out; its
// backward pass is the hand-written adjoint.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

namespace dpl {

/// What the custom function calls; both are **Collective** and run on the calling thread.
struct WindowModel {
  /// theta (contiguous CPU tensor [block reaches of this rank][parameters]) -> means [gauge][interval], double.
  std::function<at::Tensor(const at::Tensor& theta)> forward;
  /// d loss / d means [gauge][interval] -> d loss / d theta, in theta's shape.
  std::function<at::Tensor(const at::Tensor& means_adjoint)> adjoint;
};

/// **Collective**, and so is a backward pass through its result: means [gauge][interval] at all gauges, replicated.
/// Keeps a copy of `model` until the graph is freed. What `model` throws comes out unchanged, in both directions.
at::Tensor apply_window_model(const at::Tensor& theta, const WindowModel& model);

/// LibTorch threads of this process and deterministic kernels; once in main, before any tensor is made. More than one
/// thread gives results that depend on their number.
void prepare_torch(int threads);

}  // namespace dpl
