// Test of turning lateral inflow between series of reaches and rows of sweeps, on every instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "dpl/physics/sweep_kernels.hpp"
#include "tests/support/adjoint_comparison.hpp"

namespace dpl {
namespace {

using namespace test;

// A tile's series, at places of their own within arrays that end where the last series ends: reads and writes beyond
// them are seen by the address sanitizer.
template <class Real>
struct Turn {
  std::vector<Index> lag, place;
  std::vector<Real> share;
  LateralSeries<Real> series;
  Index lags = 1, all_series = 0;
  std::vector<Real> values;

  Turn(Index cells, Index steps, Count first_step, Count all_steps, Count distance, bool floored, std::uint64_t seed) {
    Draws draws(seed);
    for (Index i = 0; i < cells; ++i) {
      lag.push_back(static_cast<Index>(draws.uniform(0, 12)));
      place.push_back(i);
      share.push_back(static_cast<Real>(1 / (1 + std::floor(draws.uniform(0, 4)))));
    }
    std::sort(lag.begin(), lag.end());
    lags = lag.back() + 1;
    for (Index i = cells - 1; i > 0; --i) std::swap(place[i], place[static_cast<Index>(draws.uniform(0, i + 1))]);
    series.cells = cells;
    series.steps = steps;
    series.lag = lag.data();
    series.place = place.data();
    series.share = share.data();
    series.distance = distance;
    series.first_step = first_step;
    series.all_steps = all_steps;
    series.ahead = 64;
    series.floor = floored ? Real(0.3) : -std::numeric_limits<Real>::infinity();
    series.stride = padded(cells);
    values.resize((cells - 1) * distance + all_steps);
    for (Real& v : values) v = static_cast<Real>(draws.uniform(-0.2, 2));
    // Values that are no numbers stay what a floor makes of them: infinities are larger or smaller, NaN stays.
    constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
    for (Real bad : {kInfinity, -kInfinity, std::numeric_limits<Real>::quiet_NaN()})
      values[static_cast<std::size_t>(draws.uniform(0, static_cast<double>(values.size())))] = bad;
  }
  Turn(const Turn&) = delete;  // series points into it
  std::size_t rows() const { return static_cast<std::size_t>(series.steps + lags + 1 + kVectorCells); }
};

template <class Real>
class LateralRows : public testing::Test {
 protected:
  // Runs a check with the kernels of every instruction set this processor has.
  template <class Check>
  static void on_every_set(const Check& check) {
    int sets = 0;
    for (const char* isa : {"generic", "v3", "v4"}) {
      setenv("DPL_ISA", isa, 1);
      const SweepKernels<Real>* kernels = nullptr;
      try {
        kernels = &sweep_kernels<Real>(Device::cpu);
      } catch (const std::exception&) {
        continue;
      }
      if (kernels->instruction_set != std::string(isa)) continue;  // a program built without it
      ++sets;
      check(*kernels);
    }
    unsetenv("DPL_ISA");
    EXPECT_GE(sets, 1);
  }
  // Blocks at the start, within and at the end of a window, shorter and longer than a vector.
  template <class Check>
  static void on_every_turn(const Check& check) {
    std::uint64_t seed = 0;
    for (Index cells : {1, 3, 15, 16, 17, 40})
      for (Index steps : {1, 2, 7, 16, 33})
        for (Count before : {0, 1, 5, 40})
          for (Count after : {0, 1, 30})
            for (Count gap : {0, 3}) {
              const Count all = before + steps + after;
              check(Turn<Real>(cells, steps, before, all, all + gap, seed % 2 == 0, seed));
              ++seed;
            }
  }
  static bool same(Real a, Real b) { return a == b || (a != a && b != b); }
};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(LateralRows, Precisions);

TYPED_TEST(LateralRows, RowsHoldEveryStepOfTheBlockSharedAndFloored) {
  this->on_every_set([&](const SweepKernels<TypeParam>& kernels) {
    this->on_every_turn([&](const Turn<TypeParam>& turn) {
      const auto& s = turn.series;
      std::vector<TypeParam> rows(turn.rows() * s.stride, TypeParam(-7));
      kernels.lateral_to_rows(s, turn.values.data(), rows.data());
      for (Index i = 0; i < s.cells; ++i)
        for (Index t = 0; t < s.steps; ++t) {
          const TypeParam value = turn.values[turn.place[i] * s.distance + s.first_step + t] * turn.share[i];
          const TypeParam expected = floored_discharge(value, s.floor);
          const TypeParam found = rows[static_cast<std::size_t>(t + turn.lag[i]) * s.stride + i];
          ASSERT_TRUE(this->same(found, expected))
              << kernels.instruction_set << ": cell " << i << " of " << s.cells << ", step " << t << " of " << s.steps
              << ": " << found << " instead of " << expected;
        }
    });
  });
}

// Blocks run backward: after the last one has been turned every step of every series is there, and no other value has
// changed.
TYPED_TEST(LateralRows, SeriesHoldEveryStepAfterAllBlocks) {
  this->on_every_set([&](const SweepKernels<TypeParam>& kernels) {
    this->on_every_turn([&](Turn<TypeParam> turn) {
      auto& s = turn.series;
      const Index block = s.steps;
      s.share = nullptr;
      s.ahead = -block;
      const TypeParam untouched = TypeParam(-7);
      std::vector<TypeParam> series(turn.values.size(), untouched);
      for (Count first = (s.all_steps - 1) / block * block; first >= 0; first -= block) {
        s.first_step = first;
        s.steps = static_cast<Index>(std::min<Count>(block, s.all_steps - first));
        std::vector<TypeParam> rows(turn.rows() * s.stride, TypeParam(-1));
        for (Index i = 0; i < s.cells; ++i)
          for (Index t = 0; t < s.steps; ++t)
            rows[static_cast<std::size_t>(t + turn.lag[i]) * s.stride + i] =
                static_cast<TypeParam>(turn.place[i] * 1000 + first + t);
        kernels.lateral_to_series(s, rows.data(), series.data());
      }
      for (Index k = 0; k < s.cells; ++k)
        for (Count step = 0; step < std::min<Count>(s.distance, static_cast<Count>(series.size()) - k * s.distance);
             ++step)
          ASSERT_EQ(series[k * s.distance + step],
                    step < s.all_steps ? static_cast<TypeParam>(k * 1000 + step) : untouched)
              << kernels.instruction_set << ": series " << k << ", step " << step << " of " << s.all_steps
              << ", blocks of " << block;
    });
  });
}

}  // namespace
}  // namespace dpl
