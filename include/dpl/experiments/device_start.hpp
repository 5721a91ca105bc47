// From the key `device` to what a run's parts need.
#pragma once

#include "dpl/base/run_config.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// **Collective**, before a verb's work: chooses this rank's GPU, places the networks there and lets gradients go by
/// NCCL (by MPI where GPUs are shared or pretended). The key `device` becomes what was taken, and the log says why.
/// Returns the communicator that the work uses. Throws AgreedError as choose_device does, and where CUDA, NCCL or
/// LibTorch refuse on any rank.
Communicator start_device(const Communicator& comm, RunConfig& config);

}  // namespace dpl
