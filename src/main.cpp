// dpl_hpc: the command line, the sessions of the libraries, the choice of the verb, and the only catch of the program.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <optional>
#include <sstream>
#include <thread>

#include "dpl/base/config.hpp"
#include "dpl/base/config_table.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/base/version.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/versions.hpp"
#include "dpl/data/versions.hpp"
#include "dpl/experiments/device_start.hpp"
#include "dpl/experiments/verb.hpp"
#include "dpl/learning/differentiable_model.hpp"
#include "dpl/learning/versions.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/parallel/versions.hpp"
#include "dpl/physics/versions.hpp"

namespace dpl {
namespace {

/// What the command line asks for: a verb, or a text to print and stop.
struct Request {
  const Verb* verb = nullptr;
  std::string config_path;
  std::vector<std::string> settings;
  std::vector<std::string> files;
  bool validate_only = false;
  std::string text;
};

std::string version_text() {
  return fmt::format("dpl_hpc {} ({}, {}, {})\n", kVersion, kGitHash, kBuildType, kCompiler) + parallel_versions() +
         coupling_versions() + data_versions() + learning_versions() + physics_versions();
}

std::string verb_footer(const Verb& verb) {
  if (!verb.takes_config) return "";
  std::string needed;
  for (const auto& key : config_keys())
    if ((" " + key.needed_by + " ").find(fmt::format(" {} ", verb.name)) != std::string::npos)
      needed += fmt::format("\n  {:<32} {}", key.key, key.help);
  return fmt::format("{}{}All keys of a configuration: dpl_hpc config-reference",
                     needed.empty() ? "" : "Keys it needs:", needed.empty() ? "" : needed + "\n");
}

void check_verb_name(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& verb : verbs()) names.emplace_back(verb.name);
  names.emplace_back("config-reference");
  if (name.starts_with("-") || std::find(names.begin(), names.end(), name) != names.end()) return;
  const auto near = nearest_name(name, names);
  throw UsageError(fmt::format("{} is not a verb of dpl_hpc; {}allowed: {}", name,
                               near.empty() ? "" : fmt::format("did you mean {}? ", near), fmt::join(names, ", ")));
}

void add_verb(CLI::App& app, const Verb& verb, Request& request) {
  auto* sub = app.add_subcommand(verb.name, verb.summary);
  sub->footer(verb_footer(verb));
  sub->callback([&] { request.verb = &verb; });
  if (verb.takes_config) {
    sub->add_option("CONFIG.yaml", request.config_path, "configuration file (YAML)")->required();
    sub->add_option("SETTINGS", request.settings, "settings that win over the file")->option_text("key.sub=value ...");
    sub->add_flag("--validate", request.validate_only,
                  "read the configuration and the files' headers, say what would run, stop");
  }
  if (verb.takes_files) sub->add_option("FILES", request.files, "files")->required()->option_text("FILE ...");
}

Request parse_command_line(int argc, char** argv) {
  if (argc > 1) check_verb_name(argv[1]);
  Request request;
  bool reference = false, version = false;
  CLI::App app{"Differentiable parameter learning for distributed hydrology", "dpl_hpc"};
  app.require_subcommand(0, 1);
  for (const auto& verb : verbs()) add_verb(app, verb, request);
  app.add_subcommand("config-reference", "print all keys of a configuration")->callback([&] { reference = true; });
  app.add_flag("--help-config", reference, "print all keys of a configuration");
  app.add_flag("--version", version, "versions and options of the program and its libraries");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    std::ostringstream out;
    app.exit(help, out, out);
    request.text = out.str();
    return request;
  } catch (const CLI::ParseError& error) {
    throw UsageError(fmt::format("{}; try dpl_hpc {}--help", error.what(),
                                 argc > 1 && argv[1][0] != '-' ? fmt::format("{} ", argv[1]) : ""));
  }
  if (reference) request.text = configuration_reference();
  if (version) request.text = version_text();
  if (request.verb == nullptr && request.text.empty()) throw UsageError("no verb is given; try dpl_hpc --help");
  for (const auto& setting : request.settings) {
    const auto key = "." + setting.substr(0, setting.find('=')) + ".";
    if (key.size() == setting.size() + 2 || key.find("..") != std::string::npos)
      throw UsageError(fmt::format("'{}' was not expected; settings have the form key.sub=value", setting));
  }
  return request;
}

