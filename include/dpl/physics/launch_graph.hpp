// A series of launches that is queued again and again: recorded once as a CUDA graph.
#pragma once

#include <functional>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

/// What the launches' arguments are made of: a recorded graph holds their values.
class LaunchKey {
 public:
  template <class T>
  LaunchKey& add(T* pointer) {
    values_.push_back(static_cast<Count>(reinterpret_cast<std::uintptr_t>(pointer)));
    return *this;
  }
  LaunchKey& add(Count value) {
    values_.push_back(value);
    return *this;
  }
  bool operator==(const LaunchKey&) const = default;

 private:
  std::vector<Count> values_;
};

/// Launches as the emulated device keeps them.
using LaunchList = std::vector<std::function<void()>>;
/// Null: none is recorded.
LaunchList* launches_being_recorded();

class LaunchGraph {
 public:
  LaunchGraph() = default;
  LaunchGraph(const LaunchGraph&) = delete;
  ~LaunchGraph() { forget(); }

  /// Queues what `launches` queues. On GPUs (and emulated ones) it is called once for a key (kernels are loaded at their
  /// first launch, which may not happen in a recording), recorded when the same key comes again, and replayed from then on;
  /// where it cannot be recorded it is always called. `launches` may queue kernels only: no copies, no allocation, no wait.
  void run(Device device, const LaunchKey& key, const std::function<void()>& launches);
  void forget();

 private:
  void record(Device device, const std::function<void()>& launches);

  LaunchKey key_;
  bool recorded_ = false;
  void* graph_ = nullptr;   // cudaGraphExec_t
  LaunchList emulated_;
  bool refused_ = false;
};

}  // namespace dpl
