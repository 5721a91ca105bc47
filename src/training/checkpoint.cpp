// Writing, checking and reading checkpoint folders.
#include "dpl/training/checkpoint.hpp"

#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/base/version.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/tensor_file.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace dpl {
namespace {

constexpr int kFormatVersion = 1;
constexpr const char* kManifest = "manifest.json";
constexpr const char* kTensors = "tensors.nc";
constexpr const char* kDone = "DONE";
const std::string kWeightPrefix = "weight.";
const std::string kOptimizerPrefix = "optimizer.";

std::string fingerprint_of(const std::string& text) { return Fingerprint().add(text).hex(); }

std::vector<NamedTensor> all_tensors(const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : checkpoint.weights) tensors.push_back({kWeightPrefix + name, tensor});
  for (const auto& [name, tensor] : checkpoint.optimizer) tensors.push_back({kOptimizerPrefix + name, tensor});
  return tensors;
}

void check_statistics(const std::string& folder, const Checkpoint& checkpoint) {
  for (const auto* values : {&checkpoint.attribute_mean, &checkpoint.attribute_std}) {
    for (const double value : *values) {
      if (!std::isfinite(value))
        fail("checkpoint {}: a statistic of the attributes is not finite and cannot be stored", folder);
    }
  }
}

json manifest_of(const Checkpoint& c, const std::vector<NamedTensor>& tensors, const std::string& tensor_bytes) {
  json list = json::array();
  for (const NamedTensor& entry : tensors) {
    const TensorRecord record = describe_tensor(entry);
    list.push_back(
        {{"name", record.name}, {"shape", record.shape}, {"type", record.type}, {"checksum", record.checksum}});
  }
  return {{"format", "dpl_hpc checkpoint"},
          {"format_version", kFormatVersion},
          {"program_version", kVersion},
          {"git_hash", kGitHash},
          {"update", c.update},
          {"network_fingerprint", c.network_fingerprint},
          {"attributes",
           {{"names", c.attribute_names}, {"mean", c.attribute_mean}, {"standard_deviation", c.attribute_std}}},
          {"more", c.more},
          {"tensors_file", {{"bytes", tensor_bytes.size()}, {"fingerprint", fingerprint_of(tensor_bytes)}}},
          {"tensors", list},
          {"config", c.config_yaml}};
}

/// The manifest, after every check that needs no tensor.
json checked_manifest(const std::string& folder) {
  if (!fs::is_directory(folder)) {
    fail("checkpoint {}: there is no such folder; give a run folder or one of its checkpoints/update_NNNNNN", folder);
  }
  if (!fs::exists(fs::path(folder) / kDone) && !fs::exists(fs::path(folder) / kManifest))
    fail("checkpoint {}: the folder is neither a checkpoint nor that of a run (no {}, no folder checkpoints)", folder,
         kManifest);
  if (!fs::exists(fs::path(folder) / kDone) || !fs::exists(fs::path(folder) / kManifest)) {
    fail("checkpoint {}: it is incomplete (no {}); delete that folder, then the one before it is used", folder,
         fs::exists(fs::path(folder) / kDone) ? kManifest : kDone);
  }
  const std::string text = read_text(folder + "/" + kManifest);
  const json manifest = json::parse(text, nullptr, false);
  if (manifest.is_discarded() || !manifest.is_object() || manifest.value("format", "") != "dpl_hpc checkpoint") {
    fail("checkpoint {}: {} is damaged or not of this program; delete that folder, then the one before it is used",
         folder, kManifest);
  }
  const int version = manifest.at("format_version").get<int>();
  if (version > kFormatVersion) {
    fail("checkpoint {}: it has format {}, this program reads up to {}; use the newer program that wrote it ({})",
         folder, version, kFormatVersion, manifest.value("program_version", "version unknown"));
  }
  if (read_text(folder + "/" + kDone) != fingerprint_of(text) + "\n") {
    fail("checkpoint {}: {} was changed after it was written; delete that folder, then the one before it is used",
         folder, kManifest);
  }
  return manifest;
}

void check_tensor_file(const std::string& folder, const json& expected) {
  const std::string path = folder + "/" + kTensors;
  if (!fs::exists(path))
    fail("checkpoint {}: {} is missing; delete that folder, then the one before it is used", folder, kTensors);
  const std::string bytes = read_text(path);
  const auto size = expected.at("bytes").get<std::size_t>();
  if (bytes.size() < size) {
    fail("checkpoint {}: {} is truncated ({} of {} bytes); delete that folder, then the one before it is used", folder,
         kTensors, bytes.size(), size);
  }
  if (bytes.size() != size || fingerprint_of(bytes) != expected.at("fingerprint").get<std::string>()) {
    fail("checkpoint {}: {} was changed after it was written; delete that folder, then the one before it is used",
         folder, kTensors);
  }
}

