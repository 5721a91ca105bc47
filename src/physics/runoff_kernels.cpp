// The loops of the runoff model, compiled once for each instruction set (DPL_ISA names the namespace).
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "dpl/physics/runoff_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dpl/physics/runoff_loops.hpp"

#ifndef DPL_ISA
#define DPL_ISA generic
#endif
#define DPL_TEXT(isa) #isa
#define DPL_NAME(isa) DPL_TEXT(isa)

namespace dpl::DPL_ISA {
namespace {

template <class Loop>
void run(const Loop& loop, Index lanes) {
  const Loop body = loop;  // a copy whose pointers the compiler knows nobody changes
  const Index whole = (lanes + kVectorLanes - 1) / kVectorLanes * kVectorLanes;
#pragma GCC ivdep
  for (Index i = 0; i < whole; ++i) body(i);
}

constexpr int kRowOfCell[kDynamicRows] = {0, 4, 13};

// Rows of one tile lie far apart in memory, so that the processor does not see which one comes next.
constexpr Count kDaysAhead = 2;

template <bool kWrite, class Rows>
void fetch(const Rows& rows, Count day, Index lanes) {
  if (!rows.values) return;
  const auto* row = rows.row(day);
  constexpr Index kLine = 64 / sizeof(*row);
  for (Index i = 0; i < lanes; i += kLine) __builtin_prefetch(row + i, kWrite, 3);
}

template <class Real>
void fetch_day(const RunoffBlock<Real>& b, Count day) {
  if (day < -b.days_before || day >= b.days + b.days_after) return;
  fetch<false>(b.precipitation, day, b.lanes);
  fetch<false>(b.temperature, day, b.lanes);
  fetch<false>(b.pet, day, b.lanes);
  for (const auto& rows : b.dynamic) fetch<false>(rows, day, b.lanes);
}

template <class Real>
void fetch_seeds(const RunoffBlock<Real>& b, Count day) {
  if (day < -b.days_before) return;
  fetch<false>(b.runoff_seed, day, b.lanes);
  for (const auto& rows : b.output_seed)
    if (rows.stride != 0) fetch<false>(rows, day, b.lanes);
}

// A day's rows of a tile. Dynamic parameters have no padding: those of a tile that does not fill its vectors are
// copied.
template <class Real>
class DayReader {
 public:
  explicit DayReader(const RunoffBlock<Real>& b) : b_(b) {
    for (auto& row : padded_) std::fill_n(row, kTileLanes, Real(1));
  }
  RunoffDay<Real> operator()(Count day) {
    const Real* rows[kDynamicRows];
    for (int k = 0; k < kDynamicRows; ++k) {
      rows[k] = b_.cell + kRowOfCell[k] * kTileLanes;
      if (!b_.dynamic[k].values) continue;
      rows[k] = b_.dynamic[k].row(day);
      if (b_.lanes % kVectorLanes != 0) rows[k] = std::copy_n(rows[k], b_.lanes, padded_[k]) - b_.lanes;
    }
    return {b_.cell,        rows[kBETA], rows[kK0], rows[kBETAET], b_.precipitation.row(day), b_.temperature.row(day),
            b_.pet.row(day)};
  }

