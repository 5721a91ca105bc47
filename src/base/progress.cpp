// Lines of progress.
#include "dpl/base/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "dpl/base/log.hpp"

namespace dpl {
namespace {

constexpr double kTerminalInterval_s = 0.1;
constexpr double kLogInterval_s = 5;

}  // namespace

std::string clock_text(double seconds) {
  const auto s = static_cast<Count>(std::llround(std::clamp(seconds, 0.0, 3.6e8)));
  if (s >= 3600) return fmt::format("{}:{:02d}:{:02d}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02d}", s / 60, s % 60);
}

std::string progress_line(const ProgressState& state) {
  const int width = static_cast<int>(fmt::formatted_size("{}", state.total));
  std::string line = fmt::format("{} {:>{}}/{}", state.item, state.done, width, state.total);
  if (!state.details.empty()) line += fmt::format("  {}", state.details);
  if (!state.work_unit.empty() && state.elapsed_s > 0)
    line += fmt::format("  {:.1e} {}/s", state.work / state.elapsed_s, state.work_unit);
  const Count fresh = state.done - state.done_at_start;
  if (fresh > 0 && state.done < state.total)
    line += fmt::format("  {} left", clock_text(state.elapsed_s / static_cast<double>(fresh) *
                                                static_cast<double>(state.total - state.done)));
  if (state.done >= state.total) line += fmt::format("  in {}", clock_text(state.elapsed_s));
  return line;
}

Progress::Progress(std::string item, Count total, std::string work_unit, Count done_at_start)
    : item_(std::move(item)), work_unit_(std::move(work_unit)), total_(total), done_at_start_(done_at_start) {}

Progress::~Progress() { rewrite_terminal_line(""); }

void Progress::show(Count done, double work, std::string_view details) {
  if (!log_speaks()) return;
  const auto now = Clock::now();
  const bool last = done >= total_;
  const bool terminal = log_on_terminal();
  const double since_shown_s = std::chrono::duration<double>(now - shown_).count();
  if (!last && since_shown_s < (terminal ? kTerminalInterval_s : kLogInterval_s)) return;
  shown_ = now;
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  const auto line = progress_line({item_, done, total_, details, work, work_unit_, elapsed_s, done_at_start_});
  if (terminal && !last)
    rewrite_terminal_line(line);
  else
    log_info("{}", line);
}

}  // namespace dpl