/// **Collective:** rank 0 reads the file and expands its variables; the others get the result.
RunConfig shared_config(const Communicator& comm, const Request& request) {
  std::string text;
  agree_on_root(comm, "reading the configuration", [&] {
    const auto config = load_config(request.config_path, request.settings);
    check_needed_keys(config, request.verb->name, request.config_path);
    text = resolved_yaml(config);
  });
  text = comm.broadcast(text);
  RunConfig config;
  agree(comm, "reading the configuration", [&] { config = parse_config(text, request.config_path); });
  return config;
}

/// **Collective:** the program, step by step. Returns the exit status.
int run(const Communicator& comm, int argc, char** argv, std::optional<PetscSession>& petsc) {
  // 1. The command line: the same on all ranks, so they all fail or go on together.
  const Request request = parse_command_line(argc, argv);
  start_log(comm.is_root());
  if (!request.text.empty()) {
    if (comm.is_root()) fmt::print("{}", request.text);
    return 0;
  }
  // 2. The libraries that keep a state.
  petsc.emplace(comm);
  prepare_torch(1);
  // 3. The configuration.
  RunConfig config;
  if (request.verb->takes_config && request.verb->own_file == nullptr) config = shared_config(comm, request);
  // 4. The GPU, where one is asked for. A machine that only validates may have none.
  const bool on_device = request.verb->on_device && (!request.validate_only || config.device == "auto");
  if (!on_device && config.device == "auto") config.device = "cpu";
  const Communicator ranks = on_device ? start_device(comm, config) : comm;
  VerbContext context{ranks, std::move(config), request.config_path, request.validate_only, request.files, "", {}};
  context.settings = request.settings;
  for (int i = 0; i < argc; ++i) context.command_line += fmt::format("{}{}", i == 0 ? "" : " ", argv[i]);
  // 5. The work. Signal handlers after the libraries, because those may set their own.
  if (request.verb->asks_for_stop) install_stop_signals();
  const int status = request.verb->run(context);
  // 6. One exit status for all ranks.
  return static_cast<int>(comm.max(static_cast<std::int64_t>(status)));
}

/// The sentence of a failure, without the call stack that LibTorch appends to its own.
std::string sentence(const std::exception& error) {
  const std::string text = error.what();
  const auto first_part = text.substr(0, text.find("\nException raised from"));
  if (dynamic_cast<const Error*>(&error) != nullptr) return first_part;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
    return "out of memory; use more nodes or fewer reaches per rank";
  return "unexpected failure: " + first_part;
}

/// Called by every rank that fails, on a communicator of its own. When all ranks come, rank 0 prints and all return the
/// same status. When some never come, they sit in a collective that this rank has left: nothing but MPI_Abort ends
/// them. The lowest rank that failed waits the shortest, so that one line is printed.
int fail_together(const Communicator& comm, MPI_Comm failure_comm, const std::exception& error) {
  const int own_status = dynamic_cast<const UsageError*>(&error) != nullptr ? 2 : 1;
  int status = 0, all_came = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(&own_status, &status, 1, MPI_INT, MPI_MAX, failure_comm, &request);
  const auto patience = std::chrono::milliseconds(5000 + 200 * std::min(comm.rank(), 50));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (MPI_Test(&request, &all_came, MPI_STATUS_IGNORE), all_came == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      report_error(sentence(error));
      MPI_Abort(MPI_COMM_WORLD, own_status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (comm.is_root()) report_error(sentence(error));
  return status;
}

}  // namespace
}  // namespace dpl

int main(int argc, char** argv) {
  const dpl::MpiSession mpi(&argc, &argv);
  const dpl::Communicator comm;
  MPI_Comm failure_comm = MPI_COMM_NULL;
  MPI_Comm_dup(comm.mpi(), &failure_comm);
  std::optional<dpl::PetscSession> petsc;  // out here: ends after the catch, when all ranks are known to come
  int status = 1;
  try {
    status = dpl::run(comm, argc, argv, petsc);
  } catch (const std::exception& error) {
    status = dpl::fail_together(comm, failure_comm, error);
  }
  MPI_Comm_free(&failure_comm);
  return status;
}
