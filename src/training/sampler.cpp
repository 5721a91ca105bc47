// Draws of training windows and gauges.
#include "dpl/training/sampler.hpp"

#include <algorithm>
#include <numeric>

#include "dpl/base/fingerprint.hpp"
#include "dpl/base/random.hpp"

namespace dpl {

std::uint64_t station_key(const std::string& id) { return Fingerprint().add(id).value(); }

Sample draw_sample(const RunConfig& config, const Observations& observations, Count update, Index window,
                   Index attempt) {
  const auto& period = config.experiment.period;
  const Count starts = period.days() - config.experiment.rho_days + 1;
  const RandomKey start{config.seed, Purpose::window_start, static_cast<std::uint64_t>(update), 0};
  // Draw numbers of one key: kMostAttempts for each window.
  const auto draw = static_cast<std::uint32_t>(window) * kMostAttempts + static_cast<std::uint32_t>(attempt);
  Sample sample;
  sample.first_day = period.start.day + static_cast<Count>(random_index(start, starts, draw));

  const Index all = observations.size();
  const Index wanted = config.experiment.batch_size == 0 ? all : std::min(all, config.experiment.batch_size);
  sample.gauges.resize(all);
  std::iota(sample.gauges.begin(), sample.gauges.end(), 0);
  if (wanted == all) return sample;
  std::vector<std::uint64_t> key(all);
  for (Index g = 0; g < all; ++g)
    key[g] = random_bits(
        {config.seed, Purpose::gauge_choice, static_cast<std::uint64_t>(update), station_key(observations.gauge_id[g])},
        draw);
  std::partial_sort(sample.gauges.begin(), sample.gauges.begin() + wanted, sample.gauges.end(),
                    [&](Index a, Index b) { return key[a] != key[b] ? key[a] < key[b] : a < b; });
  sample.gauges.resize(wanted);
  std::sort(sample.gauges.begin(), sample.gauges.end());
  return sample;
}

}  // namespace dpl
