// The learning rate of every update: by epoch, with a warm-up and a decay.
#pragma once

#include "dpl/base/run_config.hpp"
#include "dpl/base/types.hpp"

namespace dpl {

/// Rate of update 0 .. experiment.epochs x experiment.updates - 1: experiment.learning_rate of its epoch, times
/// (update + 1) / warmup_updates in the first warmup_updates updates, afterwards times
/// decay_to + (1 - decay_to) (1 + cos(pi x)) / 2 with x from 0 at the first update after the warm-up to 1 at the last
/// one (Loshchilov and Hutter 2017, eq. 5, one cycle). With the schedule's defaults exactly the rate of the epoch.
double scheduled_rate(const TrainConfig& config, Count update);

}  // namespace dpl
