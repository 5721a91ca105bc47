// How far a long loop is, how fast, and how long it will take.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "dpl/base/types.hpp"

namespace dpl {

/// What a line of progress says.
struct ProgressState {
  std::string_view item;  ///< for example "update"
  Count done = 0;
  Count total = 0;
  std::string_view details;    ///< for example "loss 12.34"; may be empty
  double work = 0;             ///< units of work done since the start
  std::string_view work_unit;  ///< for example "reach-steps"; empty: no rate
  double elapsed_s = 0;
  Count done_at_start = 0;  ///< of a resumed run: these took no time of this one
};

/// `update 120/300  loss 12.34  1.2e+07 reach-steps/s  0:12 left`.
std::string progress_line(const ProgressState& state);

/// `0:12`, `12:34`, `1:02:03`; minutes and seconds, hours where there are any.
std::string clock_text(double seconds);

/// Shows the progress of one loop on the rank that speaks (log.hpp): one line rewritten on a terminal, elsewhere a line
/// of the log every few seconds. Does nothing on the other ranks.
class Progress {
 public:
  Progress(std::string item, Count total, std::string work_unit = "", Count done_at_start = 0);
  ~Progress();
  Progress(const Progress&) = delete;

  /// `done` of `total` items are finished; `work` units of work were done since construction.
  void show(Count done, double work = 0, std::string_view details = "");

 private:
  using Clock = std::chrono::steady_clock;
  std::string item_, work_unit_;
  Count total_, done_at_start_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
};

}  // namespace dpl
