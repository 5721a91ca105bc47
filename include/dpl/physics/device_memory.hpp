// Arrays that the loops of a sweep may touch on either device.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dpl {

/// `emulated`: the GPU's loops, order of calls and arrays, run by the host: tests of everything but the GPU itself.
enum class Device { cpu, cuda, emulated };

/// Whether the loops of a GPU are run, by a GPU or not.
inline bool runs_device_loops(Device device) { return device != Device::cpu; }

/// Of the key `device`: `cpu` or `cuda`. With the environment variable DPL_EMULATE_DEVICE=1 (tests) cuda is emulated.
/// Throws Error for another name.
Device device_named(const std::string& name);

/// Memory aligned for vector loads; on cuda it is managed memory, which host and device both reach. Throws Error when
/// there is none.
void* allocate_for(Device device, std::size_t bytes);
void release_from(Device device, void* memory) noexcept;

/// Throws Error where the device is not there.
void check_device(Device device);

/// Throws Error for a kernel that failed (apart from the kernels: nvcc does not read the formatting library).
[[noreturn]] void fail_on_device(const char* reason);

/// Allocator of std::vector for a device known at run time.
template <class T>
struct DeviceAllocator {
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  Device device = Device::cpu;

  DeviceAllocator() = default;
  explicit DeviceAllocator(Device d) : device(d) {}
  template <class U>
  DeviceAllocator(const DeviceAllocator<U>& other) : device(other.device) {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_for(device, n * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { release_from(device, memory); }
  template <class U>
  bool operator==(const DeviceAllocator<U>& other) const {
    return device == other.device;
  }
};

template <class T>
using DeviceVector = std::vector<T, DeviceAllocator<T>>;

}  // namespace dpl
