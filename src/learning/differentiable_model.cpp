// LibTorch's view of a window of routing: one custom function whose backward pass is the hand-written adjoint.
#include "dpl/learning/differentiable_model.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <cstdlib>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

/// Carries the model from the forward to the backward pass.
struct HeldModel : torch::CustomClassHolder {
  explicit HeldModel(WindowModel held) : model(std::move(held)) {}
  WindowModel model;
};

struct WindowFunction : torch::autograd::Function<WindowFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& theta,
                            const c10::intrusive_ptr<HeldModel>& held) {
    context->saved_data["model"] = c10::IValue::make_capsule(held);
    context->saved_data["shape"] = theta.sizes().vec();
    context->saved_data["type"] = static_cast<std::int64_t>(theta.scalar_type());
    return held->model.forward(theta.detach().contiguous());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list means_adjoint) {
    const auto held = context->saved_data["model"].toCapsule();
    const auto& model = static_cast<const HeldModel&>(*held).model;
    const at::Tensor theta_adjoint = model.adjoint(means_adjoint[0].contiguous());
    const std::vector<std::int64_t> shape = context->saved_data["shape"].toIntVector();
    if (theta_adjoint.sizes().vec() != shape) fail("window model: the adjoint's shape differs from the parameters'");
    return {theta_adjoint.to(static_cast<at::ScalarType>(context->saved_data["type"].toInt())), at::Tensor()};
  }
};

}  // namespace

at::Tensor apply_window_model(const at::Tensor& theta, const WindowModel& model) {
  return WindowFunction::apply(theta, c10::make_intrusive<HeldModel>(model));
}

void prepare_torch(int threads) {
  // MKL reads this at its first call: the same bits whatever the alignment of an array. A user's own choice stays.
  setenv("MKL_CBWR", "AUTO,STRICT", 0);
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);  // cuBLAS: the same order of adding in every run
  at::set_num_threads(threads);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, false);
  context.setDeterministicFillUninitializedMemory(false);
  context.setUserEnabledMkldnn(false);
}

}  // namespace dpl
