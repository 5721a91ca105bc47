// One spdlog logger with a console sink for each stream and, once the run folder exists, a file sink.
#include "dpl/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

struct Log {
  std::shared_ptr<spdlog::sinks::sink> standard_output, standard_error, file;
  std::vector<std::string> before_file;   // lines that the first file begins with
  bool speaks = false;
  bool line_to_erase = false;
};

Log& the_log() {
  static Log log;
  return log;
}

void send(const std::shared_ptr<spdlog::sinks::sink>& sink, spdlog::level::level_enum level, std::string_view text) {
  if (!sink) return;
  sink->log(spdlog::details::log_msg("dpl", level, spdlog::string_view_t(text.data(), text.size())));
  sink->flush();
}

// Open MPI gives a rank a terminal of its own even where mpirun writes into a file: then the launcher's output counts.
bool launcher_on_terminal() {
  if (std::getenv("OMPI_COMM_WORLD_RANK") == nullptr) return true;
  static const std::string output = [] {
    std::error_code unknown;
    return std::filesystem::read_symlink(fmt::format("/proc/{}/fd/1", getppid()), unknown).string();
  }();
  return output.starts_with("/dev/pts/") || output.starts_with("/dev/tty") || output == "/dev/console";
}

}  // namespace

void start_log(bool speaks) {
  Log& log = the_log();
  log = Log{};
  log.speaks = speaks;
  if (!speaks) return;
  log.standard_output = std::make_shared<spdlog::sinks::stdout_sink_st>();
  log.standard_error = std::make_shared<spdlog::sinks::stderr_sink_st>();
  log.standard_output->set_pattern("%v");
  log.standard_error->set_pattern("%v");
}

void add_log_file(const std::string& path) {
  Log& log = the_log();
  if (!log.speaks) return;
  try {
    log.file = std::make_shared<spdlog::sinks::basic_file_sink_st>(path, false);
  } catch (const spdlog::spdlog_ex&) {
    fail("cannot write the log {}: the folder must exist and be writable", path);
  }
  log.file->set_pattern("%Y-%m-%d %H:%M:%S  %v");
  for (const std::string& line : std::exchange(log.before_file, {})) send(log.file, spdlog::level::info, line);
}

void write_log_line(bool warning, std::string_view text) {
  Log& log = the_log();
  if (!log.speaks) return;
  rewrite_terminal_line("");
  const std::string line = warning ? fmt::format("warning: {}", text) : std::string(text);
  const auto level = warning ? spdlog::level::warn : spdlog::level::info;
  send(warning ? log.standard_error : log.standard_output, level, line);
  if (log.file)
    send(log.file, level, line);
  else
    log.before_file.push_back(line);
}

void rewrite_terminal_line(std::string_view text) {
  Log& log = the_log();
  if (!log_on_terminal() || (text.empty() && !log.line_to_erase)) return;
  fmt::print("\r{}\x1b[K", text);
  std::fflush(stdout);
  log.line_to_erase = !text.empty();
}

void report_error(std::string_view text) {
  rewrite_terminal_line("");
  std::fflush(stdout);
  std::string line = "error: ";
  for (char c : text) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
  send(the_log().file, spdlog::level::err, line);
}

struct LogDetour::Saved {
  Log log;
};

LogDetour::LogDetour(const std::string& path) : saved_(std::make_unique<Saved>()) {
  rewrite_terminal_line("");
  saved_->log = std::exchange(the_log(), Log{});
  if (path.empty()) return;
  the_log().speaks = true;
  try {
    add_log_file(path);
  } catch (...) {
    the_log() = std::move(saved_->log);
    throw;
  }
}

LogDetour::~LogDetour() { the_log() = std::move(saved_->log); }

void LogDetour::outside(const std::function<void()>& body) {
  std::swap(the_log(), saved_->log);
  body();
  std::swap(the_log(), saved_->log);
}

bool log_on_terminal() { return the_log().standard_output && isatty(STDOUT_FILENO) == 1 && launcher_on_terminal(); }

bool log_speaks() { return the_log().speaks; }

}  // namespace dpl
