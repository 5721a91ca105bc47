// HBV: one column (a component of a catchment) and one day, with its adjoint below it.
//
// Snow SP and its water MW, soil moisture SM, upper and lower zone SUZ, SLZ [mm]. The order of operations is part of the
// definition (docs/runoff.md); after Bergstroem 1992 (SMHI RH 4) and Seibert and Vis 2012 (HESS 16), with the capillary rise
// of 1.1p and the groundwater exchange of 2.0. Selects, no branches: loops of these become vector code.
#pragma once

#include "dpl/physics/vector_math.hpp"

namespace dpl {

/// Parts of the variants. 1.0: none (kExponent where BETAET is dynamic); 1.1p: exponent, capillary; 2.0: all.
template <bool exponent, bool capillary, bool exchange>
struct HbvForm {
  static constexpr bool kExponent = exponent;     ///< e^BETAET
  static constexpr bool kCapillary = capillary;   ///< water rises from the lower zone to the soil
  static constexpr bool kExchange = exchange;     ///< LF, water exchanged with other catchments
};

/// What a day needs of a column: parameters, or what is made of them once a window.
template <class T>
struct HbvCell {
  T BETA, FC;              ///< -, mm
  T inverse_FC;            ///< 1 / FC
  T inverse_LP_FC;         ///< 1 / (LP FC)
  T K0, K1, K2;            ///< 1/day
  T PERC, UZL;             ///< mm/day, mm
  T TT, CFMAX;             ///< degC, mm/degC/day
  T refreezing;            ///< CFR CFMAX [mm/degC/day]
  T CWH;                   ///< -
  T BETAET, C;             ///< -
  T LF;                    ///< mm/day (kExchange)
};

template <class T>
struct HbvState {
  T SP, MW, SM, SUZ, SLZ;  ///< mm
};

template <class T>
struct HbvForcing {
  T precipitation, temperature, pet;   ///< mm/day, degC, mm/day
};

/// Powers of a day: what the adjoint keeps of it, so that it needs no logarithm and no power.
template <class T>
struct HbvPowers {
  T log2_wetness, recharge_share;  ///< log2(SM / FC), (SM / FC)^BETA before its clamp
  T log2_dryness, evaporation;     ///< log2 of e = clamp(SM / (LP FC), 0, 1); e^BETAET
};

template <class T>
struct HbvStep {
  HbvState<T> state;
  T runoff, evapotranspiration, recharge;  ///< mm/day; recharge: from the soil to the upper zone
  T water_made;                            ///< by the floors, and LF as far as there was water to take [mm/day]
};

/// Floor of SM and SLZ [mm].
inline constexpr double kSmallestMoisture = 1e-5;

/// x^e of a positive normal number given log2 x. Below the smallest number: the smallest (as good as 0 here).
/// The constant stands first so that NaN goes through.
template <class T>
DPL_HOST_DEVICE T power_of(T log2_x, T exponent) {
  return exp2_of(larger(T(-1022.0), T(exponent * log2_x)));
}
DPL_HOST_DEVICE float power_of(float log2_x, float exponent) { return exp2_of(larger(-126.0f, exponent * log2_x)); }

/// Snow: everything up to the water that reaches the soil. rain = P if T >= TT else 0; melt = min(max(CFMAX (T - TT), 0), SP);
/// refreezing = min(max(CFR CFMAX (TT - T), 0), MW); to the soil: max(MW - CWH SP, 0).
template <class T>
struct HbvSnow {
  T warmth;                             ///< T - TT
  T potential_melt, before_melt;        ///< min of these melts
  T potential_freeze, before_freeze;    ///< min of these freezes again
  T excess;                             ///< MW - CWH SP
  T SP, MW, water;                      ///< at the end of the day; rain + water that leaves the snow
};

template <class T>
DPL_HOST_DEVICE HbvSnow<T> hbv_snow(const HbvCell<T>& c, const HbvState<T>& s, const HbvForcing<T>& f) {
  HbvSnow<T> r;
  r.warmth = f.temperature - c.TT;
  const T rain = select(c.TT <= f.temperature, f.precipitation, T(0));
  r.before_melt = s.SP + (f.precipitation - rain);
  r.potential_melt = larger(T(0), T(c.CFMAX * r.warmth));
  const T melt = smaller(r.potential_melt, r.before_melt);
  r.before_freeze = s.MW + melt;
  r.potential_freeze = larger(T(0), T(-(c.refreezing * r.warmth)));
  const T freeze = smaller(r.potential_freeze, r.before_freeze);
  r.SP = (r.before_melt - melt) + freeze;
  const T liquid = r.before_freeze - freeze;
  r.excess = liquid - c.CWH * r.SP;
  const T to_soil = larger(T(0), r.excess);
  r.MW = liquid - to_soil;
  r.water = rain + to_soil;
  return r;
}

/// Soil and capillary rise. rech = water clamp((SM/FC)^BETA, 0, 1); exc = max(SM - FC, 0); ET = min(SM, PET e^BETAET),
/// e = clamp(SM / (LP FC), 0, 1); SM = max(SM - ET, 1e-5); cap = min(SLZ, C SLZ (1 - min(SM / FC, 1))).
template <class T>
struct HbvSoil {
  T filled, excess;             ///< SM with the water that stays; SM - FC
  T drained;                    ///< SM after exc
  T demand, ET, left;           ///< PET e^BETAET, what evaporates, SM - ET
  T SM_evaporated;              ///< left, at least the floor
  T wetness, rise_share, wanted_rise, rise;   ///< SM / FC, C (1 - min(SM / FC, 1)), its product with SLZ, cap
  T SLZ_left;                   ///< SLZ - cap
  T recharge;                   ///< rech + exc
  T SM, SLZ;                    ///< after all this
};

template <class T>
DPL_HOST_DEVICE T hbv_drained(const HbvCell<T>& c, T SM, T water, T share, HbvSoil<T>& r) {
  const T rech = water * smaller(T(1), share);
  r.filled = (SM + water) - rech;
  r.excess = r.filled - c.FC;
  const T exc = larger(T(0), r.excess);
  r.recharge = rech + exc;
  return r.filled - exc;
}

template <class Form, class T>
DPL_HOST_DEVICE void hbv_rise(const HbvCell<T>& c, T SLZ, HbvSoil<T>& r) {
  r.SM = r.SM_evaporated;
  r.SLZ = SLZ;
  if constexpr (Form::kCapillary) {
    r.wetness = r.SM_evaporated * c.inverse_FC;
    r.rise_share = c.C * (T(1) - smaller(T(1), r.wetness));
    r.wanted_rise = r.rise_share * SLZ;
    r.rise = smaller(r.wanted_rise, SLZ);
    r.SM = r.SM_evaporated + r.rise;  // not below its floor: cap >= 0
    r.SLZ_left = SLZ - r.rise;
    r.SLZ = larger(T(kSmallestMoisture), r.SLZ_left);
  }
}

/// `drained` and what stands before it must be there.
template <class Form, class T>
DPL_HOST_DEVICE void hbv_evaporate(const HbvCell<T>& c, T SLZ, T pet, T evaporation, HbvSoil<T>& r) {
  r.demand = pet * evaporation;
  r.ET = smaller(r.demand, r.drained);
  r.left = r.drained - r.ET;
  r.SM_evaporated = larger(T(kSmallestMoisture), r.left);
  hbv_rise<Form>(c, SLZ, r);
}

/// Zones. perc = min(SUZ, PERC); Q0 = K0 max(SUZ - UZL, 0); Q1 = K1 SUZ; SLZ = max(SLZ + perc + LF, 0); Q2 = K2 SLZ.
template <class T>
struct HbvZones {
  T filled, percolated;     ///< SUZ before and after percolation
  T over, SUZ_1;            ///< SUZ - UZL; SUZ after Q0
  T exchanged, SLZ_2;       ///< SLZ + perc + LF; not below 0
  T SUZ, SLZ, runoff;
};

template <class Form, class T>
DPL_HOST_DEVICE HbvZones<T> hbv_zones(const HbvCell<T>& c, T SUZ, T SLZ, T recharge) {
  HbvZones<T> r;
  r.filled = SUZ + recharge;
  const T perc = smaller(c.PERC, r.filled);
  r.percolated = r.filled - perc;
  r.over = r.percolated - c.UZL;
  const T Q0 = c.K0 * larger(T(0), r.over);
  r.SUZ_1 = r.percolated - Q0;
  const T Q1 = c.K1 * r.SUZ_1;
  r.SUZ = r.SUZ_1 - Q1;
  r.exchanged = SLZ + perc;
  r.SLZ_2 = r.exchanged;
  if constexpr (Form::kExchange) {
    r.exchanged = r.exchanged + c.LF;
    r.SLZ_2 = larger(T(0), r.exchanged);
  }
  const T Q2 = c.K2 * r.SLZ_2;
  r.SLZ = r.SLZ_2 - Q2;
  r.runoff = (Q0 + Q1) + Q2;
  return r;
}

/// One day. @param powers is filled. Valid for states >= 0, SM >= 1e-6, precipitation and PET >= 0, parameters in their ranges.
template <class Form, class T>
DPL_HOST_DEVICE HbvStep<T> hbv_step(const HbvCell<T>& c, const HbvState<T>& s, const HbvForcing<T>& f, HbvPowers<T>& powers) {
  const HbvSnow<T> snow = hbv_snow(c, s, f);
  HbvSoil<T> soil;
  powers.log2_wetness = log2_of(T(s.SM * c.inverse_FC));
  powers.recharge_share = power_of(powers.log2_wetness, c.BETA);
  soil.drained = hbv_drained(c, s.SM, snow.water, powers.recharge_share, soil);
  const T e = smaller(T(1), T(soil.drained * c.inverse_LP_FC));
  if constexpr (Form::kExponent) {
    powers.log2_dryness = log2_of(e);
    powers.evaporation = power_of(powers.log2_dryness, c.BETAET);
  } else {
    powers.log2_dryness = T(0);
    powers.evaporation = e;
  }
  hbv_evaporate<Form>(c, s.SLZ, f.pet, powers.evaporation, soil);
  const HbvZones<T> zones = hbv_zones<Form>(c, s.SUZ, soil.SLZ, soil.recharge);
  HbvStep<T> next;
  next.state = {snow.SP, snow.MW, soil.SM, zones.SUZ, zones.SLZ};
  next.runoff = zones.runoff;
  next.evapotranspiration = soil.ET;
  next.recharge = soil.recharge;
  next.water_made = soil.SM_evaporated - soil.left;
  if constexpr (Form::kCapillary) next.water_made = next.water_made + (soil.SLZ - soil.SLZ_left);
  if constexpr (Form::kExchange) next.water_made = next.water_made + (c.LF + (zones.SLZ_2 - zones.exchanged));
  return next;
}

/// Adjoints of what a day reads of its cell; those of 1/FC and 1/(LP FC) per natural logarithm.
template <class T>
struct HbvCellAdjoint {
  T BETA, FC, log_inverse_FC, log_inverse_LP_FC, K0, K1, K2, PERC, UZL, TT, CFMAX, refreezing, CWH, BETAET, C, LF;
};

template <class T>
struct HbvStepAdjoint {
  HbvState<T> state;
  HbvCellAdjoint<T> cell;
};

/// Of the day's results: runoff, evapotranspiration, recharge, and the states at its end.
template <class T>
struct HbvSeed {
  T runoff, evapotranspiration, recharge;
  HbvState<T> state;
};

/// Zones, backward: into a.K0 .. LF; returns the adjoints of SUZ and recharge (the same) and of SLZ.
template <class T>
struct HbvZonesAdjoint {
  T filled, SLZ;
};

template <class Form, class T>
DPL_HOST_DEVICE HbvZonesAdjoint<T> hbv_zones_adjoint(const HbvCell<T>& c, const HbvZones<T>& z, const HbvSeed<T>& seed,
                                                     HbvCellAdjoint<T>& a) {
  const T Q2 = seed.runoff - seed.state.SLZ;
  a.K2 = Q2 * z.SLZ_2;
  T SLZ = seed.state.SLZ + c.K2 * Q2;
  a.LF = T(0);
  if constexpr (Form::kExchange) {
    SLZ = select(z.exchanged > T(0), SLZ, T(0));
    a.LF = SLZ;
  }
  const T Q1 = seed.runoff - seed.state.SUZ;
  a.K1 = Q1 * z.SUZ_1;
  const T SUZ_1 = seed.state.SUZ + c.K1 * Q1;
  const T Q0 = seed.runoff - SUZ_1;
  a.K0 = Q0 * larger(T(0), z.over);
  const T over = select(z.over > T(0), T(Q0 * c.K0), T(0));
  a.UZL = -over;
  const T percolated = SUZ_1 + over;
  const T perc = SLZ - percolated;
  const T all = select(z.filled < c.PERC, perc, T(0));  // everything percolates
  a.PERC = perc - all;
  return {percolated + all, SLZ};
}

/// Capillary rise, backward: returns the adjoint of SM after evaporation, turns that of SLZ into that of SLZ before.
template <class Form, class T>
DPL_HOST_DEVICE T hbv_rise_adjoint(const HbvCell<T>& c, const HbvSoil<T>& r, T SLZ_before, T SM_adjoint, T& SLZ_adjoint,
                                   HbvCellAdjoint<T>& a) {
  a.C = a.log_inverse_FC = T(0);
  if constexpr (!Form::kCapillary) return SM_adjoint;
  const T left = select(r.SLZ_left > T(kSmallestMoisture), SLZ_adjoint, T(0));
  const T rise = SM_adjoint - left;
  const T wanted = select(r.wanted_rise <= SLZ_before, rise, T(0));
  SLZ_adjoint = (left + (rise - wanted)) + wanted * r.rise_share;
  const T share = wanted * SLZ_before;
  a.C = share * (T(1) - smaller(T(1), r.wetness));
  const T wetness = select(r.wetness < T(1), T(-(share * c.C)), T(0));
  a.log_inverse_FC = wetness * r.wetness;
  return SM_adjoint + wetness * c.inverse_FC;
}

/// Snow, backward: `water` is the adjoint of the water that reaches the soil, SP and MW those of the day's end; into
/// a.TT, CFMAX, refreezing, CWH and the states SP, MW before.
template <class T>
DPL_HOST_DEVICE void hbv_snow_adjoint(const HbvCell<T>& c, const HbvSnow<T>& r, T water, T SP, T MW, HbvStepAdjoint<T>& a) {
  const T leaves = select(r.excess > T(0), T(water - MW), T(0));
  const T liquid = MW + leaves;
  const T frozen = SP - c.CWH * leaves;
  a.cell.CWH = -(leaves * r.SP);
  const T freeze = frozen - liquid;
  const T potential_freeze = select(r.potential_freeze <= r.before_freeze, freeze, T(0));
  const T before_freeze = liquid + (freeze - potential_freeze);
  const T melt = before_freeze - frozen;
  const T potential_melt = select(r.potential_melt <= r.before_melt, melt, T(0));
  a.state.SP = frozen + (melt - potential_melt);
  a.state.MW = before_freeze;
  // Of the potentials CFMAX (T - TT) and CFR CFMAX (TT - T) one at most is above 0.
  const T by_melt = select(r.warmth > T(0), potential_melt, T(0));
  const T by_freeze = select(r.warmth < T(0), potential_freeze, T(0));
  a.cell.CFMAX = by_melt * r.warmth;
  a.cell.refreezing = -(by_freeze * r.warmth);
  a.cell.TT = by_freeze * c.refreezing - by_melt * c.CFMAX;
}

/// Adjoint of hbv_step; `powers` as it left them. Where the two arguments of a min or max are equal, and at the ends of a
/// clamp, the derivative is that of one side (docs/runoff.md).
template <class Form, class T>
DPL_HOST_DEVICE HbvStepAdjoint<T> hbv_step_adjoint(const HbvCell<T>& c, const HbvState<T>& s, const HbvForcing<T>& f,
                                                   const HbvPowers<T>& powers, const HbvSeed<T>& seed) {
  const T ln2 = T(0.693147180559945309417);
  const HbvSnow<T> snow = hbv_snow(c, s, f);
  HbvSoil<T> soil;
  soil.drained = hbv_drained(c, s.SM, snow.water, powers.recharge_share, soil);
  hbv_evaporate<Form>(c, s.SLZ, f.pet, powers.evaporation, soil);
  const HbvZones<T> zones = hbv_zones<Form>(c, s.SUZ, soil.SLZ, soil.recharge);

  HbvStepAdjoint<T> a;
  const HbvZonesAdjoint<T> z = hbv_zones_adjoint<Form>(c, zones, seed, a.cell);
  a.state.SUZ = z.filled;
  const T recharge = z.filled + seed.recharge;
  a.state.SLZ = z.SLZ;
  const T SM_evaporated = hbv_rise_adjoint<Form>(c, soil, s.SLZ, seed.state.SM, a.state.SLZ, a.cell);

  // Evaporation. Derivatives of a power x^y: y x^y per ln x, ln x x^y per y.
  const T left = select(soil.left > T(kSmallestMoisture), SM_evaporated, T(0));
  const T ET = seed.evapotranspiration - left;
  const T demand = select(soil.demand <= soil.drained, ET, T(0));
  const T by_exponent = demand * soil.demand;  // adjoint of e^BETAET, times e^BETAET
  T by_log = by_exponent;
  a.cell.BETAET = T(0);
  if constexpr (Form::kExponent) {
    by_log = by_exponent * c.BETAET;
    a.cell.BETAET = by_exponent * (powers.log2_dryness * ln2);
  }
  a.cell.log_inverse_LP_FC = select(soil.drained * c.inverse_LP_FC < T(1), by_log, T(0));
  const T inverse = T(1) / (s.SM * soil.drained);  // one division for both
  const T drained = (left + (ET - demand)) + a.cell.log_inverse_LP_FC * (inverse * s.SM);

  // Soil.
  const T exc = select(soil.excess > T(0), T(recharge - drained), T(0));
  a.cell.FC = -exc;
  const T filled = drained + exc;
  const T rech = recharge - filled;
  const T share = select(powers.recharge_share < T(1), T(rech * snow.water * powers.recharge_share), T(0));
  const T by_log_wetness = share * c.BETA;
  a.cell.BETA = share * (powers.log2_wetness * ln2);
  a.cell.log_inverse_FC = a.cell.log_inverse_FC + by_log_wetness;
  a.state.SM = filled + by_log_wetness * (inverse * soil.drained);
  const T water = filled + rech * smaller(T(1), powers.recharge_share);
  hbv_snow_adjoint(c, snow, water, seed.state.SP, seed.state.MW, a);
  return a;
}

/// Physical parameters of a column (those that a variant lacks are not used).
template <class T>
struct HbvParameters {
  T BETA, FC, K0, K1, K2, LP, PERC, UZL, TT, CFMAX, CFR, CWH, BETAET, C, RT, AC;
};

/// From this elevation [m] on the threshold TT of 2.0 is kHighThreshold [degC].
inline constexpr double kHighElevation = 2000, kHighThreshold = 4;
/// From this area [km2] on the exchange of 2.0 fades out instead of depending on AC.
inline constexpr double kLargeArea = 2500;

/// Share of RT that is exchanged: clamp((Ac - AC) / 1000, -1, 1) below kLargeArea, else exp(clamp(-(Ac - 2500) / 50, -10, 0)).
template <class T>
DPL_HOST_DEVICE T hbv_exchange_share(T area_km2, T AC) {
  const T small = larger(T(-1), smaller(T(1), T((area_km2 - AC) * T(1.0 / 1000.0))));
  const T fading = larger(T(-10), smaller(T(0), T((T(kLargeArea) - area_km2) * T(1.0 / 50.0))));
  return select(area_km2 < T(kLargeArea), small, exp2_of(T(fading * T(1.44269504088896340736))));
}

/// Cell of a column. @param area_km2, elevation_m of the catchment (kExchange only).
template <class Form, class T>
DPL_HOST_DEVICE HbvCell<T> hbv_cell(const HbvParameters<T>& p, T area_km2, T elevation_m) {
  HbvCell<T> c{p.BETA, p.FC, T(1) / p.FC, T(1) / (p.LP * p.FC), p.K0, p.K1, p.K2, p.PERC, p.UZL, p.TT, p.CFMAX,
               p.CFR * p.CFMAX, p.CWH, p.BETAET, p.C, T(0)};
  if constexpr (Form::kExchange) {
    c.TT = select(elevation_m < T(kHighElevation), p.TT, T(kHighThreshold));
    c.LF = p.RT * hbv_exchange_share(area_km2, p.AC);
  }
  return c;
}

/// From sums of cell adjoints over a window to the parameters.
template <class Form, class T>
DPL_HOST_DEVICE HbvParameters<T> hbv_cell_adjoint(const HbvParameters<T>& p, T area_km2, T elevation_m,
                                                  const HbvCellAdjoint<T>& a) {
  HbvParameters<T> g{a.BETA, a.FC, a.K0, a.K1, a.K2, T(0), a.PERC, a.UZL, a.TT, a.CFMAX, T(0), a.CWH, a.BETAET, a.C,
                     T(0), T(0)};
  g.FC = a.FC - (a.log_inverse_FC + a.log_inverse_LP_FC) / p.FC;
  g.LP = -(a.log_inverse_LP_FC / p.LP);
  g.CFMAX = a.CFMAX + a.refreezing * p.CFR;
  g.CFR = a.refreezing * p.CFMAX;
  if constexpr (Form::kExchange) {
    g.TT = select(elevation_m < T(kHighElevation), a.TT, T(0));
    g.RT = a.LF * hbv_exchange_share(area_km2, p.AC);
    const T slope = (area_km2 - p.AC) * T(1.0 / 1000.0);
    const bool by_AC = area_km2 < T(kLargeArea) && T(-1) < slope && slope < T(1);
    g.AC = select(by_AC, T(-(a.LF * p.RT) * T(1.0 / 1000.0)), T(0));
  }
  return g;
}

}  // namespace dpl
