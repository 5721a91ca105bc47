// Moving tensors between the host and the GPU, and the rounding of products there.
#include "dpl/learning/network_place.hpp"

#include <ATen/Context.h>
#include <torch/types.h>

#include <optional>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

std::optional<at::Device> g_gpu;  // of the process, as CUDA's current device is

}  // namespace

bool libtorch_has_cuda() { return at::globalContext().hasCUDA(); }

void place_networks_on_gpu(int gpu, const std::string& products) {
  if (!libtorch_has_cuda())
    fail(
        "device: LibTorch has no CUDA here, so that networks cannot compute on the GPU; install it with tools/setup "
        "--cuda and "
        "build again, or use device: cpu");
  g_gpu = at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(gpu));
  at::Context& context = at::globalContext();
  context.setBenchmarkCuDNN(false);  // which would choose a kernel by its time: other bits from run to run
  context.setDeterministicCuDNN(true);
  context.setAllowTF32CuDNN(products == "tf32");  // LibTorch's own default is true
  context.setAllowTF32CuBLAS(products == "tf32");
}

void place_networks_on_host() { g_gpu.reset(); }

bool networks_on_gpu() { return g_gpu.has_value(); }

at::Tensor placed(const at::Tensor& tensor) { return g_gpu ? tensor.to(*g_gpu) : tensor; }

at::Tensor empty_placed(const std::vector<std::int64_t>& sizes, at::ScalarType type) {
  const auto options = at::TensorOptions().dtype(type);
  return at::empty(sizes, g_gpu ? options.device(*g_gpu) : options);
}

at::Tensor to_host(const at::Tensor& tensor) {
  return tensor.defined() && !tensor.is_cpu() ? tensor.to(at::Device(at::kCPU)) : tensor;
}

}  // namespace dpl
