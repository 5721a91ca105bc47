// A std::vector of the host whose data are aligned for vector loads.
#pragma once

#include <cstddef>
#include <vector>

namespace dpl {

/// Memory of the host, aligned for vector loads; large arrays lie on large pages where the system gives them. Throws
/// std::bad_alloc where there is none.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* memory) noexcept;

template <class T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_aligned(n * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { free_aligned(memory); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace dpl
