// Making, opening and appending: the files of a run.
#include "dpl/training/run_folder.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <vector>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

namespace fs = std::filesystem;


std::string time_stamp() {
  return fmt::format("{:%Y%m%dT%H%M%S}", fmt::gmtime(std::chrono::system_clock::now()));
}

void write_or_fail(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary);
    out << text;
    out.flush();
    if (!out) fail("{}: cannot be written; check that the folder is writable and the disk is not full", path);
  }
  std::error_code problem;
  fs::rename(temporary, path, problem);
  if (problem) fail("{}: cannot be written ({})", path, problem.message());
}

// Keeps the header and complete rows whose update is at most `last_update`.
std::string rows_up_to(const std::string& path, const std::string& header, Count last_update) {
  std::string kept = header + "\n";
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (last_update > 0 && std::getline(in, line)) {
    if (in.eof()) break;  // no newline at its end: a row cut off while it was written
    std::istringstream first(line);
    Count update = 0;
    if (first >> update && update <= last_update) kept += line + "\n";
  }
  return kept;
}

// A run that was killed early may have left nothing but the first of these; one task of a series leaves the others.
bool holds_only_beginnings(const fs::path& path) {
  for (const auto& entry : fs::directory_iterator(path)) {
    const auto name = entry.path().filename().string();
    if (name != "config.yaml.tmp" && name != "members" && !name.starts_with("step.json") && !name.starts_with("log_") && !name.starts_with(".writable")) return false;
  }
  return true;
}

void refuse_other_folder(const std::string& path) {
  if (!fs::is_directory(path)) fail("resume: the run folder {} does not exist", path);
  if (fs::exists(fs::path(path) / "manifest.json"))
    fail("resume: {} is a checkpoint; give the run folder that holds its folder checkpoints", path);
  if (!fs::exists(fs::path(path) / "config.yaml") && !holds_only_beginnings(path))
    fail("resume: {} is not the folder of a run (it has no config.yaml); give {}/TIME_STAMP or the like", path,
         path.substr(0, path.find_last_not_of('/') + 1));
}

}  // namespace

void RunFolder::check_creatable(const Communicator& comm, const std::string& folder, const std::string& name) {
  agree_on_root(comm, "run folder", [&] {
    std::error_code ignored;
    fs::path there = fs::absolute(fs::path(folder) / name);
    while (!fs::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
    if (!fs::is_directory(there, ignored) || ::access(there.c_str(), W_OK | X_OK) != 0)
      fail("output folder {}: {} is not a folder you may write to; set the key output to one", folder, there.string());
  });
}

void RunFolder::check_resumable(const Communicator& comm, const std::string& path) {
  agree_on_root(comm, "run folder", [&] { refuse_other_folder(path); });
}

RunFolder RunFolder::create(const Communicator& comm, const std::string& folder, const std::string& name) {
  std::string path;
  agree_on_root(comm, "run folder", [&] {
    const fs::path parent = fs::path(folder) / name;
    std::error_code problem;
    fs::create_directories(parent, problem);
    if (problem)
      fail("output folder {}: cannot be made ({}); set the key output to a folder you may write to", parent.string(),
           problem.message());
    const std::string stamp = time_stamp();
    for (int copy = 1;; ++copy) {
      const fs::path candidate = parent / (copy == 1 ? stamp : fmt::format("{}-{}", stamp, copy));
      if (fs::create_directory(candidate, problem)) {
        path = candidate.string();
        break;
      }
      if (problem)
        fail("output folder {}: cannot be made ({}); set the key output to a folder you may write to",
             candidate.string(), problem.message());
    }
  });
  return RunFolder(comm.broadcast(path));
}

RunFolder RunFolder::open(const Communicator& comm, const std::string& path) {
  agree_on_root(comm, "run folder", [&] {
    refuse_other_folder(path);
    const std::string probe = fmt::format("{}/.writable_{}", path, ::getpid());  // other jobs may try the same
    write_or_fail(probe, "");
    fs::remove(probe);
  });
  return RunFolder(path.substr(0, std::max<std::size_t>(1, path.find_last_not_of('/') + 1)));
}

void RunFolder::write_text(const Communicator& comm, const std::string& name, const std::string& text) const {
  agree_on_root(comm, "run folder", [&] { write_or_fail(file(name), text); });
}

void RunFolder::begin_tables(const Communicator& comm, Count last_update, WorkColumns columns) {
  const auto training = fmt::format("update,loss,gradient_norm,learning_rate,{}", columns.done);
  const auto timing = fmt::format("update,seconds,{},input_wait_s", columns.rate);
  agree_on_root(comm, "run folder", [&] {
    for (auto [name, header, stream] :
         {std::tuple{"training.csv", training, &training_}, std::tuple{"timing.csv", timing, &timing_}}) {
      write_or_fail(file(name), rows_up_to(file(name), header, last_update));
      stream->open(file(name), std::ios::app);
      if (!*stream) fail("{}: cannot be opened for writing", file(name));
    }
  });
}

void RunFolder::append(const TrainingRow& row, double seconds, double reach_steps_per_s, double input_wait_s) {
  training_ << fmt::format("{},{},{},{},{}\n", row.update, row.loss, row.gradient_norm, row.learning_rate,
                           row.reach_hours)
            << std::flush;
  timing_ << fmt::format("{},{:.6f},{:.4g},{:.6f}\n", row.update, seconds, reach_steps_per_s, input_wait_s) << std::flush;
  if (!training_ || !timing_) fail("{}: a row could not be written; is the disk full?", path_);
}

}  // namespace dpl
