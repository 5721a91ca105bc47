// Arrays in the device's own memory, which the host reaches by copies only, and these copies.
#pragma once

#include <utility>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

/// Device memory that the host may not touch. Throws Error with what was asked for and what is free when there is none.
void* allocate_on(Device device, std::size_t bytes);
void free_on(Device device, void* memory, std::size_t bytes) noexcept;

/// Memory of the host that the device copies from and to by itself (page-locked on cuda). Throws Error when there is none.
void* allocate_staging(Device device, std::size_t bytes);
void free_staging(Device device, void* memory) noexcept;

/// Bytes of all DeviceArrays of the process.
Count held_bytes();

/// Free memory of the device in use [bytes]; the largest Count where it is the host's (emulated: DPL_EMULATE_MEMORY).
Count free_bytes(Device device);

/// Throws Error where `bytes` more are not free. `what`: of the message ("routing a window of 8760 steps").
void check_free_bytes(Device device, Count bytes, const char* what);

/// Whether the device's loops may read `memory` where it lies.
bool reaches(Device device, const void* memory);

/// Queued after all that was queued before; either side may be the host's or the device's. The host may look at `to` after
/// wait_for(), and `from` must stay as it is until then.
void copy_on(Device device, void* to, const void* from, std::size_t bytes);

/// `rows` runs of `width` bytes, which begin `to_distance` and `from_distance` bytes after each other (at least `width`).
void copy_rows_on(Device device, void* to, std::size_t to_distance, const void* from, std::size_t from_distance,
                  std::size_t width, std::size_t rows);

void zero_on(Device device, void* memory, std::size_t bytes);

/// Copies that run beside the queued work, in their own order.
class CopiesAhead {
 public:
  explicit CopiesAhead(Device device) : device_(device) {}
  CopiesAhead(const CopiesAhead&) = delete;
  ~CopiesAhead();
  /// Copies that follow may overwrite what the work queued up to now reads.
  void begin();
  void copy_rows(void* to, std::size_t to_distance, const void* from, std::size_t from_distance, std::size_t width,
                 std::size_t rows);
  /// Work that is queued from now on begins after the copies up to now.
  void await();

 private:
  Device device_;
  void* stream_ = nullptr;   // of CUDA
  void* event_ = nullptr;
};

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(Device device = Device::cpu) : device_(device) {}
  DeviceArray(DeviceArray&& other) noexcept { swap(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceArray() { free_on(device_, data_, size_ * sizeof(T)); }

  /// At least `n` elements. What it held is lost when it grows: then all are zero.
  void need(std::size_t n) {
    if (n <= size_) return;
    free_on(device_, data_, size_ * sizeof(T));
    data_ = nullptr, size_ = 0;
    data_ = static_cast<T*>(allocate_on(device_, n * sizeof(T)));
    size_ = n;
    zero_on(device_, data_, n * sizeof(T));
  }
  void zero(std::size_t n) {
    need(n);
    zero_on(device_, data_, n * sizeof(T));
  }
  void set(const T* from, std::size_t n) {
    need(n);
    copy_on(device_, data_, from, n * sizeof(T));
  }
  void set(const std::vector<T>& from) { set(from.data(), from.size()); }
  /// Waits for all that was queued.
  std::vector<T> values(std::size_t n) const;

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void swap(DeviceArray& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  Device device_ = Device::cpu;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

void wait_for(Device device);

template <class T>
std::vector<T> DeviceArray<T>::values(std::size_t n) const {
  std::vector<T> all(n);
  copy_on(device_, all.data(), data_, n * sizeof(T));
  wait_for(device_);
  return all;
}

}  // namespace dpl
