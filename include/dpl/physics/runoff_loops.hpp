// The loop bodies of a day over the lanes of a tile: one call handles one lane. A day is three loops forward and three
// backward: a single one is a chain of dependent operations longer than what a core looks ahead over.
#pragma once

#include "dpl/physics/runoff_kernels.hpp"

namespace dpl {

/// Rows of one day; those of the tile are [row][kTileLanes].
template <class Real>
struct RunoffDay {
  const Real* cell;                               ///< order of HbvCell
  const Real *BETA, *K0, *BETAET;                 ///< [lane], the cell's or the day's
  const Real *precipitation, *temperature, *pet;  ///< [lane]

  DPL_HOST_DEVICE HbvCell<Real> cell_of(Index i) const {
    const auto row = [&](int k) { return cell[k * kTileLanes + i]; };
    return {BETA[i], row(1), row(2), row(3), K0[i],  row(5),    row(6),  row(7),
            row(8),  row(9), row(10), row(11), row(12), BETAET[i], row(14), row(15),
            row(16)};
  }
};

/// Element i of a row.
template <class Real>
DPL_HOST_DEVICE Real& at(Real* rows, int row, Index i) {
  return rows[row * kTileLanes + i];
}

/// Snow, and the power of the soil's wetness. `now` and `next`: RecordRow rows, the same block where nothing is
/// recorded.
template <class Real, bool kRecord>
struct RunoffSnowLoop {
  RunoffDay<Real> day;
  Real *now, *next;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = day.cell_of(i);
    const HbvSnow<Real> snow = hbv_snow(c, at(now, kSP, i), at(now, kMW, i), day.precipitation[i], day.temperature[i]);
    HbvPowers<Real> powers;
    hbv_wetness(c, at(now, kSM, i), powers);
    at(next, kSP, i) = snow.SP;
    at(next, kMW, i) = snow.MW;
    at(now, kWater, i) = snow.water;
    at(now, kRechargeShare, i) = powers.recharge_share;
    if constexpr (kRecord) at(now, kLog2Wetness, i) = powers.log2_wetness;
  }
};

/// Drainage of the soil, and the power of its dryness.
template <class Real, class Form, bool kRecord>
struct RunoffDrainageLoop {
  RunoffDay<Real> day;
  Real* now;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = day.cell_of(i);
    const HbvDrainage<Real> drainage = hbv_drainage(c, at(now, kSM, i), at(now, kWater, i), at(now, kRechargeShare, i));
    HbvPowers<Real> powers;
    hbv_dryness<Form>(c, drainage.SM, powers);
    at(now, kDrained, i) = drainage.SM;
    at(now, kRecharge, i) = drainage.recharge;
    at(now, kEvaporation, i) = powers.evaporation;
    if constexpr (kRecord && Form::kExponent) at(now, kLog2Dryness, i) = powers.log2_dryness;
  }
};

/// Evaporation, capillary rise and the zones.
template <class Real, class Form, bool kRecord, bool kOutputs>
struct RunoffZonesLoop {
  RunoffDay<Real> day;
  Real *now, *next;
  Real *runoff, *outputs;       ///< [lane]; [kOutputRows][kTileLanes], order of RunoffOutput
  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = day.cell_of(i);
    const Real recharge = at(now, kRecharge, i);
    const HbvSoil<Real> soil =
        hbv_soil<Form>(c, at(now, kDrained, i), at(now, kSLZ, i), day.pet[i], at(now, kEvaporation, i));
    const HbvZones<Real> zones = hbv_zones<Form>(c, at(now, kSUZ, i), soil.SLZ, recharge);
    at(next, kSM, i) = soil.SM;
    at(next, kSUZ, i) = zones.SUZ;
    at(next, kSLZ, i) = zones.SLZ;
    if constexpr (kRecord) at(now, kSLZRisen, i) = soil.SLZ;
    if constexpr (!kRecord) runoff[i] = zones.runoff;
    if constexpr (kOutputs) {
      at(outputs, 0, i) = soil.ET;
      at(outputs, 1, i) = soil.SM;
      at(outputs, 2, i) = soil.SM * c.inverse_FC;
      at(outputs, 3, i) = at(next, kSP, i) + at(next, kMW, i);
      at(outputs, 4, i) = recharge;
      at(outputs, 5, i) = zones.SUZ;
      at(outputs, 6, i) = zones.SLZ;
      at(outputs, 7, i) = hbv_water_made<Form>(c, soil, zones);
    }
  }
};

