// What CUDA says of its devices, and what tests pretend.
#include "dpl/physics/devices.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "dpl/base/error.hpp"

#ifdef DPL_CUDA
#include <cuda_runtime_api.h>
#endif

namespace dpl {
namespace {

[[maybe_unused]] std::string cuda_version(int number) { return fmt::format("{}.{}", number / 1000, number / 10 % 100); }

}  // namespace

std::optional<int> emulated_gpus() {
  const char* text = std::getenv("DPL_EMULATE_DEVICE");
  if (text == nullptr || *text == 0) return std::nullopt;
  char* end = nullptr;
  const long count = std::strtol(text, &end, 10);
  if (*end != 0 || count < 0 || count > 1024)
    fail("DPL_EMULATE_DEVICE is {}; it is the number of GPUs to pretend, 0 to 1024", text);
  return static_cast<int>(count);
}

std::optional<Count> emulated_bytes() {
  const char* text = std::getenv("DPL_EMULATE_MEMORY");
  if (text == nullptr || *text == 0) return std::nullopt;
  char* end = nullptr;
  const long long bytes = std::strtoll(text, &end, 10);
  if (*end != 0 || bytes < 0) fail("DPL_EMULATE_MEMORY is {}; it is a pretended GPU's memory in bytes, from 0", text);
  return bytes;
}

std::string gpu_problem(int driver, int runtime, int count, const std::string& error) {
  if (driver == 0) return "there is no NVIDIA driver";
  // Within a major version of CUDA an older driver will do.
  if (driver / 1000 < runtime / 1000)
    return fmt::format(
        "the NVIDIA driver is too old: it knows CUDA {}, and this program uses CUDA {}; update the driver or "
        "build with an older toolkit",
        cuda_version(driver), cuda_version(runtime));
  if (!error.empty()) return fmt::format("CUDA says: {}", error);
  if (count == 0) return "no GPU is visible (nvidia-smi, CUDA_VISIBLE_DEVICES)";
  return "";
}

#ifdef DPL_CUDA
namespace {

std::string hexadecimal(const cudaUUID_t& uuid) {
  std::string text;
  for (const char byte : uuid.bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

}  // namespace

GpuInventory real_gpus() {
  GpuInventory found;
  cudaDriverGetVersion(&found.driver);
  cudaRuntimeGetVersion(&found.runtime);
  int count = 0;
  std::string error;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess && code != cudaErrorNoDevice) error = cudaGetErrorString(code);
  if (code != cudaSuccess) count = 0;
  found.problem = gpu_problem(found.driver, found.runtime, count, error);
  for (int k = 0; found.problem.empty() && k < count; ++k) {
    cudaDeviceProp p{};
    if (const cudaError_t bad = cudaGetDeviceProperties(&p, k); bad != cudaSuccess)
      fail("device: GPU {} cannot be asked ({})", k, cudaGetErrorString(bad));
    found.gpus.push_back({p.name, hexadecimal(p.uuid), 0, static_cast<Count>(p.totalGlobalMem)});
  }
  return found;
}
#else
GpuInventory real_gpus() { return {{}, "this program was built without CUDA (preset cuda)", 0, 0}; }
#endif

GpuInventory visible_gpus() {
  if (const auto pretended = emulated_gpus()) {
    GpuInventory found{{}, gpu_problem(13000, 13000, *pretended, ""), 13000, 13000};
    for (int k = 0; k < *pretended; ++k)
      found.gpus.push_back({"emulated GPU", fmt::format("emulated-{}", k), Count{80} << 30, Count{80} << 30});
    return found;
  }
  return real_gpus();
}

void check_device(Device device) {
  if (device != Device::cuda) return;
  static const std::string problem = real_gpus().problem;
  if (!problem.empty()) fail("device: cuda was asked for, but {}; use device: cpu", problem);
}

void use_gpu(int gpu) {
  if (emulated_gpus()) return;
#ifdef DPL_CUDA
  cudaError_t code = cudaSetDevice(gpu);
  if (code == cudaSuccess) code = cudaFree(nullptr);  // makes the context: what is wrong shows here
  if (code != cudaSuccess)
    fail("device: GPU {} cannot be used ({}); another program may hold it (nvidia-smi), or its memory is full", gpu,
         cudaGetErrorString(code));
#else
  fail("device: GPU {} was asked for, but this program was built without CUDA; use device: cpu or the preset cuda",
       gpu);
#endif
}

}  // namespace dpl
