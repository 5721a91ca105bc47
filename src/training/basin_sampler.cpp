// Draws of an update by counter-based keys.
#include "dpl/training/basin_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dpl/base/random.hpp"

namespace dpl {

BasinSample draw_basins(const RunConfig& config, std::span<const std::uint64_t> place_keys, Count update) {
  const auto& experiment = config.experiment;
  const auto all = static_cast<Index>(place_keys.size());
  const Index wanted = experiment.batch_size == 0 ? all : std::min(all, experiment.batch_size);
  BasinSample sample;
  sample.place.resize(place_keys.size());
  std::iota(sample.place.begin(), sample.place.end(), 0);
  const auto number = static_cast<std::uint64_t>(update);
  if (wanted < all) {
    std::vector<std::uint64_t> draw;
    for (const std::uint64_t key : place_keys)
      draw.push_back(random_bits({config.seed, Purpose::basin_choice, number, key}));
    std::nth_element(sample.place.begin(), sample.place.begin() + wanted, sample.place.end(),
                     [&](Index a, Index b) { return draw[a] != draw[b] ? draw[a] < draw[b] : a < b; });
    sample.place.resize(wanted);
    std::sort(sample.place.begin(), sample.place.end());
  }
  const Count scored = experiment.rho_days - experiment.warmup_days;
  const auto starts = static_cast<std::uint64_t>(experiment.period.days() - scored + 1);
  for (const Index place : sample.place)
    sample.first_day.push_back(
        experiment.period.start.day - experiment.warmup_days +
        static_cast<Count>(random_index({config.seed, Purpose::basin_window, number, place_keys[place]}, starts)));
  return sample;
}

Index updates_of_epoch(const TrainConfig& experiment, Index places) {
  if (experiment.epoch_coverage == 0) return experiment.updates;
  const Index batch = experiment.batch_size == 0 ? places : std::min(places, experiment.batch_size);
  const double share = static_cast<double>(batch) * (experiment.rho_days - experiment.warmup_days) /
                       (static_cast<double>(places) * static_cast<double>(experiment.period.days()));
  if (share >= 1) return 1;
  return std::max<Index>(1, static_cast<Index>(std::ceil(std::log1p(-experiment.epoch_coverage) / std::log1p(-share))));
}

}  // namespace dpl