/// What the loops backward share: they add up the cell's adjoints, the adjoint of the state runs along.
template <class Real, bool outputs>
struct RunoffAdjointDay {
  static constexpr bool kOutputs = outputs;
  RunoffDay<Real> day;
  const Real *now, *next;                            ///< RecordRow rows
  const Real* runoff_seed;                           ///< [lane]
  const Real* seed[kOutputRows];                     ///< [lane], order of RunoffOutput (kOutputs)
  Real *state, *cell;                                ///< order of HbvState, HbvCellAdjoint
  Real *BETA, *K0, *BETAET;                          ///< [lane] of the day
  Real *drained, *recharge;                          ///< [lane] from one loop to the next

  DPL_HOST_DEVICE void add(int row, Index i, Real value) const { cell[row * kTileLanes + i] += value; }
};

template <class Real, class Form, class Day>
struct RunoffZonesAdjointLoop {
  Day d;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = d.day.cell_of(i);
    Real SUZ = at(d.state, kSUZ, i), SLZ = at(d.state, kSLZ, i);
    if constexpr (Day::kOutputs) {
      SUZ += d.seed[5][i];
      SLZ += d.seed[6][i];
    }
    const HbvZones<Real> zones =
        hbv_zones<Form>(c, at(d.now, kSUZ, i), at(d.now, kSLZRisen, i), at(d.now, kRecharge, i));
    const auto a = hbv_zones_adjoint<Form>(c, zones, d.runoff_seed[i], SUZ, SLZ);
    at(d.state, kSUZ, i) = a.filled;
    at(d.state, kSLZ, i) = a.SLZ;
    d.recharge[i] = Day::kOutputs ? a.filled + d.seed[4][i] : a.filled;
    d.K0[i] = a.K0;
    d.add(5, i, a.K1);
    d.add(6, i, a.K2);
    d.add(7, i, a.PERC);
    d.add(8, i, a.UZL);
    if constexpr (Form::kExchange) d.add(15, i, a.LF);
  }
};

template <class Real, class Form, class Day>
struct RunoffSoilAdjointLoop {
  Day d;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = d.day.cell_of(i);
    const Real drained = at(d.now, kDrained, i), SLZ = at(d.now, kSLZ, i);
    Real ET = 0, SM = at(d.state, kSM, i), by_wetness = 0;
    if constexpr (Day::kOutputs) {
      by_wetness = d.seed[2][i] * c.inverse_FC;
      ET = d.seed[0][i];
      SM += d.seed[1][i] + by_wetness;
      by_wetness *= at(d.next, kSM, i);
    }
    const HbvSoil<Real> soil = hbv_soil<Form>(c, drained, SLZ, d.day.pet[i], at(d.now, kEvaporation, i));
    const Real log2_dryness = Form::kExponent ? at(d.now, kLog2Dryness, i) : Real(0);
    const auto a = hbv_soil_adjoint<Form>(c, soil, drained, SLZ, log2_dryness, ET, SM, at(d.state, kSLZ, i));
    at(d.state, kSLZ, i) = a.SLZ;
    d.drained[i] = a.drained;
    if constexpr (Form::kCapillary || Day::kOutputs) d.add(2, i, a.log_inverse_FC + by_wetness);
    d.add(3, i, a.log_inverse_LP_FC);
    d.BETAET[i] = a.BETAET;
    if constexpr (Form::kCapillary) d.add(14, i, a.C);
  }
};

template <class Real, class Day>
struct RunoffSnowAdjointLoop {
  Day d;
  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = d.day.cell_of(i);
    const Real old_SM = at(d.now, kSM, i), water = at(d.now, kWater, i);
    Real SP = at(d.state, kSP, i), MW = at(d.state, kMW, i);
    if constexpr (Day::kOutputs) {
      SP += d.seed[3][i];
      MW += d.seed[3][i];
    }
    const HbvPowers<Real> powers{at(d.now, kLog2Wetness, i), at(d.now, kRechargeShare, i), Real(0), Real(0)};
    const HbvDrainage<Real> drainage = hbv_drainage(c, old_SM, water, powers.recharge_share);
    const auto a = hbv_drainage_adjoint(c, drainage, old_SM, water, powers, d.drained[i], d.recharge[i]);
    const HbvSnow<Real> snow =
        hbv_snow(c, at(d.now, kSP, i), at(d.now, kMW, i), d.day.precipitation[i], d.day.temperature[i]);
    const auto s = hbv_snow_adjoint(c, snow, a.water, SP, MW);
    at(d.state, kSP, i) = s.SP;
    at(d.state, kMW, i) = s.MW;
    at(d.state, kSM, i) = a.SM;
    d.BETA[i] = a.BETA;
    d.add(1, i, a.FC);
    d.add(2, i, a.log_inverse_FC);
    d.add(9, i, s.TT);
    d.add(10, i, s.CFMAX);
    d.add(11, i, s.refreezing);
    d.add(12, i, s.CWH);
    d.add(16, i, s.PCORR);
  }
};

}  // namespace dpl
