// Lateral inflow between its two orders: series of reaches (as files and gradients have it) and rows of sweeps (as the
// sweeps read it), turned in squares of as many cells and sweeps as a vector has lanes.
//
// Included by files compiled once for each instruction set; the width of a vector is the set's.
#pragma once

#include <cstring>
#include <utility>

#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

template <class Real, int kBytes>
class LateralTurn {
 public:
  /// rows[t + lag][cell] = max(series[t] share, floor) for every step t of the block. Places of a row that are no step of
  /// the block's are written too, with values that mean nothing.
  static void to_rows(const LateralSeries<Real>& s, const Real* values, Real* rows) {
    for (Index first = 0; first < s.cells; first += kLanes) {
      const Cells cells(s, first);
      for (Index k = cells.lowest; k < cells.highest + s.steps; k += kLanes) {
        Vector square[kLanes];
        for (Index c = 0; c < kLanes; ++c) {
          const Count step = s.first_step + k - cells.lag[c];
          Real lanes[kLanes] = {};
          const Real* from = values + cells.series[c] * s.distance + step;
          __builtin_prefetch(from + s.ahead, 0, 2);
          if (step < 0 || step + kLanes > s.all_steps) {
            for (Index l = 0; l < kLanes; ++l)
              if (step + l >= 0 && step + l < s.all_steps) lanes[l] = from[l];
            from = lanes;
          }
          Vector v;
          std::memcpy(&v, from, sizeof v);
          v = v * cells.share[c];
          square[c] = v < s.floor ? v - v + s.floor : v;  // as floored_discharge
        }
        turn(square);
        for (Index l = 0; l < kLanes; ++l)
          std::memcpy(rows + static_cast<Count>(k + l) * s.stride + first, &square[l], sizeof(Vector));
      }
    }
  }

  /// series[t] = rows[t + lag][cell] for every step t of the block. Steps before the block may be written, with values that
  /// mean nothing: blocks run backward in time.
  static void to_series(const LateralSeries<Real>& s, const Real* rows, Real* values) {
    for (Index first = 0; first < s.cells; first += kLanes) {
      const Cells cells(s, first);
      const Index own = std::min<Index>(kLanes, s.cells - first);
      for (Index k = cells.lowest; k < cells.highest + s.steps; k += kLanes) {
        Vector square[kLanes];
        for (Index l = 0; l < kLanes; ++l)
          std::memcpy(&square[l], rows + static_cast<Count>(k + l) * s.stride + first, sizeof(Vector));
        turn(square);
        for (Index c = 0; c < own; ++c) {
          const Index t = k - cells.lag[c];
          const Count step = s.first_step + t;
          Real* to = values + cells.series[c] * s.distance + step;
          __builtin_prefetch(to + s.ahead, 1);
          if (t >= s.steps || t + kLanes <= 0) continue;
          if (step < 0 || t + kLanes > s.steps) {
            Real lanes[kLanes];
            std::memcpy(lanes, &square[c], sizeof lanes);
            for (Index l = std::max<Index>(0, -t); l < kLanes && t + l < s.steps; ++l) to[l] = lanes[l];
          } else {
            std::memcpy(to, &square[c], sizeof(Vector));
          }
        }
      }
    }
  }

 private:
  static constexpr Index kLanes = kBytes / static_cast<Index>(sizeof(Real));
  using Vector [[gnu::vector_size(kBytes)]] = Real;
  using Lane = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;
  using Places [[gnu::vector_size(kBytes)]] = Lane;

  // Cells first .. first + kLanes - 1; beyond the last cell, that one again.
  struct Cells {
    Index lowest, highest;
    Index lag[kLanes];
    Count series[kLanes];
    Real share[kLanes];
    Cells(const LateralSeries<Real>& s, Index first) {
      for (Index c = 0; c < kLanes; ++c) {
        const Index i = std::min(first + c, s.cells - 1);
        lag[c] = s.lag[i];
        series[c] = s.place[i];
        share[c] = s.share ? s.share[i] : Real(1);
      }
      lowest = lag[0];
      highest = lag[kLanes - 1];
    }
  };

  // Exchanges the squares of h lanes beside the diagonal, for h = half the lanes down to one.
  template <Index h>
  static void exchange(Vector* v) {
    exchange<h>(v, std::make_integer_sequence<Index, kLanes>{});
    if constexpr (h > 1) exchange<h / 2>(v);
  }
  template <Index h, Index... c>
  static void exchange(Vector* v, std::integer_sequence<Index, c...>) {
    constexpr Places upper{((c & h) ? kLanes + c - h : c)...}, lower{((c & h) ? kLanes + c : c + h)...};
    for (Index r = 0; r < kLanes; ++r) {
      if (r & h) continue;
      const Vector a = v[r], b = v[r + h];
      v[r] = __builtin_shuffle(a, b, upper);
      v[r + h] = __builtin_shuffle(a, b, lower);
    }
  }
  static void turn(Vector* v) { exchange<kLanes / 2>(v); }
};

}  // namespace dpl
