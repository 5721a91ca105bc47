// A folder that appears under its name only when everything in it is on disk.
#pragma once

#include <string>

namespace dpl {

/// **Local:** one process writes. Files are made in <folder>.tmp-<process id>, which publish() forces to disk and
/// renames; without publish() it is removed again. Throws Error with the path and the system's reason.
class DurableFolder {
 public:
  /// Also makes the parent folders and removes temporary folders that killed processes left beside `folder`.
  explicit DurableFolder(std::string folder);
  ~DurableFolder();
  DurableFolder(const DurableFolder&) = delete;
  DurableFolder& operator=(const DurableFolder&) = delete;

  /// Path of a file inside, to be written by the caller.
  std::string file(const std::string& name) const { return temporary_ + "/" + name; }
  void write_text(const std::string& name, const std::string& text) const;
  /// Replaces a folder of the final name, if there is one.
  void publish();

 private:
  std::string folder_, temporary_;
  bool published_ = false;
};

/// **Local:** forces a file to disk and gives it its final name, replacing what has it.
void publish_file(const std::string& temporary, const std::string& path);

/// Whole file; throws Error when it cannot be read.
std::string read_text(const std::string& path);

}  // namespace dpl
