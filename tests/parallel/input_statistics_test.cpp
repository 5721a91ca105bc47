// ranks: 1 2 4
// Statistics of inputs: against long double, the same bits for every distribution of places, messages on all ranks.
#include "dpl/learning/input_statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dpl/base/random.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

constexpr std::size_t kPlaces = 37, kDays = 100;
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

/// [place][channel][day]: rain with gaps, temperature, a constant, a channel of one place only.
std::vector<std::vector<std::vector<float>>> make_channels() {
  std::vector<std::vector<std::vector<float>>> all(kPlaces,
                                                   std::vector<std::vector<float>>(4, std::vector<float>(kDays)));
  for (std::size_t place = 0; place < kPlaces; ++place) {
    for (std::size_t day = 0; day < kDays; ++day) {
      const RandomKey key{5, Purpose::test, day, place};
      all[place][0][day] = day % 7 == place % 7 ? kMissing : static_cast<float>(std::exp(2 * random_normal(key)));
      all[place][1][day] = static_cast<float>(10 + 8 * random_normal(key, 1));
      all[place][2][day] = 0.1f;
      all[place][3][day] = place == 11 ? static_cast<float>(day) : kMissing;
    }
  }
  return all;
}

InputStatistics statistics_of(const Communicator& comm, const std::vector<std::vector<std::vector<float>>>& all,
                              std::size_t first_rank) {
  std::vector<std::size_t> mine;
  for (std::size_t place = 0; place < kPlaces; ++place) {
    if ((place + first_rank) % static_cast<std::size_t>(comm.size()) == static_cast<std::size_t>(comm.rank())) {
      mine.push_back(place);
    }
  }
  return input_statistics(
      comm, {"rain", "temperature", "constant", "rare"}, mine.size(),
      [&](std::size_t k, std::size_t channel) { return std::span<const float>(all[mine[k]][channel]); });
}

TEST(InputStatistics, AgreeWithLongDoubleOnAnyDistribution) {
  const Communicator comm;
  const auto all = make_channels();
  const auto found = statistics_of(comm, all, 0), other = statistics_of(comm, all, 1);
  EXPECT_EQ(found.mean, other.mean);
  EXPECT_EQ(found.deviation, other.deviation);
  const Communicator self(MPI_COMM_SELF);
  const auto alone = statistics_of(self, all, 0);
  EXPECT_EQ(found.mean, alone.mean);
  EXPECT_EQ(found.deviation, alone.deviation);
  for (std::size_t channel : {0, 1, 3}) {
    long double count = 0, sum = 0, squares = 0;
    for (const auto& place : all)
      for (const float value : place[channel])
        if (!std::isnan(value)) {
          count += 1;
          sum += value;
        }
    for (const auto& place : all)
      for (const float value : place[channel])
        if (!std::isnan(value)) squares += (value - sum / count) * (value - sum / count);
    EXPECT_NEAR(found.mean[channel], static_cast<double>(sum / count), 1e-13 * found.mean[channel]);
    EXPECT_NEAR(found.deviation[channel], static_cast<double>(std::sqrt(squares / count)),
                1e-13 * found.deviation[channel]);
  }
  EXPECT_EQ(found.deviation[2], 1.0);
}

TEST(InputStatistics, StandardisedInputsHaveMeanZeroAndGapsBecomeZero) {
  const std::vector<float> values{3, kMissing, 7};
  std::vector<float> out(3);
  standardise(values, 5, 2, out);
  EXPECT_EQ(out, (std::vector<float>{-1, 0, 1}));
  out.pop_back();
  EXPECT_THROW(standardise(values, 5, 2, out), Error);
}

TEST(InputStatistics, AChannelWithoutValuesAndAnInfiniteOneAreRefusedOnAllRanks) {
  const Communicator comm;
  auto all = make_channels();
  all[11][3].assign(kDays, kMissing);
  EXPECT_NE(message_of([&] { statistics_of(comm, all, 0); }).find("rare has no value"), std::string::npos);
  all[4][1][9] = std::numeric_limits<float>::infinity();
  EXPECT_NE(message_of([&] { statistics_of(comm, all, 0); }).find("temperature has a value"), std::string::npos);
}

}  // namespace
}  // namespace dpl
