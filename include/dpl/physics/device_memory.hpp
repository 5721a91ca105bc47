// The devices that the loops run on.
#pragma once

#include <string>

namespace dpl {

/// `emulated`: the GPU's loops, order of calls and arrays, run by the host: tests of everything but the GPU itself.
enum class Device { cpu, cuda, emulated };

/// Whether the loops of a GPU are run, by a GPU or not.
inline bool runs_device_loops(Device device) { return device != Device::cpu; }

/// Of the key `device`: `cpu` or `cuda`. With the environment variable DPL_EMULATE_DEVICE=1 (tests) cuda is emulated.
/// Throws Error for another name.
Device device_named(const std::string& name);

/// Throws Error where the device is not there.
void check_device(Device device);

/// Throws Error for a kernel that failed (apart from the kernels: nvcc does not read the formatting library).
[[noreturn]] void fail_on_device(const char* reason);

}  // namespace dpl
