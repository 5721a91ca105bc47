// Rates by epoch, warm-up and cosine.
#include "dpl/learning/rate_schedule.hpp"

#include <cmath>
#include <iterator>
#include <numbers>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

double rate_of_epoch(const TrainConfig& config, Count update) {
  const auto epoch = static_cast<Index>(update / config.updates) + 1;
  const auto after = config.learning_rate.upper_bound(epoch);
  if (after == config.learning_rate.begin()) fail("experiment.learning_rate: there is no rate for epoch {}", epoch);
  return std::prev(after)->second;
}

double share(const ScheduleConfig& schedule, Count update, Count updates) {
  const Count warmup = schedule.warmup_updates;
  if (update < warmup) return static_cast<double>(update + 1) / static_cast<double>(warmup);
  if (schedule.decay_to == 1) return 1;
  const Count last = updates - 1;
  const double x = last > warmup ? static_cast<double>(update - warmup) / static_cast<double>(last - warmup) : 1;
  return schedule.decay_to + (1 - schedule.decay_to) * (1 + std::cos(std::numbers::pi * x)) / 2;
}

}  // namespace

double scheduled_rate(const TrainConfig& config, Count update) {
  const Count updates = static_cast<Count>(config.epochs) * config.updates;
  if (update < 0 || update >= updates) fail("update number {} is not one of {}", update, updates);
  return rate_of_epoch(config, update) * share(config.schedule, update, updates);
}

}  // namespace dpl