std::vector<TensorRecord> tensor_records(const json& list) {
  std::vector<TensorRecord> records;
  for (const json& entry : list) {
    records.push_back({entry.at("name").get<std::string>(), entry.at("shape").get<std::vector<std::int64_t>>(),
                       entry.at("type").get<std::string>(), entry.at("checksum").get<std::string>()});
  }
  return records;
}

Checkpoint from_manifest(const json& manifest) {
  Checkpoint c;
  c.update = manifest.at("update").get<Count>();
  c.config_yaml = manifest.at("config").get<std::string>();
  c.network_fingerprint = manifest.at("network_fingerprint").get<std::string>();
  const json& attributes = manifest.at("attributes");
  c.attribute_names = attributes.at("names").get<std::vector<std::string>>();
  c.attribute_mean = attributes.at("mean").get<std::vector<double>>();
  c.attribute_std = attributes.at("standard_deviation").get<std::vector<double>>();
  c.more = manifest.at("more").get<std::map<std::string, std::string>>();
  c.program_version = manifest.at("program_version").get<std::string>();
  c.git_hash = manifest.at("git_hash").get<std::string>();
  return c;
}

void distribute(std::vector<NamedTensor> tensors, Checkpoint& checkpoint) {
  for (auto& [name, tensor] : tensors) {
    const bool weight = name.starts_with(kWeightPrefix);
    auto& target = weight ? checkpoint.weights : checkpoint.optimizer;
    target.push_back({name.substr(weight ? kWeightPrefix.size() : kOptimizerPrefix.size()), tensor});
  }
}

std::string described(const TensorRecord& r) {
  return fmt::format("'{}' [{}] {}", r.name, fmt::join(r.shape, "x"), r.type);
}

void check_expected(const std::string& folder, const std::vector<NamedTensor>& found,
                    const std::vector<NamedTensor>& expected) {
  for (std::size_t k = 0; k < std::max(found.size(), expected.size()); ++k) {
    const std::string stored = k < found.size() ? described(describe_tensor(found[k])) : "nothing";
    const std::string needed = k < expected.size() ? described(describe_tensor(expected[k])) : "nothing";
    if (stored != needed) {
      fail(
          "checkpoint {}: weight number {} is {}, the configured network needs {}; use the configuration it was "
          "trained "
          "with",
          folder, k, stored, needed);
    }
  }
}

/// Number N of a complete folder update_N.
std::optional<Count> complete_update(const fs::path& path) {
  const std::string name = path.filename().string(), prefix = "update_";
  if (!name.starts_with(prefix) || !fs::exists(path / kDone)) return std::nullopt;
  Count update = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + prefix.size(), end, update);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return update;
}

}  // namespace

void write_checkpoint(const std::string& folder, const Checkpoint& checkpoint) {
  check_statistics(folder, checkpoint);
  const std::vector<NamedTensor> tensors = all_tensors(checkpoint);
  DurableFolder target(folder);
  write_tensors(target.file(kTensors), tensors);
  const std::string manifest = manifest_of(checkpoint, tensors, read_text(target.file(kTensors))).dump(1) + "\n";
  target.write_text(kManifest, manifest);
  target.write_text(kDone, fingerprint_of(manifest) + "\n");
  target.publish();
}

Checkpoint read_checkpoint(const std::string& folder, const std::vector<NamedTensor>& expected_weights) {
  try {
    const json manifest = checked_manifest(folder);
    check_tensor_file(folder, manifest.at("tensors_file"));
    Checkpoint checkpoint = from_manifest(manifest);
    distribute(read_tensors(folder + "/" + kTensors, tensor_records(manifest.at("tensors"))), checkpoint);
    if (!expected_weights.empty()) check_expected(folder, checkpoint.weights, expected_weights);
    return checkpoint;
  } catch (const json::exception& error) {
    fail(
        "checkpoint {}: {} lacks an entry or has one of a wrong type ({}); delete that folder, then the one before it "
        "is used",
        folder, kManifest, error.what());
  }
}

std::optional<std::string> latest_checkpoint(const std::string& run_folder) {
  std::optional<std::string> latest;
  Count largest = -1;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(run_folder) / "checkpoints", ignored)) {
    const std::optional<Count> update = complete_update(entry.path());
    if (!update || *update <= largest) continue;
    largest = *update;
    latest = entry.path().string();
  }
  return latest;
}

}  // namespace dpl
