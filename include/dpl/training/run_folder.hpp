// The folder of a run: where its files are, and the two tables that grow while it trains.
#pragma once

#include <fstream>
#include <string>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// One row of training.csv. Everything in it is reproducible; wall times go to timing.csv.
struct TrainingRow {
  Count update = 0;
  double loss = 0, gradient_norm = 0, learning_rate = 0, reach_hours = 0;  ///< reach_hours: routed so far
};

/// Names of the columns that say how much was computed: so far, and in a second.
struct WorkColumns {
  const char* done = "reach_hours";
  const char* rate = "reach_steps_per_s";
};

/// Files are written by rank 0; `path` is known to all.
class RunFolder {
 public:
  /// **Collective:** <folder>/<name>/<time stamp>/, made new. Throws Error where it cannot be written.
  static RunFolder create(const Communicator& comm, const std::string& folder, const std::string& name);
  /// **Collective:** throws Error where `create` would not be able to write; makes nothing.
  static void check_creatable(const Communicator& comm, const std::string& folder, const std::string& name);
  /// **Collective:** throws Error where `path` is not the folder of a run (does not exist, is a checkpoint, holds
  /// something else); writes nothing.
  static void check_resumable(const Communicator& comm, const std::string& path);
  /// **Collective:** an existing run folder. Throws Error where it is none or cannot be written.
  static RunFolder open(const Communicator& comm, const std::string& path);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  /// **Collective:** writes a small text file under a temporary name and renames it.
  void write_text(const Communicator& comm, const std::string& name, const std::string& text) const;

  /// **Collective:** opens training.csv and timing.csv, cutting rows with an update after `last_update` (0: begins anew).
  void begin_tables(const Communicator& comm, Count last_update, WorkColumns columns = {});
  /// **Local** to rank 0: appends and flushes a row; throws Error when the disk is full.
  void append(const TrainingRow& row, double seconds, double reach_steps_per_s, double input_wait_s);

 private:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::ofstream training_, timing_;
};

}  // namespace dpl
