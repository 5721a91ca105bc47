// Host memory, and CUDA's managed memory in a build that has it.
#include "dpl/physics/device_memory.hpp"

#include <new>

#include "dpl/base/error.hpp"

#ifdef DPL_CUDA
#include <cuda_runtime.h>
#endif

namespace dpl {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void check_device(Device device) {
  if (device == Device::cpu) return;
#ifdef DPL_CUDA
  int count = 0;
  if (const cudaError_t code = cudaGetDeviceCount(&count); code != cudaSuccess || count == 0)
    fail("device: cuda was asked for, but there is no usable GPU ({}); use device: cpu", cudaGetErrorString(code));
#else
  fail("device: cuda was asked for, but this program was built without CUDA; use device: cpu or the preset cuda");
#endif
}

void fail_on_device(const char* reason) { fail("device: a routing kernel failed on the GPU ({})", reason); }

void* allocate_for(Device device, std::size_t bytes) {
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    void* memory = nullptr;
    if (const cudaError_t code = cudaMallocManaged(&memory, bytes > 0 ? bytes : 1); code != cudaSuccess)
      fail("device: {} bytes of GPU memory could not be had ({})", bytes, cudaGetErrorString(code));
    return memory;
  }
#else
  (void)device;
#endif
  return ::operator new(bytes, kAlignment);
}

void release_from(Device device, void* memory) noexcept {
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    cudaFree(memory);
    return;
  }
#else
  (void)device;
#endif
  ::operator delete(memory, kAlignment);
}

}  // namespace dpl
