// Checkpoints: the complete state of a training as a folder that is either whole or not there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/learning/parameter_network.hpp"

namespace dpl {

/// Format 1. On disk: manifest.json (all but the numbers of the tensors, with shape, type and checksum of each),
/// tensors.nc (weight.<name>, optimizer.<name>, bit for bit), DONE (fingerprint of the manifest; written last).
/// Nothing in it depends on the number of ranks. Random numbers are keyed by the update, so they have no state.
struct Checkpoint {
  Count update = 0;                             ///< updates done
  std::string config_yaml;                      ///< resolved configuration
  std::string network_fingerprint;              ///< of the river network
  std::vector<NamedTensor> weights, optimizer;  ///< contiguous CPU tensors, float or double
  std::vector<std::string> attribute_names;     ///< inputs of the network, with the statistics that standardise them
  std::vector<double> attribute_mean, attribute_std;
  std::map<std::string, std::string> more;
  std::string program_version, git_hash;  ///< of the program that wrote it; set by read_checkpoint
};

/// **Local:** (rank 0) writes `folder` under a temporary name beside it, forces it to disk, then renames it. A folder
/// of that name is replaced. Left-over temporary folders of killed runs beside it are removed. Throws Error when it
/// cannot be written; then nothing is left behind.
void write_checkpoint(const std::string& folder, const Checkpoint& checkpoint);

/// **Local:** throws Error, saying why, when the folder does not exist, is incomplete, was truncated or changed, or has
/// a newer format. Where `expected_weights` is not empty, names, shapes and types must be equal to those of the file.
Checkpoint read_checkpoint(const std::string& folder, const std::vector<NamedTensor>& expected_weights = {});

/// **Local:** the complete checkpoint <run_folder>/checkpoints/update_NNNNNN with the largest number.
std::optional<std::string> latest_checkpoint(const std::string& run_folder);

}  // namespace dpl