 private:
  const RunoffBlock<Real>& b_;
  alignas(64) Real padded_[kDynamicRows][kTileLanes];
};

// Components of a catchment come in their order: tiles do, and lanes in a tile.
template <class Real>
void add_to_catchments(const RunoffBlock<Real>& b, const Real* by_lane, Real* by_catchment) {
  Index catchment = b.first_catchment;
  for (Index lane = 0; lane < b.lanes;) {
    const Index n = std::min(b.lanes - lane, b.catchments - catchment);
    Real* sum = by_catchment + catchment;
    const Real* terms = by_lane + lane;
#pragma GCC ivdep
    for (Index i = 0; i < n; ++i) sum[i] += terms[i];
    lane += n;
    catchment = 0;
  }
}

template <class Real, class Form, bool kOutputs>
void forward(const RunoffBlock<Real>& b) {
  alignas(64) Real rows[kRecordRows * kTileLanes];
  alignas(64) Real runoff[kTileLanes];
  alignas(64) Real outputs[kOutputs ? kOutputRows * kTileLanes : 1];
  std::copy_n(b.state, kStateRows * kTileLanes, rows);
  DayReader<Real> reader(b);
  for (Count t = 0; t < b.days; ++t) {
    fetch_day(b, t + kDaysAhead);
    const RunoffDay<Real> day = reader(t);
    run(RunoffSnowLoop<Real, false>{day, rows, rows}, b.lanes);
    run(RunoffDrainageLoop<Real, Form, false>{day, rows}, b.lanes);
    run(RunoffZonesLoop<Real, Form, false, kOutputs>{day, rows, rows, runoff, outputs}, b.lanes);
    add_to_catchments(b, runoff, b.runoff.row(t));
    if constexpr (kOutputs)
      for (int k = 0; k < kOutputRows; ++k)
        if (b.outputs[k].values) add_to_catchments(b, outputs + k * kTileLanes, b.outputs[k].row(t));
  }
  std::copy_n(rows, kStateRows * kTileLanes, b.state);
}

template <class Real, class Form>
void record(const RunoffBlock<Real>& b) {
  std::copy_n(b.state, kStateRows * kTileLanes, b.record);
  DayReader<Real> reader(b);
  for (Count t = 0; t < b.days; ++t) {
    fetch_day(b, t + kDaysAhead);
    const RunoffDay<Real> day = reader(t);
    Real *now = b.record + t * kRecordRows * kTileLanes, *next = now + kRecordRows * kTileLanes;
    run(RunoffSnowLoop<Real, true>{day, now, next}, b.lanes);
    run(RunoffDrainageLoop<Real, Form, true>{day, now}, b.lanes);
    run(RunoffZonesLoop<Real, Form, true, false>{day, now, next, nullptr, nullptr}, b.lanes);
  }
}

template <class Real>
void add_to(Real* sum, const Real* terms, Index lanes) {
#pragma GCC ivdep
  for (Index i = 0; i < lanes; ++i) sum[i] += terms[i];
}

// Writes a day's row of a gradient past the caches, so that its lines need not be read first. Such rows are whole
// lines.
template <class Real>
bool can_stream(const DayRows<Real*>& rows, Index lanes) {
#if defined(__AVX512F__)
  constexpr Count kLine = 64 / sizeof(Real);
  return lanes % kLine == 0 && rows.stride % kLine == 0 && std::bit_cast<std::uintptr_t>(rows.values) % 64 == 0;
#else
  (void)rows, (void)lanes;
  return false;
#endif
}

template <class Real>
void write_row(const Real* from, Real* to, Index lanes, bool stream) {
#if defined(__AVX512F__)
  if (stream) {
    for (Index i = 0; i < lanes; i += static_cast<Index>(64 / sizeof(Real)))
      _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_load_si512(from + i));
    return;
  }
#endif
  (void)stream;
  std::copy_n(from, lanes, to);
}

template <class Real, class Form, bool kOutputs>
void adjoint(const RunoffBlock<Real>& b) {
  alignas(64) Real daily[kDynamicRows][kTileLanes], handed[2][kTileLanes];
  DayReader<Real> reader(b);
  using Day = RunoffAdjointDay<Real, kOutputs>;
  bool stream[kDynamicRows],
      direct[kDynamicRows];  // rows of whole vectors that are not streamed are written where they belong
  for (int k = 0; k < kDynamicRows; ++k) {
    stream[k] = can_stream(b.dynamic_adjoint[k], b.lanes);
    direct[k] = b.dynamic_adjoint[k].values && !stream[k] && b.lanes % kVectorLanes == 0;
  }
  const auto row = [&](DynamicRow k, Count t) { return direct[k] ? b.dynamic_adjoint[k].row(t) : daily[k]; };
  for (Count t = b.days - 1; t >= 0; --t) {
    fetch_seeds(b, t - kDaysAhead);
    fetch_day(b, t - kChunkDays);  // recorded next
    const Real* now = b.record + t * kRecordRows * kTileLanes;
    Day d{reader(t), now, now + kRecordRows * kTileLanes, b.runoff_seed.row(t), {}, b.state_adjoint, b.cell_adjoint,
          row(kBETA, t), row(kK0, t), row(kBETAET, t), handed[0], handed[1]};
    if constexpr (kOutputs)
      for (int k = 0; k < kOutputRows; ++k) d.seed[k] = b.output_seed[k].row(t);
    run(RunoffZonesAdjointLoop<Real, Form, Day>{d}, b.lanes);
    run(RunoffSoilAdjointLoop<Real, Form, Day>{d}, b.lanes);
    run(RunoffSnowAdjointLoop<Real, Day>{d}, b.lanes);
    for (int k = 0; k < kDynamicRows; ++k) {
      if (!b.dynamic[k].values) add_to(b.cell_adjoint + kRowOfCell[k] * kTileLanes, daily[k], b.lanes);
      if (b.dynamic_adjoint[k].values && !direct[k])
        write_row(daily[k], b.dynamic_adjoint[k].row(t), b.lanes, stream[k]);
    }
  }
#if defined(__AVX512F__)
  _mm_sfence();   // streamed rows are there for other threads too
#endif
}

// to += w from, catchment by catchment.
template <class Real>
void add_product(const Real* w, const Real* from, Real* to, Count n) {
#pragma GCC ivdep
  for (Count c = 0; c < n; ++c) to[c] += w[c] * from[c];
}

template <class Real>
void convolve(const HydrographBlock<Real>& b) {
  const Count n = b.catchments;
  std::fill_n(b.y, b.days * n, Real(0));
  for (Count t = 0; t < b.days; ++t)
    for (Count k = 0; k < b.length && k <= t; ++k) add_product(b.weights + k * n, b.x + (t - k) * n, b.y + t * n, n);
}

template <class Real>
void convolve_adjoint(const HydrographBlock<Real>& b) {
  const Count n = b.catchments;
  std::fill_n(b.x_adjoint, b.days * n, Real(0));
  for (Count t = 0; t < b.days; ++t)
    for (Count k = 0; k < b.length && t + k < b.days; ++k)
      add_product(b.weights + k * n, b.y_adjoint + (t + k) * n, b.x_adjoint + t * n, n);
}

template <class Real>
void convolve_weights(const HydrographBlock<Real>& b) {
  const Count n = b.catchments;
  for (Count t = 0; t < b.days; ++t)
    for (Count k = 0; k < b.length && k <= t; ++k) {
      const Real *y = b.y_adjoint + t * n, *x = b.x + (t - k) * n;
      double* sum = b.weights_adjoint + k * n;
#pragma GCC ivdep
      for (Count c = 0; c < n; ++c) sum[c] += static_cast<double>(y[c]) * static_cast<double>(x[c]);
    }
}

template <class Real>
RunoffKernels<Real> make_kernels() {
  RunoffKernels<Real> table{
      DPL_NAME(DPL_ISA), convolve<Real>, convolve_adjoint<Real>, convolve_weights<Real>, {}, {}, {}};
  const auto set = [&table]<class Form>(int form, Form) {
    table.forward[form][0] = forward<Real, Form, false>;
    table.forward[form][1] = forward<Real, Form, true>;
    table.record[form] = record<Real, Form>;
    table.adjoint[form][0] = adjoint<Real, Form, false>;
    table.adjoint[form][1] = adjoint<Real, Form, true>;
  };
  set(0, HbvForm0{});
  set(1, HbvForm1{});
  set(2, HbvForm2{});
  set(3, HbvForm3{});
  return table;
}

}  // namespace

const RunoffKernels<float>& single_runoff_kernels() {
  static const RunoffKernels<float> kernels = make_kernels<float>();
  return kernels;
}

const RunoffKernels<double>& double_runoff_kernels() {
  static const RunoffKernels<double> kernels = make_kernels<double>();
  return kernels;
}

}  // namespace dpl::DPL_ISA
