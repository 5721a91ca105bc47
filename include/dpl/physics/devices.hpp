// The GPUs that this process sees.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

struct Gpu {
  std::string name;
  std::string id;  ///< the same for every process of the machine that sees this GPU (its UUID)
  Count free_bytes = 0, total_bytes = 0;
};

struct GpuInventory {
  std::vector<Gpu> gpus;
  std::string problem;          ///< why there is none; empty where there is one
  int driver = 0, runtime = 0;  ///< newest CUDA of the driver, CUDA of the program: 13000 = 13.0; 0 = none
};

/// **Local.** With the environment variable DPL_EMULATE_DEVICE=N (tests) N pretended GPUs of 80 GiB, the same for all
/// processes of the machine.
GpuInventory visible_gpus();

/// **Local.** Those that CUDA sees, whatever is pretended.
GpuInventory real_gpus();

/// Why CUDA cannot be used, from what its first calls say; empty where it can.
/// @param error  CUDA's words where counting the GPUs failed, else empty
std::string gpu_problem(int driver, int runtime, int count, const std::string& error);

/// **Local:** GPU number `gpu` of visible_gpus() is this process's from now on. Throws Error where CUDA refuses.
void use_gpu(int gpu);

/// N of DPL_EMULATE_DEVICE=N; nothing where it is not set.
std::optional<int> emulated_gpus();

/// Bytes of DPL_EMULATE_MEMORY (tests): all that the arrays of an emulated device may take; nothing where it is not set.
std::optional<Count> emulated_bytes();

}  // namespace dpl
