// Mean and deviation of network inputs over the training period, and inputs standardised by them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Of each channel, in its unit; part of a checkpoint.
struct InputStatistics {
  std::vector<std::string> names;
  std::vector<double> mean, deviation;  ///< standard deviation (divisor N); 1 for a constant channel
};

/// Values of channel `channel` at this rank's place number `place`: its days of the training period; NaN = missing.
using ChannelValues = std::function<std::span<const float>(std::size_t place, std::size_t channel)>;

/// **Collective:** over all places of all ranks, exact sums of a place's sums: the same bits on any number of ranks.
/// Throws Error naming the channel that holds no value at all or an infinite one.
InputStatistics input_statistics(const Communicator& comm, std::vector<std::string> names, std::size_t places,
                                 const ChannelValues& values);

/// (x - mean) / deviation; NaN becomes the mean (0).
void standardise(std::span<const float> values, double mean, double deviation, std::span<float> out);

}  // namespace dpl
