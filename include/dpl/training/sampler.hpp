// Which window and which gauges an update sees: drawn from counters, so never dependent on ranks or restarts.
#pragma once

#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/data/observations.hpp"

namespace dpl {

/// One training window.
struct Sample {
  Count first_day = 0;               ///< days since 1970-01-01
  std::vector<Index> gauges;         ///< ascending
};

/// **Local**, pure: window number `window` (0 to experiment.windows - 1) of update number `update` (counted from 1).
/// Start days are uniform over the training period; `batch_size` gauges are those with the smallest random keys of
/// their ids. Each window of an update has its own start and gauges; window 0 is what an update of one window sees.
/// `attempt` > 0 draws again (used where a window holds no observation); below kMostAttempts.
inline constexpr Index kMostAttempts = 1024;
Sample draw_sample(const RunConfig& config, const Observations& observations, Count update, Index window,
                   Index attempt = 0);

/// FNV-1a of a station id: the `item` of its random keys.
std::uint64_t station_key(const std::string& id);

}  // namespace dpl
