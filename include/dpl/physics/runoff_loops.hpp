// The loop bodies of a day over the lanes of a tile: one call handles one lane.
#pragma once

#include "dpl/physics/runoff_kernels.hpp"

namespace dpl {

/// Rows of one day.
template <class Real>
struct RunoffDay {
  const Real* cell;                               ///< [kCellRows][kTileLanes]
  const Real *BETA, *K0, *BETAET;                 ///< [lane], the cell's or the day's
  const Real *precipitation, *temperature, *pet;  ///< [lane]

  DPL_HOST_DEVICE HbvCell<Real> cell_of(Index i) const {
    const auto row = [&](int k) { return cell[k * kTileLanes + i]; };
    return {BETA[i], row(1), row(2), row(3), K0[i],  row(5),    row(6),  row(7),
            row(8),  row(9), row(10), row(11), row(12), BETAET[i], row(14), row(15)};
  }
  DPL_HOST_DEVICE HbvForcing<Real> forcing_of(Index i) const { return {precipitation[i], temperature[i], pet[i]}; }
};

template <class Real>
DPL_HOST_DEVICE HbvState<Real> state_of(const Real* rows, Index i) {
  return {rows[i], rows[kTileLanes + i], rows[2 * kTileLanes + i], rows[3 * kTileLanes + i], rows[4 * kTileLanes + i]};
}

template <class Real>
DPL_HOST_DEVICE void store_state(Real* rows, Index i, const HbvState<Real>& s) {
  rows[i] = s.SP;
  rows[kTileLanes + i] = s.MW;
  rows[2 * kTileLanes + i] = s.SM;
  rows[3 * kTileLanes + i] = s.SUZ;
  rows[4 * kTileLanes + i] = s.SLZ;
}

template <class Real, class Form, bool kOutputs>
struct RunoffForwardLoop {
  RunoffDay<Real> day;
  Real* state;                  ///< [kStateRows][kTileLanes]
  Real *runoff, *outputs;       ///< [lane]; [kOutputRows][kTileLanes], order of RunoffOutput
  DPL_HOST_DEVICE void operator()(Index i) const {
    HbvPowers<Real> powers;
    const HbvCell<Real> c = day.cell_of(i);
    const HbvStep<Real> next = hbv_step<Form>(c, state_of(state, i), day.forcing_of(i), powers);
    store_state(state, i, next.state);
    runoff[i] = next.runoff;
    if constexpr (kOutputs) {
      outputs[i] = next.evapotranspiration;
      outputs[kTileLanes + i] = next.state.SM;
      outputs[2 * kTileLanes + i] = next.state.SM * c.inverse_FC;
      outputs[3 * kTileLanes + i] = next.state.SP + next.state.MW;
      outputs[4 * kTileLanes + i] = next.recharge;
      outputs[5 * kTileLanes + i] = next.state.SUZ;
      outputs[6 * kTileLanes + i] = next.state.SLZ;
      outputs[7 * kTileLanes + i] = next.water_made;
    }
  }
};

/// Keeps what the adjoint of the day reads; the state goes into the record of the next day.
template <class Real, class Form>
struct RunoffRecordLoop {
  RunoffDay<Real> day;
  Real *record, *next_record;   ///< [kRecordRows][kTileLanes]: states, powers
  DPL_HOST_DEVICE void operator()(Index i) const {
    HbvPowers<Real> powers;
    const HbvStep<Real> next = hbv_step<Form>(day.cell_of(i), state_of(record, i), day.forcing_of(i), powers);
    store_state(next_record, i, next.state);
    Real* kept = record + kStateRows * kTileLanes;
    kept[i] = powers.log2_wetness;
    kept[kTileLanes + i] = powers.recharge_share;
    kept[2 * kTileLanes + i] = powers.log2_dryness;
    kept[3 * kTileLanes + i] = powers.evaporation;
  }
};

/// Adds up the cell's adjoints; the adjoint of the state runs along.
template <class Real, class Form, bool kOutputs>
struct RunoffAdjointLoop {
  RunoffDay<Real> day;
  const Real *record, *next_record;
  const Real* runoff_seed;                           ///< [lane]
  const Real* seed[kOutputRows];                     ///< [lane] (kOutputs)
  Real *state_adjoint, *cell_adjoint;
  Real *BETA_adjoint, *K0_adjoint, *BETAET_adjoint;  ///< [lane], the cell's or the day's; added to

  DPL_HOST_DEVICE void operator()(Index i) const {
    const HbvCell<Real> c = day.cell_of(i);
    const Real* kept = record + kStateRows * kTileLanes;
    const HbvPowers<Real> powers{kept[i], kept[kTileLanes + i], kept[2 * kTileLanes + i], kept[3 * kTileLanes + i]};
    HbvSeed<Real> s{runoff_seed[i], Real(0), Real(0), state_of(state_adjoint, i)};
    Real wetness = 0;
    if constexpr (kOutputs) {
      wetness = seed[2][i] * c.inverse_FC;
      s.evapotranspiration = seed[0][i];
      s.recharge = seed[4][i];
      s.state.SP += seed[3][i];
      s.state.MW += seed[3][i];
      s.state.SM += seed[1][i] + wetness;
      s.state.SUZ += seed[5][i];
      s.state.SLZ += seed[6][i];
      wetness *= next_record[2 * kTileLanes + i];  // SM at the end of the day
    }
    const HbvStepAdjoint<Real> a = hbv_step_adjoint<Form>(c, state_of(record, i), day.forcing_of(i), powers, s);
    store_state(state_adjoint, i, a.state);
    const auto add = [&](int row, Real value) { cell_adjoint[row * kTileLanes + i] += value; };
    BETA_adjoint[i] += a.cell.BETA;
    add(1, a.cell.FC);
    add(2, kOutputs ? a.cell.log_inverse_FC + wetness : a.cell.log_inverse_FC);
    add(3, a.cell.log_inverse_LP_FC);
    K0_adjoint[i] += a.cell.K0;
    add(5, a.cell.K1);
    add(6, a.cell.K2);
    add(7, a.cell.PERC);
    add(8, a.cell.UZL);
    add(9, a.cell.TT);
    add(10, a.cell.CFMAX);
    add(11, a.cell.refreezing);
    add(12, a.cell.CWH);
    if constexpr (Form::kExponent) BETAET_adjoint[i] += a.cell.BETAET;
    if constexpr (Form::kCapillary) add(14, a.cell.C);
    if constexpr (Form::kExchange) add(15, a.cell.LF);
  }
};

}  // namespace dpl
