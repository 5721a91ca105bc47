// The queue of the device's work.
// compiled as CUDA too
#include "dpl/physics/for_each.hpp"

namespace dpl {

#ifdef __CUDACC__
cudaStream_t launch_stream() { return nullptr; }
#endif

void wait_for(Device device) {
#ifdef __CUDACC__
  if (device == Device::cuda) check_cuda(cudaStreamSynchronize(launch_stream()));
#else
  (void)device;
#endif
}

}  // namespace dpl
