// What MPI says of device memory, and what the environment asks for.
#include "dpl/parallel/device_messages.hpp"

#include <cstdlib>
#if __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

#include "dpl/base/error.hpp"

namespace dpl {

bool mpi_takes_device_memory() {
#ifdef MPIX_CUDA_AWARE_SUPPORT  // 0 or 1 of the header's MPI, not of the one that runs: that is asked
  return MPIX_Query_cuda_support() == 1;
#else
  return false;
#endif
}

DeviceMessages device_messages(const char* wanted, bool mpi_takes_it, bool emulated) {
  const std::string word = wanted == nullptr ? "" : wanted;
  if (word == "staged") return {false, "through the host's memory (DPL_DEVICE_MESSAGES)"};
  if (word == "direct" && emulated) return {true, "out of the emulated device's memory (DPL_DEVICE_MESSAGES)"};
  if (word == "direct" && !mpi_takes_it)
    fail("DPL_DEVICE_MESSAGES is direct, but MPI does not say here that it takes GPU memory; use an MPI built for CUDA, or "
         "unset the variable: messages then go through the host's memory");
  if (word == "direct") return {true, "out of GPU memory (DPL_DEVICE_MESSAGES)"};
  if (!word.empty()) fail("DPL_DEVICE_MESSAGES is {}; allowed: direct, staged, or nothing: what MPI can", word);
  if (mpi_takes_it) return {true, "out of GPU memory: MPI says that it takes it"};
  return {false, "through the host's memory: MPI does not say that it takes GPU memory"};
}

DeviceMessages choose_device_messages(const Communicator& comm, bool emulated) {
  DeviceMessages chosen;
  agree(comm, "messages of devices",
        [&] { chosen = device_messages(std::getenv("DPL_DEVICE_MESSAGES"), mpi_takes_device_memory(), emulated); });
  const bool any = comm.any(chosen.direct), all = !comm.any(!chosen.direct);
  agree_on_failure(comm, any != all,
                   "messages of devices: some ranks would send out of GPU memory and some through the host's; start all with "
                   "the same MPI and the same DPL_DEVICE_MESSAGES (staged works with any)");
  return chosen;
}

}  // namespace dpl
