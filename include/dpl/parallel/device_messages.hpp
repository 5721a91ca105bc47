// Whether messages between ranks go out of a GPU's memory, or through the host's.
#pragma once

#include <string>

#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// **Local**, after MPI's start: whether this MPI sends from GPU memory and receives into it. It is asked now, where it can be
/// asked (Open MPI's MPIX_Query_cuda_support); else false.
bool mpi_takes_device_memory();

struct DeviceMessages {
  bool direct = false;  ///< MPI is given device memory; else copies in the host's memory
  std::string reason;   ///< for the log
};

/// What the environment variable DPL_DEVICE_MESSAGES asks for (null or empty: what MPI can; `direct`; `staged`).
/// @param emulated  the device's memory is the host's, which every MPI takes
/// Throws Error for another word, and for `direct` where MPI does not take device memory.
DeviceMessages device_messages(const char* wanted, bool mpi_takes_it, bool emulated);

/// **Collective:** the same of the environment and the MPI of all ranks. Throws AgreedError as device_messages does, and where
/// ranks would not do alike.
DeviceMessages choose_device_messages(const Communicator& comm, bool emulated);

}  // namespace dpl
