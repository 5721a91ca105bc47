// Integers that any rank may change while the others compute: dealing work, telling others to stop.
#pragma once

#include <mpi.h>

#include <cstdint>

#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// A few integers on rank 0, reached by one-sided messages (MPI_Fetch_and_op), so that nobody has to take part.
class SharedCounters {
 public:
  /// **Collective:** all are 0.
  SharedCounters(const Communicator& comm, int count);
  /// **Collective**, but for the way of an exception.
  ~SharedCounters();
  SharedCounters(const SharedCounters&) = delete;

  /// **Local:** adds to a counter at once; returns its value before.
  std::int64_t add(int counter, std::int64_t value) const;
  std::int64_t read(int counter) const { return add(counter, 0); }

 private:
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace dpl
