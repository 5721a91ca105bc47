// Statistics by exact sums over places.
#include "dpl/learning/input_statistics.hpp"

#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/parallel/exact_sum.hpp"

namespace dpl {
namespace {

/// Sum over the values of all places of body(value); NaN values are left out.
template <class Body>
double sum_over_places(const Communicator& comm, std::size_t places, std::size_t channel, const ChannelValues& values,
                       Body body) {
  std::vector<double> sums(places, 0.0);
  for (std::size_t place = 0; place < places; ++place) {
    for (const float value : values(place, channel)) {
      if (!std::isnan(value)) sums[place] += body(static_cast<double>(value));
    }
  }
  return exact_sum(comm, sums);
}

}  // namespace

InputStatistics input_statistics(const Communicator& comm, std::vector<std::string> names, std::size_t places,
                                 const ChannelValues& values) {
  InputStatistics statistics{std::move(names), {}, {}};
  for (std::size_t channel = 0; channel < statistics.names.size(); ++channel) {
    const double count = sum_over_places(comm, places, channel, values, [](double) { return 1.0; });
    if (count == 0) {
      fail("inputs: {} has no value in the training period; leave it out of the inputs or choose another period",
           statistics.names[channel]);
    }
    const double mean = sum_over_places(comm, places, channel, values, [](double x) { return x; }) / count;
    if (!std::isfinite(mean)) {
      fail("inputs: {} has a value in the training period that is not finite; mark it as missing",
           statistics.names[channel]);
    }
    const double squares =
        sum_over_places(comm, places, channel, values, [mean](double x) { return (x - mean) * (x - mean); });
    const double deviation = std::sqrt(squares / count);
    statistics.mean.push_back(mean);
    // A constant channel tells nothing apart; its inputs become 0. Its mean has the rounding of single precision.
    statistics.deviation.push_back(deviation > 1e-7 * std::abs(mean) ? deviation : 1.0);
  }
  return statistics;
}

void standardise(std::span<const float> values, double mean, double deviation, std::span<float> out) {
  if (values.size() != out.size()) fail("inputs: {} values do not fit {} inputs", values.size(), out.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = std::isnan(values[i]) ? 0.0f : static_cast<float>((static_cast<double>(values[i]) - mean) / deviation);
  }
}

}  // namespace dpl
