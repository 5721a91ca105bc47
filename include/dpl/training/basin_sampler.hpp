// Draws of basins and of a window for each of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dpl/base/run_config.hpp"

namespace dpl {

/// Windows of an update; every place has at most one.
struct BasinSample {
  std::vector<Index> place;      ///< ascending positions among the places drawn from
  std::vector<Count> first_day;  ///< of each window, its warm-up included
};

/// The windows of an update: a function of the configuration, the update and the keys of the places alone.
/// experiment.batch_size places (0: all) are those with the smallest draws; a window is experiment.rho days whose days
/// after the warm-up lie in the training period, so that a warm-up may begin before it.
/// @param place_keys  [place] station_key of its id
BasinSample draw_basins(const RunConfig& config, std::span<const std::uint64_t> place_keys, Count update);

/// Updates of an epoch: experiment.updates, or with experiment.epoch_coverage c the fewest after which a day that can be
/// scored was drawn with at least that probability (the 99 % rule of the field, c = 0.99):
///     ceil( ln(1 - c) / ln(1 - batch r / (places days)) )
/// with batch = min(experiment.batch_size, places), r the scored days of a window (experiment.rho - experiment.warmup),
/// days those of the training period, which can all be scored because a warm-up may begin before it. 1 where an update
/// draws all days.
Index updates_of_epoch(const TrainConfig& experiment, Index places);

}  // namespace dpl
