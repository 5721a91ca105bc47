// One loop, two devices: the body is a function object that handles one index. Files that include this are compiled by
// nvcc in a build with CUDA (their first lines say "compiled as CUDA too") and by the host's compiler in any build.
#pragma once

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"
#include "dpl/physics/launch_graph.hpp"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#endif

namespace dpl {

#ifdef __CUDACC__
/// Where loops are queued: the default stream, which LibTorch uses too; another one while a graph is recorded.
cudaStream_t launch_stream();

inline void check_cuda(cudaError_t code) {
  if (code != cudaSuccess) fail_on_device(cudaGetErrorString(code));
}

template <class Body>
__global__ void for_each_kernel(Body body, Index first, Index end) {
  const Index i = first + static_cast<Index>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < end) body(i);
}
#endif

/// Runs body(i) for first <= i < end after all that was queued on the device before. On cuda it returns at once: the host
/// may look at what the body writes after wait_for(). Device::emulated runs it here and now (or keeps it, as a GPU does, while
/// a LaunchGraph is recorded); cpu has loops of its own.
template <class Body>
void for_each(Device device, const Body& body, Index first, Index end) {
  if (end <= first) return;
#ifdef __CUDACC__
  if (device == Device::cuda) {
    constexpr Index kThreads = 256;
    for_each_kernel<<<(end - first + kThreads - 1) / kThreads, kThreads, 0, launch_stream()>>>(body, first, end);
    check_cuda(cudaGetLastError());
    return;
  }
#endif
  const auto loop = [body, first, end] {
    for (Index i = first; i < end; ++i) body(i);
  };
  if (auto* launches = device == Device::emulated ? launches_being_recorded() : nullptr)
    launches->push_back(loop);
  else
    loop();
}

/// Waits for all that was queued. Throws Error for a kernel that failed.
void wait_for(Device device);

}  // namespace dpl
