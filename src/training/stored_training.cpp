// Checks and copies between a checkpoint and a run.
#include "dpl/training/stored_training.hpp"

#include <torch/types.h>

#include <filesystem>
#include <sstream>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {
namespace {

// The configuration without the keys that may differ between the parts of one training.
std::string comparable(const RunConfig& whole) {
  const RunConfig neutral;
  RunConfig config = without_part_of_run(whole);
  config.device = neutral.device;
  config.output = neutral.output;
  config.test = neutral.test;
  config.data_sources = neutral.data_sources;
  config.synth = neutral.synth;
  config.experiment.epochs = neutral.experiment.epochs;
  config.parallel = neutral.parallel;
  config.scaling = neutral.scaling;
  config.basins = neutral.basins;  // which basins: their fingerprint
  return resolved_yaml(config);
}

std::string trimmed(const std::string& line) {
  const auto first = line.find_first_not_of(' ');
  return first == std::string::npos ? "" : line.substr(first);
}

}  // namespace

RunConfig without_part_of_run(RunConfig config) {
  const RunConfig neutral;
  config.name = neutral.name;
  config.resume = neutral.resume;
  config.memory = neutral.memory;
  config.checkpoint = neutral.checkpoint;
  config.routing.chunk_steps = neutral.routing.chunk_steps;
  config.routing.pieces_per_rank = neutral.routing.pieces_per_rank;
  return config;
}

void refuse_other_training(const Problem& problem, const Checkpoint& checkpoint) {
  refuse_other_training(problem.config, problem.fingerprint, "river network", problem.network.path, checkpoint);
}

void refuse_other_training(const RunConfig& config, const std::string& fingerprint, const std::string& what,
                           const std::string& path, const Checkpoint& checkpoint) {
  if (checkpoint.network_fingerprint != fingerprint)
    fail("checkpoint of update {}: it was made with another {} (fingerprint {}, {} has {}); use the one it was trained on "
         "or start a new run",
         checkpoint.update, what, checkpoint.network_fingerprint, path, fingerprint);
  std::istringstream now(comparable(config));
  std::istringstream then(comparable(parse_config(checkpoint.config_yaml, "checkpoint")));
  std::string a, b, section;
  while (true) {
    const bool more_now = static_cast<bool>(std::getline(now, a)), more_then = static_cast<bool>(std::getline(then, b));
    if (!more_now && !more_then) return;
    const auto& line = a.empty() ? b : a;
    if (!line.empty() && line[0] != ' ') section = line.substr(0, line.find(':'));
    if (a != b || more_now != more_then)
      fail(
          "checkpoint of update {}: it was made with another configuration: \"{}\" then, \"{}\" now (key {}); resume "
          "with the configuration of the run folder or start a new run",
          checkpoint.update, more_then ? trimmed(b) : "", more_now ? trimmed(a) : "", section);
  }
}

void restore_weights(const std::vector<NamedTensor>& weights, const std::vector<NamedTensor>& stored) {
  if (weights.size() != stored.size())
    fail("checkpoint: {} weight tensors, the configured network has {}", stored.size(), weights.size());
  at::AutoGradMode no_gradient(false);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    auto target = weights[k].tensor;
    if (weights[k].name != stored[k].name || target.sizes() != stored[k].tensor.sizes() ||
        target.scalar_type() != stored[k].tensor.scalar_type())
      fail("checkpoint: tensor {} does not fit the configured network's {} (name, shape or precision differ)",
           stored[k].name, weights[k].name);
    target.copy_(stored[k].tensor);
  }
}

std::string newest_checkpoint(const Communicator& comm, const std::string& run_folder) {
  std::string newest;
  agree_on_root(comm, "checkpoint", [&] { newest = latest_checkpoint(run_folder).value_or(""); });
  return comm.broadcast(newest);
}

std::vector<NamedTensor> copies_of(const std::vector<NamedTensor>& weights) {
  std::vector<NamedTensor> out;
  for (const auto& w : weights) out.push_back({w.name, w.tensor.detach().clone()});
  return out;
}

Checkpoint read_stored_training(const Communicator& comm, const std::string& path) {
  std::string folder = path;
  if (std::filesystem::is_directory(path + "/checkpoints")) {
    folder = newest_checkpoint(comm, path);
    if (folder.empty()) fail("{}: the run folder holds no complete checkpoint", path);
  }
  Checkpoint checkpoint;
  agree(comm, "checkpoint", [&] { checkpoint = read_checkpoint(folder); });
  return checkpoint;
}

// Nothing is written before the checkpoint is known to belong to this training.
std::optional<Checkpoint> checkpoint_to_resume(const Communicator& comm, const RunConfig& config) {
  if (config.resume.empty()) {
    RunFolder::check_creatable(comm, config.output.folder, config.name);
    return std::nullopt;
  }
  RunFolder::check_resumable(comm, config.resume);
  const std::string newest = newest_checkpoint(comm, config.resume);
  if (!newest.empty()) return read_stored_training(comm, newest);
  if (std::filesystem::exists(config.resume + "/config.yaml"))  // else it has not begun
    log_warning("{}: no complete checkpoint yet, the training begins anew", config.resume);
  return std::nullopt;
}

AttributeStatistics stored_statistics(const Checkpoint& checkpoint) {
  return {checkpoint.attribute_names, checkpoint.attribute_mean, checkpoint.attribute_std};
}

}  // namespace dpl
