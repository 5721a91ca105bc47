// Version of CUDA.
#include "dpl/physics/versions.hpp"

#include "dpl/base/version_line.hpp"
#ifdef DPL_CUDA
#include <cuda_runtime_api.h>
#endif

namespace dpl {

std::string physics_versions() {
#ifdef DPL_CUDA
  int runtime = 0, driver = 0, devices = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  if (cudaGetDeviceCount(&devices) != cudaSuccess) devices = 0;
  return version_line("CUDA", fmt::format("{}.{}", runtime / 1000, runtime / 10 % 100),
                      fmt::format("driver for {}.{}, {} device(s)", driver / 1000, driver / 10 % 100, devices));
#else
  return version_line("CUDA", "-", "not built in");
#endif
}

}  // namespace dpl
