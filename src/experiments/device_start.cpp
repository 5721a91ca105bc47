// CPU or GPU, once a run.
#include "dpl/experiments/device_start.hpp"

#include "dpl/base/log.hpp"
#include "dpl/coupling/device_choice.hpp"
#include "dpl/learning/network_place.hpp"
#include "dpl/parallel/device_messages.hpp"
#include "dpl/parallel/exchange.hpp"
#include "dpl/physics/devices.hpp"

namespace dpl {

Communicator start_device(const Communicator& comm, RunConfig& config) {
  Communicator work = comm;
  place_networks_on_host();
  if (config.device == "cpu") return work;
  GpuInventory seen;
  agree(comm, "device", [&] { seen = visible_gpus(); });
  const DeviceChoice choice = choose_device(comm, config, seen);
  config.device = choice.device;
  if (choice.device == "cuda" && !emulated_gpus()) {
    bool networks = false;
    agree(comm, "device", [&] {
      use_gpu(choice.gpu);
      networks = libtorch_has_cuda();
      if (networks) place_networks_on_gpu(choice.gpu, config.network.products);
    });
    if (!networks)
      log_warning("device: LibTorch has no CUDA here: parameter networks run on the CPU (tools/setup --cuda)");
    if (comm.size() > 1 && !choice.shared) work.use_exchange(make_nccl_exchange(comm));
  }
  std::string messages;
  if (choice.device == "cuda")
    messages = "; messages over cut edges go " + choose_device_messages(comm, emulated_gpus().has_value()).reason;
  log_info("device: {}; gradients go by {}{}", choice.reason, work.exchange() ? work.exchange()->name() : "MPI", messages);
  return work;
}

}  // namespace dpl
