// The bodies of runoff_columns.hpp: one call runs one column, catchment or day.
#pragma once

#include <type_traits>

#include "dpl/physics/runoff_columns.hpp"

namespace dpl {

/// A day's forcing, and parameters that have one value a day.
template <class Real>
struct ColumnDay {
  HbvForcing<Real> forcing;
  Real dynamic[kDynamicRows];
};

template <class Real>
struct ColumnReader {
  const ColumnInputs<Real>& in;
  Index lane, catchment;

  DPL_HOST_DEVICE ColumnReader(const ColumnInputs<Real>& inputs, Index l)
      : in(inputs), lane(l), catchment(l % inputs.catchments) {}

  DPL_HOST_DEVICE HbvCell<Real> cell() const {
    const auto row = [&](int k) { return in.cell[Count{k} * in.lanes + lane]; };
    return {row(0), row(1), row(2),  row(3),  row(4),  row(5),  row(6),  row(7), row(8),
            row(9), row(10), row(11), row(12), row(13), row(14), row(15), row(16)};
  }
  DPL_HOST_DEVICE ColumnDay<Real> day(Count t) const {
    const Count at = t * in.catchments + catchment;
    ColumnDay<Real> d{{in.precipitation[at], in.temperature[at], in.pet[at]}, {}};
    for (int k = 0; k < kDynamicRows; ++k)
      d.dynamic[k] = in.dynamic[k] ? in.dynamic[k][t * in.dynamic_stride + lane] : Real(0);
    return d;
  }
  DPL_HOST_DEVICE void set(HbvCell<Real>& c, const ColumnDay<Real>& d) const {
    if (in.dynamic[kBETA]) c.BETA = d.dynamic[kBETA];
    if (in.dynamic[kK0]) c.K0 = d.dynamic[kK0];
    if (in.dynamic[kBETAET]) c.BETAET = d.dynamic[kBETAET];
  }
};

/// Rows [kStateRows] that lie `stride` apart.
template <class Real>
DPL_HOST_DEVICE HbvState<std::remove_const_t<Real>> read_state(Real* rows, Count stride) {
  return {rows[0], rows[stride], rows[2 * stride], rows[3 * stride], rows[4 * stride]};
}
template <class Real>
DPL_HOST_DEVICE void write_state(Real* rows, Count stride, const HbvState<Real>& s) {
  rows[0] = s.SP;
  rows[stride] = s.MW;
  rows[2 * stride] = s.SM;
  rows[3 * stride] = s.SUZ;
  rows[4 * stride] = s.SLZ;
}

template <class Real, class Form, bool kOutputs>
struct ColumnForwardLoop {
  ColumnForward<Real> f;

  DPL_HOST_DEVICE void operator()(Index lane) const {
    const ColumnReader<Real> reader(f.in, lane);
    const Count lanes = f.in.lanes;
    HbvCell<Real> c = reader.cell();
    HbvState<Real> s = read_state(f.state + lane, lanes);
    // The first day, from this launch's first on, whose state is kept.
    Count kept = f.tape_from, number = 0;
    if (f.tape && f.first_day > f.tape_from) {
      number = (f.first_day - f.tape_from + f.interval - 1) / f.interval;
      kept += number * f.interval;
    }
    ColumnDay<Real> next = reader.day(f.first_day);
    for (Count t = f.first_day; t < f.end_day; ++t) {
      const ColumnDay<Real> day = next;
      if (t + 1 < f.end_day) next = reader.day(t + 1);  // on its way while this day is computed
      if (f.tape && t == kept) {
        write_state(f.tape + number * kStateRows * lanes + lane, lanes, s);
        ++number;
        kept += f.interval;
      }
      reader.set(c, day);
      HbvPowers<Real> powers;
      const HbvStep<Real> step = hbv_step<Form>(c, s, day.forcing, powers);
      s = step.state;
      const Count at = (t - f.first_day) * lanes + lane;
      f.runoff[at] = step.runoff;
      if constexpr (kOutputs) {
        const Real values[kOutputRows] = {step.evapotranspiration, s.SM, s.SM * c.inverse_FC, s.SP + s.MW,
                                          step.recharge, s.SUZ, s.SLZ, step.water_made};
        for (int k = 0; k < kOutputRows; ++k)
          if (f.outputs[k]) f.outputs[k][at] = values[k];
      }
    }
    write_state(f.state + lane, lanes, s);
  }
};

/// Seeds of a column's day, times the share.
template <class Real>
struct ColumnSeeds {
  Real runoff, outputs[kOutputRows];
};

/// What is kept of a day that is made again, in the thread's own memory.
template <class Real>
struct ColumnRecord {
  HbvState<Real> state;
  HbvPowers<Real> powers;
};

template <class Real, class Form, bool kOutputs>
struct ColumnAdjointLoop {
  ColumnAdjoint<Real> a;

