// Which rank takes which GPU.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/physics/devices.hpp"

namespace dpl {

struct DeviceChoice {
  std::string device = "cpu";  ///< cpu | cuda
  int gpu = -1;                ///< of this rank's visible_gpus()
  bool shared = false;         ///< a GPU has more than one rank
  std::string reason;          ///< what was taken and why, for the log; the same on all ranks
};

/// GPU of each rank of a node: rank r takes the first of its visible GPUs that no rank before it took (all see all, or
/// each sees one of its own, as under SLURM). With `share` a rank that finds none left takes one in turn; else it gets
/// -1.
/// @param ids  [rank][visible GPU] Gpu::id
std::vector<int> deal_gpus(const std::vector<std::vector<std::string>>& ids, bool share);

/// **Collective:** what the keys `device` and parallel.share_gpus ask for on this machine. `auto` takes the CPU, with
/// the reason, where not every rank gets a GPU of its own (or a shared one by that key) and for what runs on the CPU
/// only. `cuda` throws AgreedError there, the same on all ranks: no GPU, driver too old, more ranks than GPUs on a
/// node.
DeviceChoice choose_device(const Communicator& comm, const RunConfig& config, const GpuInventory& seen);

}  // namespace dpl
