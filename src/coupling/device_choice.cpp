// Ranks of a node compare what they see and deal it out.
#include "dpl/coupling/device_choice.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

std::string lines_of(const GpuInventory& seen) {
  std::string lines;
  for (const Gpu& gpu : seen.gpus) lines += gpu.id + "\n";
  return lines;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Why this run does not run on GPUs, whatever there is.
std::string cpu_only(const RunConfig& config) {
  return config.routing.solver == "krylov" ? "routing.solver krylov runs on the CPU" : "";
}

// What keeps this rank from a GPU; empty where it has one.
std::string obstacle(const Communicator& node, const GpuInventory& seen,
                     const std::vector<std::vector<std::string>>& ids, int gpu) {
  if (!seen.problem.empty()) return seen.problem;
  if (gpu >= 0) return "";
  std::set<std::string> all;
  for (const auto& of_rank : ids) all.insert(of_rank.begin(), of_rank.end());
  return fmt::format(
      "this node has {} ranks and {} GPU{}; start one rank for each GPU, or set parallel.share_gpus: true (MPI then "
      "adds gradients instead of NCCL)",
      node.size(), all.size(), all.size() == 1 ? "" : "s");
}

}  // namespace

std::vector<int> deal_gpus(const std::vector<std::vector<std::string>>& ids, bool share) {
  std::vector<int> taken;
  std::map<std::string, int> users;
  for (const auto& visible : ids) {
    const auto fewest = std::min_element(visible.begin(), visible.end(),
                                         [&](const auto& a, const auto& b) { return users[a] < users[b]; });
    const bool free = fewest != visible.end() && (users[*fewest] == 0 || share);
    taken.push_back(free ? static_cast<int>(fewest - visible.begin()) : -1);
    if (free) ++users[*fewest];
  }
  return taken;
}

DeviceChoice choose_device(const Communicator& comm, const RunConfig& config, const GpuInventory& seen) {
  DeviceChoice choice;
  if (config.device == "cpu") {
    choice.reason = "cpu: the key device says so";
    return choice;
  }
  const bool automatic = config.device == "auto";
  if (const std::string why = cpu_only(config); automatic && !why.empty()) {
    choice.reason = "auto took the cpu: " + why;
    return choice;
  }
  const Communicator node = comm.of_node();
  std::vector<std::vector<std::string>> ids;
  for (int r = 0; r < node.size(); ++r) ids.push_back(split_lines(node.broadcast(lines_of(seen), r)));
  const auto dealt = deal_gpus(ids, config.parallel.share_gpus);
  const auto me = static_cast<std::size_t>(node.rank());
  choice.gpu = dealt[me];
  const std::string why = obstacle(node, seen, ids, choice.gpu);
  if (automatic && comm.any(!why.empty())) {
    std::string reason;
    try {  // everybody's reason is that of the lowest rank that has one
      agree_on_failure(comm, !why.empty(), why);
    } catch (const AgreedError& error) {
      reason = error.what();
    }
    return {"cpu", -1, false, "auto took the cpu: " + reason};
  }
  agree_on_failure(comm, !why.empty(), "device: cuda was asked for, but " + why + "; or use device: cpu");

  const auto id = [&](std::size_t r) { return ids[r][static_cast<std::size_t>(dealt[r])]; };
  std::map<std::string, int> users;
  for (std::size_t r = 0; r < ids.size(); ++r) ++users[id(r)];
  choice.device = "cuda";
  choice.shared = comm.any(std::any_of(users.begin(), users.end(), [](const auto& u) { return u.second > 1; }));
  const Gpu& first = seen.gpus[static_cast<std::size_t>(choice.gpu)];
  const std::string text = fmt::format(
      "{}{} rank{} on {} ({:.0f} GiB){}", automatic ? "auto took cuda, every rank has a GPU: " : "cuda: ", comm.size(),
      comm.size() == 1 ? "" : "s", first.name, static_cast<double>(first.total_bytes) / (Count{1} << 30),
      choice.shared ? ", GPUs shared by ranks" : "");
  choice.reason = comm.broadcast(text);
  return choice;
}

}  // namespace dpl