  DPL_HOST_DEVICE void operator()(Index lane) const {
    const ColumnReader<Real> reader(a.in, lane);
    const Count lanes = a.in.lanes, started = a.end_lane - a.first_lane;
    HbvCell<Real> c = reader.cell();
    HbvState<Real> s_adjoint{0, 0, 0, 0, 0};
    HbvCellAdjoint<Real> sums{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    ColumnRecord<Real> record[kChunkDays];
    ColumnDay<Real> next;   // read while the day before (going back: after) it is computed
    for (Count k = (a.days - a.tape_from + a.interval - 1) / a.interval - 1; k >= 0; --k) {
      const Count begin = a.tape_from + k * a.interval, end = begin + a.interval < a.days ? begin + a.interval : a.days;
      const Count chunks = (end - begin + kChunkDays - 1) / kChunkDays;
      const Real* kept = a.tape + k * kStateRows * lanes + lane;
      HbvState<Real> s = read_state(kept, lanes);
      for (Count j = 1; j < chunks; ++j) {
        const Count first = begin + (j - 1) * kChunkDays;
        next = reader.day(first);
        for (int i = 0; i < kChunkDays; ++i) {
          const ColumnDay<Real> day = next;
          next = reader.day(first + i + 1);  // the interval goes on after this chunk
          ColumnRecord<Real> unused;
          s = again(reader, c, s, day, unused);
        }
        write_state(start(j, lane, started), started, s);
      }
      for (Count j = chunks - 1; j >= 0; --j) {
        s = j == 0 ? read_state(kept, lanes) : read_state<const Real>(start(j, lane, started), started);
        const Count first = begin + j * kChunkDays;
        const int n = static_cast<int>(end - first < kChunkDays ? end - first : kChunkDays);
        next = reader.day(first);
        for (int i = 0; i < n; ++i) {
          const ColumnDay<Real> day = next;
          if (i + 1 < n) next = reader.day(first + i + 1);
          s = again(reader, c, s, day, record[i]);
        }
        ColumnSeeds<Real> next_seed = seeds(first + n - 1, reader.catchment);
        for (int i = n - 1; i >= 0; --i) {
          const ColumnDay<Real> day = next;
          const ColumnSeeds<Real> seed = next_seed;
          if (i > 0) {
            next = reader.day(first + i - 1);
            next_seed = seeds(first + i - 1, reader.catchment);
          }
          back(reader, c, first + i, day, seed, record[i], s_adjoint, sums);
        }
      }
    }
    write_state(a.state_adjoint + lane, lanes, s_adjoint);
    write_sums(a.cell_adjoint + lane, lanes, sums);
  }

 private:
  DPL_HOST_DEVICE Real* start(Count chunk, Index lane, Count started) const {
    return a.starts + (chunk - 1) * kStateRows * started + (lane - a.first_lane);
  }

  DPL_HOST_DEVICE static HbvState<Real> again(const ColumnReader<Real>& reader, HbvCell<Real>& c,
                                              const HbvState<Real>& s, const ColumnDay<Real>& day,
                                              ColumnRecord<Real>& record) {
    reader.set(c, day);
    record.state = s;
    return hbv_step<Form>(c, s, day.forcing, record.powers).state;
  }

  DPL_HOST_DEVICE ColumnSeeds<Real> seeds(Count t, Index catchment) const {
    const Count at = t * a.in.catchments + catchment;
    ColumnSeeds<Real> seed{a.share * a.runoff_seed[at], {}};
    if constexpr (kOutputs)
      for (int k = 0; k < kOutputRows; ++k)
        if (a.output_seed[k]) seed.outputs[k] = a.share * a.output_seed[k][at];
    return seed;
  }

  /// One day, from the adjoint of the state at its end to that at its beginning.
  DPL_HOST_DEVICE void back(const ColumnReader<Real>& reader, HbvCell<Real>& c, Count t, const ColumnDay<Real>& day,
                            const ColumnSeeds<Real>& seed, const ColumnRecord<Real>& record, HbvState<Real>& s_adjoint,
                            HbvCellAdjoint<Real>& sums) const {
    reader.set(c, day);
    const HbvState<Real>& s = record.state;
    const HbvPowers<Real>& powers = record.powers;
    const HbvSnow<Real> snow = hbv_snow(c, s.SP, s.MW, day.forcing.precipitation, day.forcing.temperature);
    const HbvDrainage<Real> drainage = hbv_drainage(c, s.SM, snow.water, powers.recharge_share);
    const HbvSoil<Real> soil = hbv_soil<Form>(c, drainage.SM, s.SLZ, day.forcing.pet, powers.evaporation);
    const HbvZones<Real> zones = hbv_zones<Form>(c, s.SUZ, soil.SLZ, drainage.recharge);

    HbvState<Real> end = s_adjoint;
    Real ET = 0, by_wetness = 0;
    if constexpr (kOutputs) {
      by_wetness = seed.outputs[2] * c.inverse_FC;
      ET = seed.outputs[0];
      end.SM += seed.outputs[1] + by_wetness;
      by_wetness *= soil.SM;
      end.SP += seed.outputs[3];
      end.MW += seed.outputs[3];
      end.SUZ += seed.outputs[5];
      end.SLZ += seed.outputs[6];
    }
    const auto z = hbv_zones_adjoint<Form>(c, zones, seed.runoff, end.SUZ, end.SLZ);
    Real recharge = z.filled;
    if constexpr (kOutputs) recharge += seed.outputs[4];
    const auto e = hbv_soil_adjoint<Form>(c, soil, drainage.SM, s.SLZ, powers.log2_dryness, ET, end.SM, z.SLZ);
    const auto d = hbv_drainage_adjoint(c, drainage, s.SM, snow.water, powers, e.drained, recharge);
    const auto n = hbv_snow_adjoint(c, snow, d.water, end.SP, end.MW);
    s_adjoint = {n.SP, n.MW, d.SM, z.filled, e.SLZ};

    const Count at = t * a.in.dynamic_stride + reader.lane;
    keep(kBETA, at, d.BETA, sums.BETA);
    keep(kK0, at, z.K0, sums.K0);
    keep(kBETAET, at, e.BETAET, sums.BETAET);
    sums.FC += d.FC;
    if constexpr (Form::kCapillary || kOutputs) sums.log_inverse_FC += e.log_inverse_FC + by_wetness;
    sums.log_inverse_FC += d.log_inverse_FC;
    sums.log_inverse_LP_FC += e.log_inverse_LP_FC;
    sums.K1 += z.K1;
    sums.K2 += z.K2;
    sums.PERC += z.PERC;
    sums.UZL += z.UZL;
    sums.TT += n.TT;
    sums.CFMAX += n.CFMAX;
    sums.refreezing += n.refreezing;
    sums.CWH += n.CWH;
    if constexpr (Form::kCapillary) sums.C += e.C;
    if constexpr (Form::kExchange) sums.LF += z.LF;
    sums.PCORR += n.PCORR;
  }

  DPL_HOST_DEVICE void keep(DynamicRow k, Count at, Real value, Real& sum) const {
    if (!a.in.dynamic[k]) {
      sum += value;
    } else if (a.dynamic_adjoint[k]) {
      a.dynamic_adjoint[k][at] = value;
    }
  }

  DPL_HOST_DEVICE static void write_sums(Real* rows, Count stride, const HbvCellAdjoint<Real>& sums) {
    struct Rows {
      Real row[kCellRows];
    };
    const auto r = std::bit_cast<Rows>(sums);
    for (int k = 0; k < kCellRows; ++k) rows[k * stride] = r.row[k];
  }
};

/// Fixed parameters of a column; 1 where there is none.
template <class Real>
DPL_HOST_DEVICE HbvParameters<Real> column_parameters(const ColumnCells<Real>& c, Index lane) {
  struct Rows {
    Real row[kCellRows];
  } p;
  for (int k = 0; k < kCellRows; ++k)
    p.row[k] = c.where.parameter[k] < 0 ? Real(1) : c.fixed[Count{c.where.parameter[k]} * c.lanes + lane];
  return std::bit_cast<HbvParameters<Real>>(p);
}

template <class Real>
DPL_HOST_DEVICE Real of_catchment(const ColumnCells<Real>& c, const Real* values, Index lane) {
  return values ? values[lane % c.catchments] : Real(0);
}

template <class Real, class Form>
struct ColumnCellLoop {
  ColumnCells<Real> c;
  DPL_HOST_DEVICE void operator()(Index lane) const {
    const Real area = of_catchment(c, c.area_km2, lane), elevation = of_catchment(c, c.elevation_m, lane);
    struct Rows {
      Real row[kCellRows];
    };
    const auto r = std::bit_cast<Rows>(hbv_cell<Form>(column_parameters(c, lane), area, elevation));
    for (int k = 0; k < kCellRows; ++k) c.cell[Count{k} * c.lanes + lane] = r.row[k];
  }
};

template <class Real, class Form>
struct ColumnCellAdjointLoop {
  ColumnCells<Real> c;
  DPL_HOST_DEVICE void operator()(Index lane) const {
    const Real area = of_catchment(c, c.area_km2, lane), elevation = of_catchment(c, c.elevation_m, lane);
    struct Rows {
      Real row[kCellRows];
    } sums;
    for (int k = 0; k < kCellRows; ++k) sums.row[k] = c.cell_adjoint[Count{k} * c.lanes + lane];
    const auto g = std::bit_cast<Rows>(hbv_cell_adjoint<Form>(column_parameters(c, lane), area, elevation,
                                                              std::bit_cast<HbvCellAdjoint<Real>>(sums)));
    for (int k = 0; k < kCellRows; ++k)
      if (c.where.parameter[k] >= 0) c.fixed_adjoint[Count{c.where.parameter[k]} * c.lanes + lane] = g.row[k];
  }
};

template <class Real>
struct FillLoop {
  Real* to;
  Real value;
  DPL_HOST_DEVICE void operator()(Index i) const { to[i] = value; }
};

template <class Real>
struct ColumnMeanLoop {
  ColumnMeans<Real> m;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Count lanes = Count{m.catchments} * m.components;
    const Real* from = m.by_lane + (i / m.catchments) * lanes + i % m.catchments;
    Real sum = 0;
    for (Index k = 0; k < m.components; ++k) sum += from[Count{k} * m.catchments];
    m.mean[i] = m.share * sum;
  }
};

/// Days of a catchment that one thread of the hydrograph makes.
inline constexpr Count kHydrographRun = 16;

/// y(t) = sum over k of w_k x(t - k), k ascending.
template <class Real>
struct HydrographLoop {
  HydrographBlock<Real> b;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Count c = i % b.catchments, first = i / b.catchments * kHydrographRun;
    for (Count t = first; t < first + kHydrographRun && t < b.days; ++t) {
      Real y = 0;
      for (Count k = 0; k < b.length && k <= t; ++k)
        y += b.weights[k * b.catchments + c] * b.x[(t - k) * b.catchments + c];
      b.y[t * b.catchments + c] = y;
    }
  }
};

template <class Real>
struct HydrographAdjointLoop {
  HydrographBlock<Real> b;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Count c = i % b.catchments, first = i / b.catchments * kHydrographRun;
    for (Count t = first; t < first + kHydrographRun && t < b.days; ++t) {
      Real x = 0;
      for (Count k = 0; k < b.length && t + k < b.days; ++k)
        x += b.weights[k * b.catchments + c] * b.y_adjoint[(t + k) * b.catchments + c];
      b.x_adjoint[t * b.catchments + c] = x;
    }
  }
};

/// One weight of one catchment over all days.
template <class Real>
struct HydrographWeightsLoop {
  HydrographBlock<Real> b;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const Count c = i % b.catchments, k = i / b.catchments;
    double sum = 0;
    for (Count t = k; t < b.days; ++t) {
      const Real y = b.y_adjoint[t * b.catchments + c], x = b.x[(t - k) * b.catchments + c];
      sum += static_cast<double>(y) * static_cast<double>(x);
    }
    b.weights_adjoint[i] = sum;
  }
};

}  // namespace dpl
