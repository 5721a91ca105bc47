// What is taken from a checkpoint: a whole training to continue, or a network to use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dpl/data/attributes.hpp"
#include "dpl/learning/parameter_network.hpp"
#include "dpl/training/checkpoint.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// The configuration without the keys that may differ between the parts of any run: its name, what it resumes, its layout in
/// memory and over ranks, its checkpoints.
RunConfig without_part_of_run(RunConfig config);

/// Throws Error naming the first difference when the checkpoint belongs to another network or another configuration.
/// Keys that do not change the training may differ: output, test, checkpoint, resume, device, epochs, data paths, the
/// layout over ranks.
void refuse_other_training(const Problem& problem, const Checkpoint& checkpoint);

/// The same for any problem: its configuration, the fingerprint of `what` ("river network") in the file `path`.
void refuse_other_training(const RunConfig& config, const std::string& fingerprint, const std::string& what,
                           const std::string& path, const Checkpoint& checkpoint);

/// Copies stored values into the network's weights; throws Error where names or shapes differ.
void restore_weights(const std::vector<NamedTensor>& weights, const std::vector<NamedTensor>& stored);

/// Values as they are now, apart from the network.
std::vector<NamedTensor> copies_of(const std::vector<NamedTensor>& weights);

/// **Collective:** reads a checkpoint folder, or the newest checkpoint of a run folder. Every rank reads the file.
Checkpoint read_stored_training(const Communicator& comm, const std::string& path);

/// **Collective:** the newest checkpoint of a run folder that is complete, if there is one.
std::string newest_checkpoint(const Communicator& comm, const std::string& run_folder);

/// **Collective:** the newest checkpoint of the run folder config.resume; none where there is none yet (with a warning)
/// or where the configuration resumes nothing. Throws Error where resume is no run folder, or where output.folder
/// cannot be written. Writes nothing.
std::optional<Checkpoint> checkpoint_to_resume(const Communicator& comm, const RunConfig& config);

/// Statistics of the attributes as the checkpoint's network was trained with.
AttributeStatistics stored_statistics(const Checkpoint& checkpoint);

}  // namespace dpl
