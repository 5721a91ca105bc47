// Test that windows gathered from whole series are the days of their places: the last one repeated where there are more
// columns, days before the first taken from the first ones, backward.
#include "dpl/physics/series_windows.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dpl {
namespace {

TEST(SeriesDays, RepeatItsFirstDaysBackward) {
  const SeriesDays days{100, 20, 3};
  EXPECT_EQ(days.row(100), 0);
  EXPECT_EQ(days.row(119), 19);
  EXPECT_EQ(days.row(99), 2);
  EXPECT_EQ(days.row(98), 1);
  EXPECT_EQ(days.row(97), 0);
  EXPECT_EQ(days.row(96), 2);
}

template <class Real>
class SeriesWindows : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(SeriesWindows, Precisions);

TYPED_TEST(SeriesWindows, AreTheDaysOfTheirPlaces) {
  using Real = TypeParam;
  constexpr Index kPlaces = 4, kWidth = 5;
  const SeriesDays days{100, 20, 3};
  const std::vector<Index> place{0, 2, 2};
  const std::vector<Count> first{95, 101, 113};
  constexpr Count kDays = 7;
  WindowList windows(Device::emulated);
  windows.set(place, first, kDays);
  for (const Index channels : {1, 3}) {
    std::vector<float> values(static_cast<std::size_t>(kPlaces * days.days * channels));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) + 0.25f;
    const PlaceSeries series(Device::emulated, days, channels, values);
    const auto expected = [&](std::size_t w, Count day, Index channel) {
      return static_cast<Real>(
          values[static_cast<std::size_t>((place[w] * days.days + days.row(first[w] + day)) * channels + channel)]);
    };
    std::vector<Real> by_window(static_cast<std::size_t>(2 * kDays * channels), Real(-1));
    series.gather_windows(windows, 1, 3, by_window.data());
    auto from = by_window.begin();
    for (std::size_t w = 1; w < 3; ++w)
      for (Count day = 0; day < kDays; ++day)
        for (Index c = 0; c < channels; ++c) EXPECT_EQ(*from++, expected(w, day, c)) << w << " " << day << " " << c;
    if (channels > 1) continue;
    std::vector<Real> by_day(kDays * kWidth, Real(-1));
    series.gather_days(windows, kWidth, by_day.data());
    for (Count day = 0; day < kDays; ++day)
      for (std::size_t w = 0; w < kWidth; ++w)
        EXPECT_EQ(by_day[static_cast<std::size_t>(day) * kWidth + w], expected(std::min<std::size_t>(w, 2), day, 0));
  }
}

}  // namespace
}  // namespace dpl
