// Write, force to disk, rename: the POSIX way to publish a folder in one step.
#include "dpl/training/durable_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dpl/base/error.hpp"

namespace fs = std::filesystem;

namespace dpl {
namespace {

constexpr const char* kTemporaryMark = ".tmp-";

/// Forces a file or folder to disk.
void force_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool forced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!forced)
    fail("{}: cannot be forced to disk: {}; check free space and permissions", path.string(), std::strerror(reason));
}

fs::path parent_of(const fs::path& folder) {
  const fs::path parent = folder.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

void remove_left_overs(const fs::path& parent) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    const bool left_over = entry.path().filename().string().find(kTemporaryMark) != std::string::npos;
    if (left_over) fs::remove_all(entry.path(), ignored);
  }
}

void rename_or_fail(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fail("{}: cannot be renamed to {}: {}", from, to, error.message());
}

}  // namespace

DurableFolder::DurableFolder(std::string folder) : folder_(std::move(folder)) {
  while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
  temporary_ = fmt::format("{}{}{}", folder_, kTemporaryMark, ::getpid());
  std::error_code error;
  fs::create_directories(parent_of(folder_), error);
  if (!error) {
    remove_left_overs(parent_of(folder_));
    fs::create_directory(temporary_, error);
  }
  if (error) fail("{}: the folder cannot be made: {}; check output and its permissions", temporary_, error.message());
}

DurableFolder::~DurableFolder() {
  std::error_code ignored;
  if (!published_) fs::remove_all(temporary_, ignored);
}

void DurableFolder::write_text(const std::string& name, const std::string& text) const {
  std::ofstream out(file(name), std::ios::binary);
  out << text;
  out.close();
  if (!out) fail("{}: cannot be written: {}; check free space and permissions", file(name), std::strerror(errno));
}

void DurableFolder::publish() {
  for (const auto& entry : fs::directory_iterator(temporary_)) force_to_disk(entry.path());
  force_to_disk(temporary_);
  const std::string replaced = temporary_ + ".replaced";
  const bool replaces = fs::exists(folder_);
  if (replaces) rename_or_fail(folder_, replaced);
  rename_or_fail(temporary_, folder_);
  published_ = true;
  force_to_disk(parent_of(folder_));
  std::error_code ignored;
  if (replaces) fs::remove_all(replaced, ignored);
}

void publish_file(const std::string& temporary, const std::string& path) {
  force_to_disk(temporary);
  rename_or_fail(temporary, path);
  force_to_disk(parent_of(path));
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) fail("{}: cannot be read: {}", path, std::strerror(errno));
  return text.str();
}

}  // namespace dpl
