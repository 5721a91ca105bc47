// Version of LibTorch.
#include "dpl/learning/versions.hpp"

#include <ATen/Version.h>
#include <torch/version.h>

#include "dpl/base/version_line.hpp"

namespace dpl {

std::string learning_versions() {
  return version_line("LibTorch", TORCH_VERSION, fmt::format("processor kernels: {}", at::get_cpu_capability()));
}

}  // namespace dpl
