// A lock-free flag is all a signal handler may touch.
#include "dpl/base/stop_flag.hpp"

#include <atomic>
#include <csignal>

namespace dpl {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void set_stop(int) { stop.store(true, std::memory_order_relaxed); }

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = set_stop;
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

bool stop_requested() { return stop.load(std::memory_order_relaxed); }

void request_stop(bool value) { stop.store(value, std::memory_order_relaxed); }

}  // namespace dpl
