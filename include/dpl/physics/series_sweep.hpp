// The muskingum scheme one reach after the other over a block of steps: everything but the recession C3 Q of a reach is a
// loop over time whose arrays lie side by side, so nothing is turned or gathered; the recessions of several reaches of one
// lag, which do not depend on each other, run side by side.
//
// Included by files compiled once for each instruction set. The operations on a reach, and so the bits, are those of
// FixedForm.
#pragma once

#include <vector>

#include "dpl/physics/sweep_kernels.hpp"

namespace dpl {

/// @tparam kBytes  of a vector: keeps the instruction sets' versions apart
template <class Real, int kBytes>
class SeriesSweep {
 public:
  static void run(const SeriesBlock<Real>& b) {
    SeriesSweep sweep(b);
    for (Index lag = 0; lag < b.graph.lags; ++lag)
      for (Index i = b.graph.lag_begin[lag]; i < b.graph.lag_begin[lag + 1]; i += kTogether) {
        const Index end = std::min(i + kTogether, b.graph.lag_begin[lag + 1]);
        sweep.fetch(end);
        sweep.cells(i, end - i);
      }
  }

 private:
  // Enough that a multiply-add of each cell hides the latency of one.
  static constexpr Index kTogether = 8;

  explicit SeriesSweep(const SeriesBlock<Real>& b)
      : b_(b), given_(static_cast<std::size_t>(kTogether) * b.stride), joined_(kVectorCells + b.stride), lateral_(b.stride) {}

  void cells(Index first, Index count) {
    for (Index r = 0; r < count; ++r) give(first + r, given_.data() + r * b_.stride);
    switch (count) {
      case 1: return recede<1>(first);
      case 2: return recede<2>(first);
      case 3: return recede<3>(first);
      case 4: return recede<4>(first);
      case 5: return recede<5>(first);
      case 6: return recede<6>(first);
      case 7: return recede<7>(first);
      default: return recede<kTogether>(first);
    }
  }

  // given[t] = C1 I_{t+1} + C2 I_t + C4 q'. Whole vectors: before the first step and after the last stands something.
  void give(Index cell, Real* __restrict given) {
    const Index steps = b_.steps;
    const Real C1 = b_.cell.log2_width[cell], C2 = b_.cell.q[cell], C4 = b_.cell.length[cell];
    const Real *first = upstream(cell), *second = b_.flow + b_.graph.upstream1[cell] * b_.stride, *q = lateral(cell);
    const Index whole = padded(steps);
#pragma GCC ivdep
    for (Index t = 0; t < whole; ++t)
      given[t] = multiply_add(C1, first[t] + second[t], multiply_add(C2, first[t - 1] + second[t - 1], C4 * q[t]));
    given[0] = multiply_add(C1, first[0] + second[0], multiply_add(C2, b_.inflow[cell], C4 * q[0]));
    b_.inflow[cell] = first[steps - 1] + second[steps - 1];
  }

  // Upstream outflows but the last, in their order.
  const Real* upstream(Index cell) {
    const TileGraph& g = b_.graph;
    const Index above = g.upstream0[cell], junction = above - g.first_junction_slot;
    if (junction < 0 || junction >= g.junction_lag_begin[g.lags]) return b_.flow + above * b_.stride;
    const auto source = [&](Index s) { return b_.flow + g.junction_source[s] * b_.stride; };
    const Index begin = g.junction_begin[junction], end = g.junction_begin[junction + 1];
    Real* joined = joined_.data() + kVectorCells;
    std::copy_n(source(begin), b_.steps, joined);
    for (Index s = begin + 1; s < end; ++s) {
      const Real* more = source(s);
      for (Index t = 0; t < b_.steps; ++t) joined[t] += more[t];
    }
    return joined;
  }

  const Real* lateral(Index cell) {
    const LateralSeries<Real>& s = b_.lateral;
    const Real* from = b_.values + s.place[cell] * s.distance;
    const Real share = s.share[cell];
    Real* to = lateral_.data();
    if (b_.hold == 1) {
      from += s.first_step;
#pragma GCC ivdep
      for (Index t = 0; t < b_.steps; ++t) to[t] = floored_discharge(from[t] * share, s.floor);
      return to;
    }
    for (Index t = 0; t < b_.steps;) {
      const Count row = (s.first_step + t) / b_.hold;
      const auto end = static_cast<Index>(std::min<Count>(b_.steps, (row + 1) * b_.hold - s.first_step));
      std::fill(to + t, to + end, floored_discharge(from[row] * share, s.floor));
      t = end;
    }
    return to;
  }

  // The inflow of the cells that come next is fetched while the recessions of these run.
  void fetch(Index next) {
    const LateralSeries<Real>& s = b_.lateral;
    for (Index r = 0; r < kTogether; ++r)
      next_[r] = b_.values + s.place[std::min(next + r, s.cells - 1)] * s.distance + s.first_step / b_.hold;
  }

  // Q_{t+1} = C3 Q_t + given[t]
  template <int kCells>
  void recede(Index cell) const {
    constexpr Index kLine = 64 / static_cast<Index>(sizeof(Real));
    const Count stride = b_.stride;
    const Real* __restrict from = given_.data();
    Real* __restrict to = b_.flow + cell * stride;
    Real C3[kCells], state[kCells];
    for (int r = 0; r < kCells; ++r) C3[r] = b_.cell.velocity_factor[cell + r], state[r] = b_.state[cell + r];
    for (Index begin = 0; begin < b_.steps; begin += kLine) {
      for (int r = 0; r < kCells; ++r) __builtin_prefetch(next_[r] + begin / b_.hold, 0, 2);
      const Index end = std::min(begin + kLine, b_.steps);
      for (Index t = begin; t < end; ++t)
        for (int r = 0; r < kCells; ++r) {
          state[r] = multiply_add(C3[r], state[r], from[r * stride + t]);
          to[r * stride + t] = state[r];
        }
    }
    for (int r = 0; r < kCells; ++r) b_.state[cell + r] = state[r];
  }

  const SeriesBlock<Real>& b_;
  std::vector<Real> given_, joined_, lateral_;
  const Real* next_[kTogether];
};

}  // namespace dpl
