// What goes over cut edges from a device or to one: in the device's memory, and in the host's where messages go through it.
#pragma once

#include <span>
#include <utility>

#include "dpl/physics/device_array.hpp"

namespace dpl {

template <class Real>
class DeviceMessage {
 public:
  /// @param staged  the boundary takes it from the host's memory and leaves it there
  DeviceMessage(Device device, bool staged) : device_(device), staged_(staged), there_(device) {}
  DeviceMessage(const DeviceMessage&) = delete;
  ~DeviceMessage() { free_staging(device_, here_); }

  /// The numbers of the next message; what the last one held is lost.
  void size(std::size_t n) {
    size_ = n;
    there_.need(n);
    if (!staged_ || n <= here_size_) return;
    free_staging(device_, std::exchange(here_, nullptr));
    here_size_ = 0;
    here_ = static_cast<Real*>(allocate_staging(device_, n * sizeof(Real)));
    here_size_ = n;
  }
  std::size_t size() const { return size_; }

  /// For the device's loops.
  Real* data() const { return there_.data(); }
  /// For the boundary: after fetch(), and before upload().
  std::span<Real> values() const { return {staged_ ? here_ : there_.data(), size_}; }

  /// Waits for all that was queued on the device: copies of messages before this one, too, have ended.
  void fetch() {
    if (!staged_) return;   // the boundary waits
    copy_on(device_, here_, there_.data(), size_ * sizeof(Real));
    wait_for(device_);
  }
  void upload() const {
    if (staged_) copy_on(device_, there_.data(), here_, size_ * sizeof(Real));
  }

 private:
  Device device_;
  bool staged_;
  DeviceArray<Real> there_;
  Real* here_ = nullptr;
  std::size_t here_size_ = 0, size_ = 0;
};

}  // namespace dpl
