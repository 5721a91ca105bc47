// One loop, two devices: the body is a function object that handles one index. Included by files compiled by nvcc.
#pragma once

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

#ifdef __CUDACC__
#include <cuda_runtime.h>

namespace dpl {

template <class Body>
__global__ void for_each_kernel(Body body, Index first, Index end) {
  const Index i = first + static_cast<Index>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < end) body(i);
}

/// Runs body(i) for first <= i < end on the GPU and waits: the arrays are managed memory that the host reads next.
template <class Body>
void for_each_on_device(const Body& body, Index first, Index end) {
  if (end <= first) return;
  constexpr Index kThreads = 256;
  for_each_kernel<<<(end - first + kThreads - 1) / kThreads, kThreads>>>(body, first, end);
  cudaError_t code = cudaGetLastError();
  if (code == cudaSuccess) code = cudaDeviceSynchronize();
  if (code != cudaSuccess) fail_on_device(cudaGetErrorString(code));
}

}  // namespace dpl
#endif
