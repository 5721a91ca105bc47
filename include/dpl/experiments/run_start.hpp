// How a run that can be resumed begins: its folder, its configuration and log in it.
#pragma once

#include <string>

#include "dpl/base/run_config.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {

/// **Collective**, before anything is read. Throws Error where the folder of `resume`, or a new one, could not be used.
void check_run_folder(const Communicator& comm, const RunConfig& config);

/// **Collective:** the folder of `resume`, or a new one, with config.yaml and log.txt; its path is told.
RunFolder begin_run(const Communicator& comm, const RunConfig& config);

/// What the results of a run over basins depend on of model and training period, for what is stored of them.
/// @param components of the model, which `runoff.nmul` may leave open
std::string runoff_settings(const RunConfig& config, Index components);

}  // namespace dpl
