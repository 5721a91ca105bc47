// One window of memory on rank 0, open to all for its whole life.
#include "dpl/parallel/shared_counters.hpp"

#include <algorithm>
#include <exception>

#include "dpl/parallel/mpi_call.hpp"

namespace dpl {

SharedCounters::SharedCounters(const Communicator& comm, int count) {
  const MPI_Aint bytes = comm.is_root() ? count * static_cast<MPI_Aint>(sizeof(std::int64_t)) : 0;
  std::int64_t* values = nullptr;
  mpi_check(MPI_Win_allocate(bytes, sizeof(std::int64_t), MPI_INFO_NULL, comm.mpi(), &values, &window_),
            "MPI_Win_allocate");
  mpi_check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  mpi_check(MPI_Win_lock_all(0, window_), "MPI_Win_lock_all");
  if (comm.is_root()) {
    std::fill_n(values, count, 0);
    mpi_check(MPI_Win_sync(window_), "MPI_Win_sync");
  }
  comm.barrier();
}

SharedCounters::~SharedCounters() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized || std::uncaught_exceptions() > 0) return;  // the other ranks may be elsewhere; the process ends then
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

std::int64_t SharedCounters::add(int counter, std::int64_t value) const {
  std::int64_t before = 0;
  mpi_check(MPI_Fetch_and_op(&value, &before, MPI_INT64_T, 0, counter, MPI_SUM, window_), "MPI_Fetch_and_op");
  mpi_check(MPI_Win_flush(0, window_), "MPI_Win_flush");
  return before;
}

}  // namespace dpl
