// The run's log: plain lines on rank 0's terminal and in RUN/log.txt; the door to spdlog.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace dpl {

/// **Local:** `speaks` is true on the one rank that writes; on the others every call below does nothing.
void start_log(bool speaks);

/// **Local:** from now on every line goes also to this file (appended, with the time of day before it); the first file begins
/// with the lines written before. Throws Error when it cannot be opened. Call inside `agree_on_root`.
void add_log_file(const std::string& path);

/// Writes one finished line; use log_info and log_warning.
void write_log_line(bool warning, std::string_view text);

/// Replaces the last line of a terminal (progress); `text` empty erases it. Nothing where standard output is no
/// terminal.
void rewrite_terminal_line(std::string_view text);

/// **Local:** the one line of a failure, `error: ...`, on standard error and in the file; also on a rank that does not
/// speak. Line breaks and other control characters become blanks.
void report_error(std::string_view text);

/// True when standard output is a terminal and this rank speaks.
bool log_on_terminal();
/// True when this rank speaks.
bool log_speaks();

/// **Local:** while it lives, all lines of this rank go into one file alone (appended), also those of a rank that does
/// not speak; with an empty path nowhere. One at a time.
class LogDetour {
 public:
  /// Throws Error when the file cannot be opened; then nothing has changed.
  explicit LogDetour(const std::string& path);
  ~LogDetour();
  LogDetour(const LogDetour&) = delete;
  /// Runs `body` with the log as it was before.
  void outside(const std::function<void()>& body);

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

/// A line for the user on standard output.
template <class... Args>
void log_info(fmt::format_string<Args...> text, Args&&... args) {
  write_log_line(false, fmt::format(text, std::forward<Args>(args)...));
}

/// A line that begins `warning:` on standard error.
template <class... Args>
void log_warning(fmt::format_string<Args...> text, Args&&... args) {
  write_log_line(true, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace dpl
