// What the program can do: one table of verbs, from which main parses and prints its help.
#pragma once

#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// What a verb gets from the command line; the same on all ranks.
struct VerbContext {
  const Communicator& comm;
  RunConfig config;
  std::string config_path;         ///< as typed; empty for verbs without a configuration
  bool validate_only = false;      ///< read the configuration and all file headers, say what would run, stop
  std::vector<std::string> files;  ///< for verbs that take files
  std::string command_line;        ///< for the record in outputs
  std::vector<std::string> settings;  ///< key.sub=value of the command line, for verbs with a file of their own
};

/// Exit status of a run that a signal stopped and that can be resumed.
inline constexpr int kStoppedBySignal = 3;

struct Verb {
  const char* name;
  const char* summary;             ///< one line of help
  bool takes_config;               ///< CONFIG.yaml [key.sub=value ...]
  bool takes_files;                ///< FILE ...
  int (*run)(const VerbContext&);  ///< **Collective**, returns the exit status
  bool asks_for_stop = false;      ///< it ends well when a signal comes
  bool on_device = false;          ///< it runs where the key `device` says
  const char* own_file = nullptr;  ///< what its file is where that is no configuration, which the verb then reads itself
};

/// All verbs, in the order of the help.
const std::vector<Verb>& verbs();

}  // namespace dpl
