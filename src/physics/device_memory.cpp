// Memory of the host, and CUDA's own in a build that has it.
#include "dpl/physics/device_array.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

#include "dpl/base/error.hpp"
#include "dpl/physics/aligned_vector.hpp"
#include "dpl/physics/devices.hpp"

#ifdef DPL_CUDA
#include <cuda_runtime.h>
#endif

namespace dpl {
namespace {

constexpr std::size_t kAlignment = 64, kLargePage = std::size_t{2} << 20;

// Large arrays lie on large pages where the system gives them: series of many reaches are read side by side, each on a page
// of its own.
std::size_t alignment_of(std::size_t bytes) { return bytes >= 2 * kLargePage ? kLargePage : kAlignment; }

}  // namespace

Device device_named(const std::string& name) {
  if (name == "cpu") return Device::cpu;
  if (name != "cuda") fail("device is \"{}\", allowed: cpu, cuda", name);
  return emulated_gpus().value_or(0) > 0 ? Device::emulated : Device::cuda;
}

void fail_on_device(const char* reason) { fail("device: a kernel failed on the GPU ({})", reason); }

void* allocate_aligned(std::size_t bytes) {
  const std::size_t alignment = alignment_of(bytes);
  const std::size_t whole = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kLargePage) madvise(memory, whole, MADV_HUGEPAGE);  // advice: without it the array is as good
#endif
  return memory;
}

void free_aligned(void* memory) noexcept { std::free(memory); }

namespace {

double gib(double bytes) { return bytes / (1024.0 * 1024.0 * 1024.0); }

std::atomic<Count> held = 0;

}  // namespace

void* allocate_on(Device device, std::size_t bytes) {
  void* memory = nullptr;
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    if (const cudaError_t code = cudaMalloc(&memory, bytes > 0 ? bytes : 1); code != cudaSuccess) {
      cudaGetLastError();   // the next launch would find it
      fail("device: {:.3f} GiB of GPU memory could not be had ({}), {:.3f} GiB are free; shorten the window or use more GPUs",
           gib(static_cast<double>(bytes)), cudaGetErrorString(code), gib(static_cast<double>(free_bytes(device))));
    }
  }
#endif
  if (device != Device::cuda) memory = allocate_aligned(bytes);
  held += static_cast<Count>(bytes);
  return memory;
}

void free_on(Device device, void* memory, std::size_t bytes) noexcept {
  if (!memory) return;
#ifdef DPL_CUDA
  if (device == Device::cuda) cudaFree(memory);
#endif
  if (device != Device::cuda) free_aligned(memory);
  held -= static_cast<Count>(bytes);
}

void* allocate_staging(Device device, std::size_t bytes) {
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    void* memory = nullptr;
    if (const cudaError_t code = cudaHostAlloc(&memory, std::max<std::size_t>(bytes, 1), cudaHostAllocDefault); code != cudaSuccess) {
      cudaGetLastError();
      fail("device: {:.3f} GiB of the host's memory could not be page-locked for messages ({}); raise the limit (ulimit -l) or "
           "shorten routing.chunk_steps", gib(static_cast<double>(bytes)), cudaGetErrorString(code));
    }
    return memory;
  }
#endif
  (void)device;
  return allocate_aligned(bytes);
}

void free_staging(Device device, void* memory) noexcept {
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    if (memory) cudaFreeHost(memory);
    return;
  }
#endif
  (void)device;
  free_aligned(memory);
}

Count held_bytes() { return held; }

Count free_bytes(Device device) {
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    std::size_t free = 0, all = 0;
    if (const cudaError_t code = cudaMemGetInfo(&free, &all); code != cudaSuccess) fail_on_device(cudaGetErrorString(code));
    return static_cast<Count>(free);
  }
#endif
  if (const auto all = device == Device::emulated ? emulated_bytes() : std::nullopt)
    return std::max<Count>(0, *all - held_bytes());
  return std::numeric_limits<Count>::max();
}

void check_free_bytes(Device device, Count bytes, const char* what) {
  if (const Count free = free_bytes(device); bytes > free)
    fail("device: {} needs {:.3f} GiB more of GPU memory, {:.3f} GiB are free; shorten the window, limit the tape or use more "
         "GPUs", what, gib(static_cast<double>(bytes)), gib(static_cast<double>(free)));
}

bool reaches(Device device, const void* memory) {
#ifdef DPL_CUDA
  if (device == Device::cuda) {
    cudaPointerAttributes found{};
    if (cudaPointerGetAttributes(&found, memory) != cudaSuccess) {
      cudaGetLastError();
      return false;
    }
    return found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged;
  }
#else
  (void)device;
#endif
  (void)memory;
  return false;
}

}  // namespace dpl
