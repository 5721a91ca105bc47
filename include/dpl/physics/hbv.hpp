// HBV: one column (a component of a catchment) and one day, with its adjoint below it.
//
// Snow SP and its water MW, soil moisture SM, upper and lower zone SUZ, SLZ [mm]. The order of operations is part of
// the definition (docs/runoff.md); after Bergstroem 1992 (SMHI RH 4) and Seibert and Vis 2012 (HESS 16), with the
// capillary rise of 1.1p and the groundwater exchange of 2.0. Selects, no branches: loops of these become vector code.
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
  T PCORR;                 ///< factor of precipitation, 1 where it is not learned
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

// In every min and max what may be NaN (a parameter of the day) stands second: so it goes through.

/// x^e of a positive normal number given log2 x. Below the smallest number: the smallest (as good as 0 here).
template <class T>
DPL_HOST_DEVICE T power_of(T log2_x, T exponent) {
  return exp2_of(larger(T(-1022.0), T(exponent * log2_x)));
}
DPL_HOST_DEVICE float power_of(float log2_x, float exponent) { return exp2_of(larger(-126.0f, exponent * log2_x)); }

/// Snow: everything up to the water that reaches the soil. P = PCORR times what is given; rain = P if T >= TT else 0; melt = min(max(CFMAX (T - TT),
/// 0), SP); refreezing = min(max(CFR CFMAX (TT - T), 0), MW); to the soil: max(MW - CWH SP, 0).
template <class T>
struct HbvSnow {
  T given;                              ///< precipitation before its correction
  T warmth;                             ///< T - TT
  T potential_melt, before_melt;        ///< min of these melts
  T potential_freeze, before_freeze;    ///< min of these freezes again
  T excess;                             ///< MW - CWH SP
  T SP, MW, water;                      ///< at the end of the day; rain + water that leaves the snow
};

template <class T>
DPL_HOST_DEVICE HbvSnow<T> hbv_snow(const HbvCell<T>& c, T SP, T MW, T given, T temperature) {
  HbvSnow<T> r;
  r.given = given;
  const T precipitation = c.PCORR * given;
  r.warmth = temperature - c.TT;
  const T rain = select(c.TT <= temperature, precipitation, T(0));
  r.before_melt = SP + (precipitation - rain);
  r.potential_melt = larger(T(0), T(c.CFMAX * r.warmth));
  const T melt = smaller(r.before_melt, r.potential_melt);
  r.before_freeze = MW + melt;
  r.potential_freeze = larger(T(0), T(-(c.refreezing * r.warmth)));
  const T freeze = smaller(r.before_freeze, r.potential_freeze);
  r.SP = (r.before_melt - melt) + freeze;
  const T liquid = r.before_freeze - freeze;
  r.excess = liquid - c.CWH * r.SP;
  const T to_soil = larger(T(0), r.excess);
  r.MW = liquid - to_soil;
  r.water = rain + to_soil;
  return r;
}

/// What drains from the soil. rech = water clamp((SM/FC)^BETA, 0, 1); exc = max(SM - FC, 0).
template <class T>
struct HbvDrainage {
  T excess;                     ///< SM - FC with the water that stays
  T SM, recharge;               ///< after exc; rech + exc
};

template <class T>
DPL_HOST_DEVICE HbvDrainage<T> hbv_drainage(const HbvCell<T>& c, T SM, T water, T recharge_share) {
  HbvDrainage<T> r;
  const T rech = water * smaller(T(1), recharge_share);
  const T filled = (SM + water) - rech;
  r.excess = filled - c.FC;
  const T exc = larger(T(0), r.excess);
  r.recharge = rech + exc;
  r.SM = filled - exc;
  return r;
}

/// Powers of the day: (SM / FC)^BETA of the day before ...
template <class T>
DPL_HOST_DEVICE void hbv_wetness(const HbvCell<T>& c, T SM, HbvPowers<T>& powers) {
  powers.log2_wetness = log2_of(T(SM * c.inverse_FC));
  powers.recharge_share = power_of(powers.log2_wetness, c.BETA);
}

/// ... and e^BETAET, e = clamp(SM / (LP FC), 0, 1), of the drained soil.
template <class Form, class T>
DPL_HOST_DEVICE void hbv_dryness(const HbvCell<T>& c, T drained, HbvPowers<T>& powers) {
  const T e = smaller(T(1), T(drained * c.inverse_LP_FC));
  powers.log2_dryness = T(0);
  powers.evaporation = e;
  if constexpr (Form::kExponent) {
    powers.log2_dryness = log2_of(e);
    powers.evaporation = power_of(powers.log2_dryness, c.BETAET);
  }
}

/// What evaporates and what rises. ET = min(SM, PET e^BETAET); SM = max(SM - ET, 1e-5);
/// cap = min(SLZ, C SLZ (1 - min(SM / FC, 1))); SLZ = max(SLZ - cap, 1e-5).
template <class T>
struct HbvSoil {
  T demand, ET, left;           ///< PET e^BETAET, what evaporates, SM - ET
  T evaporated;                 ///< left, at least the floor
  T wetness, rise_share, wanted_rise, rise;   ///< SM / FC, C (1 - min(SM / FC, 1)), its product with SLZ, cap
  T SLZ_left;                   ///< SLZ - cap
  T SM, SLZ;                    ///< after all this
};

template <class Form, class T>
DPL_HOST_DEVICE HbvSoil<T> hbv_soil(const HbvCell<T>& c, T drained, T SLZ, T pet, T evaporation) {
  HbvSoil<T> r;
  r.demand = pet * evaporation;
  r.ET = smaller(drained, r.demand);
  r.left = drained - r.ET;
  r.evaporated = larger(T(kSmallestMoisture), r.left);
  r.SM = r.evaporated;
  r.SLZ = SLZ;
  if constexpr (Form::kCapillary) {
    r.wetness = r.evaporated * c.inverse_FC;
    r.rise_share = c.C * (T(1) - smaller(T(1), r.wetness));
    r.wanted_rise = r.rise_share * SLZ;
    r.rise = smaller(SLZ, r.wanted_rise);
    r.SM = r.evaporated + r.rise;  // not below its floor: cap >= 0
    r.SLZ_left = SLZ - r.rise;
    r.SLZ = larger(T(kSmallestMoisture), r.SLZ_left);
  }
  return r;
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
  const T perc = smaller(r.filled, c.PERC);
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

/// Water that the floors of the soil and the lower zone make, and LF as far as there was water to take.
template <class Form, class T>
DPL_HOST_DEVICE T hbv_water_made(const HbvCell<T>& c, const HbvSoil<T>& soil, const HbvZones<T>& zones) {
  T made = soil.evaporated - soil.left;
  if constexpr (Form::kCapillary) made = made + (soil.SLZ - soil.SLZ_left);
  if constexpr (Form::kExchange) made = made + (c.LF + (zones.SLZ_2 - zones.exchanged));
  return made;
}

/// One day. @param powers is filled. Valid for states >= 0, SM >= 1e-6, precipitation and PET >= 0, parameters in their
/// ranges.
template <class Form, class T>
DPL_HOST_DEVICE HbvStep<T> hbv_step(const HbvCell<T>& c, const HbvState<T>& s, const HbvForcing<T>& f,
                                    HbvPowers<T>& powers) {
  const HbvSnow<T> snow = hbv_snow(c, s.SP, s.MW, f.precipitation, f.temperature);
  hbv_wetness(c, s.SM, powers);
  const HbvDrainage<T> drainage = hbv_drainage(c, s.SM, snow.water, powers.recharge_share);
  hbv_dryness<Form>(c, drainage.SM, powers);
  const HbvSoil<T> soil = hbv_soil<Form>(c, drainage.SM, s.SLZ, f.pet, powers.evaporation);
  const HbvZones<T> zones = hbv_zones<Form>(c, s.SUZ, soil.SLZ, drainage.recharge);
  return {{snow.SP, snow.MW, soil.SM, zones.SUZ, zones.SLZ}, zones.runoff, soil.ET, drainage.recharge,
          hbv_water_made<Form>(c, soil, zones)};
}

/// Adjoints of what a day reads of its cell; those of 1/FC and 1/(LP FC) per natural logarithm.
template <class T>
struct HbvCellAdjoint {
  T BETA, FC, log_inverse_FC, log_inverse_LP_FC, K0, K1, K2, PERC, UZL, TT, CFMAX, refreezing, CWH, BETAET, C, LF, PCORR;
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

// The parts of hbv_step backward, in the opposite order; each adds to what it names of HbvStepAdjoint.

template <class T>
struct HbvZonesAdjoint {
  T filled, SLZ;            ///< of SUZ and of the recharge (the same); of SLZ before
  T K0, K1, K2, PERC, UZL, LF;
};

template <class Form, class T>
DPL_HOST_DEVICE HbvZonesAdjoint<T> hbv_zones_adjoint(const HbvCell<T>& c, const HbvZones<T>& z, T runoff, T SUZ,
                                                     T SLZ) {
  HbvZonesAdjoint<T> a;
  const T Q2 = runoff - SLZ;
  a.K2 = Q2 * z.SLZ_2;
  a.SLZ = SLZ + c.K2 * Q2;
  a.LF = T(0);
  if constexpr (Form::kExchange) {
    a.SLZ = select(z.exchanged > T(0), a.SLZ, T(0));
    a.LF = a.SLZ;
  }
  const T Q1 = runoff - SUZ;
  a.K1 = Q1 * z.SUZ_1;
  const T SUZ_1 = SUZ + c.K1 * Q1;
  const T Q0 = runoff - SUZ_1;
  a.K0 = Q0 * larger(T(0), z.over);
  const T over = select(z.over > T(0), T(Q0 * c.K0), T(0));
  a.UZL = -over;
  const T percolated = SUZ_1 + over;
  const T perc = a.SLZ - percolated;
  const T all = select(z.filled < c.PERC, perc, T(0));  // everything percolates
  a.PERC = perc - all;
  a.filled = percolated + all;
  return a;
}

template <class T>
struct HbvSoilAdjoint {
  T drained, SLZ;           ///< of SM of the drained soil, of SLZ before
  T log_inverse_FC, log_inverse_LP_FC, BETAET, C;
};

/// @param ET, SM, SLZ adjoints of what hbv_soil gave. Derivatives of a power x^y: y x^y per ln x, ln x x^y per y.
template <class Form, class T>
DPL_HOST_DEVICE HbvSoilAdjoint<T> hbv_soil_adjoint(const HbvCell<T>& c, const HbvSoil<T>& r, T drained_SM, T SLZ_before,
                                                   T log2_dryness, T ET, T SM, T SLZ) {
  HbvSoilAdjoint<T> a;
  a.C = a.log_inverse_FC = a.BETAET = T(0);
  T evaporated = SM;
  a.SLZ = SLZ;
  if constexpr (Form::kCapillary) {
    const T SLZ_left = select(r.SLZ_left > T(kSmallestMoisture), SLZ, T(0));
    const T rise = SM - SLZ_left;
    const T wanted = select(r.wanted_rise <= SLZ_before, rise, T(0));
    a.SLZ = (SLZ_left + (rise - wanted)) + wanted * r.rise_share;
    const T share = wanted * SLZ_before;
    a.C = share * (T(1) - smaller(T(1), r.wetness));
    const T wetness = select(r.wetness < T(1), T(-(share * c.C)), T(0));
    a.log_inverse_FC = wetness * r.wetness;
    evaporated = SM + wetness * c.inverse_FC;
  }
  const T left = select(r.left > T(kSmallestMoisture), evaporated, T(0));
  const T evaporates = ET - left;
  const T demand = select(r.demand <= drained_SM, evaporates, T(0));
  T by_log = demand * r.demand;  // adjoint of e^BETAET, times e^BETAET
  if constexpr (Form::kExponent) {
    a.BETAET = by_log * (log2_dryness * T(0.693147180559945309417));
    by_log = by_log * c.BETAET;
  }
  a.log_inverse_LP_FC = select(drained_SM * c.inverse_LP_FC < T(1), by_log, T(0));
  a.drained = (left + (evaporates - demand)) + a.log_inverse_LP_FC / drained_SM;
  return a;
}

template <class T>
struct HbvDrainageAdjoint {
  T SM, water;
  T BETA, FC, log_inverse_FC;
};

/// @param drained, recharge adjoints of what hbv_drainage gave.
template <class T>
DPL_HOST_DEVICE HbvDrainageAdjoint<T> hbv_drainage_adjoint(const HbvCell<T>& c, const HbvDrainage<T>& r, T SM, T water,
                                                           const HbvPowers<T>& powers, T drained, T recharge) {
  HbvDrainageAdjoint<T> a;
  const T exc = select(r.excess > T(0), T(recharge - drained), T(0));
  a.FC = -exc;
  const T filled = drained + exc;
  const T rech = recharge - filled;
  const T share = select(powers.recharge_share < T(1), T(rech * water * powers.recharge_share), T(0));
  a.BETA = share * (powers.log2_wetness * T(0.693147180559945309417));
  a.log_inverse_FC = share * c.BETA;
  a.SM = filled + a.log_inverse_FC / SM;
  a.water = filled + rech * smaller(T(1), powers.recharge_share);
  return a;
}

template <class T>
struct HbvSnowAdjoint {
  T SP, MW;
  T TT, CFMAX, refreezing, CWH, PCORR;
};

/// @param water, SP, MW adjoints of what hbv_snow gave.
template <class T>
DPL_HOST_DEVICE HbvSnowAdjoint<T> hbv_snow_adjoint(const HbvCell<T>& c, const HbvSnow<T>& r, T water, T SP, T MW) {
  HbvSnowAdjoint<T> a;
  const T leaves = select(r.excess > T(0), T(water - MW), T(0));
  const T liquid = MW + leaves;
  const T frozen = SP - c.CWH * leaves;
  a.CWH = -(leaves * r.SP);
  const T freeze = frozen - liquid;
  const T potential_freeze = select(r.potential_freeze <= r.before_freeze, freeze, T(0));
  a.MW = liquid + (freeze - potential_freeze);
  const T melt = a.MW - frozen;
  const T potential_melt = select(r.potential_melt <= r.before_melt, melt, T(0));
  a.SP = frozen + (melt - potential_melt);
  // Of the potentials CFMAX (T - TT) and CFR CFMAX (TT - T) one at most is above 0.
  const T by_melt = select(r.warmth > T(0), potential_melt, T(0));
  const T by_freeze = select(r.warmth < T(0), potential_freeze, T(0));
  a.CFMAX = by_melt * r.warmth;
  a.refreezing = -(by_freeze * r.warmth);
  a.TT = by_freeze * c.refreezing - by_melt * c.CFMAX;
  a.PCORR = r.given * select(r.warmth >= T(0), water, a.SP);  // rain or snow
  return a;
}

/// Adjoint of hbv_step; `powers` as it left them. Where the two arguments of a min or max are equal, and at the ends of
/// a clamp, the derivative is that of one side (docs/runoff.md).
template <class Form, class T>
DPL_HOST_DEVICE HbvStepAdjoint<T> hbv_step_adjoint(const HbvCell<T>& c, const HbvState<T>& s, const HbvForcing<T>& f,
                                                   const HbvPowers<T>& powers, const HbvSeed<T>& seed) {
  const HbvSnow<T> snow = hbv_snow(c, s.SP, s.MW, f.precipitation, f.temperature);
  const HbvDrainage<T> drainage = hbv_drainage(c, s.SM, snow.water, powers.recharge_share);
  const HbvSoil<T> soil = hbv_soil<Form>(c, drainage.SM, s.SLZ, f.pet, powers.evaporation);
  const HbvZones<T> zones = hbv_zones<Form>(c, s.SUZ, soil.SLZ, drainage.recharge);

  const auto z = hbv_zones_adjoint<Form>(c, zones, seed.runoff, seed.state.SUZ, seed.state.SLZ);
  const auto e = hbv_soil_adjoint<Form>(c, soil, drainage.SM, s.SLZ, powers.log2_dryness, seed.evapotranspiration,
                                        seed.state.SM, z.SLZ);
  const auto d = hbv_drainage_adjoint(c, drainage, s.SM, snow.water, powers, e.drained, T(z.filled + seed.recharge));
  const auto n = hbv_snow_adjoint(c, snow, d.water, seed.state.SP, seed.state.MW);
  return {{n.SP, n.MW, d.SM, z.filled, e.SLZ},
          {d.BETA, d.FC, d.log_inverse_FC + e.log_inverse_FC, e.log_inverse_LP_FC, z.K0, z.K1, z.K2, z.PERC, z.UZL,
           n.TT, n.CFMAX, n.refreezing, n.CWH, e.BETAET, e.C, z.LF, n.PCORR}};
}

/// Physical parameters of a column (those that a variant lacks are not used).
template <class T>
struct HbvParameters {
  T BETA, FC, K0, K1, K2, LP, PERC, UZL, TT, CFMAX, CFR, CWH, BETAET, C, RT, AC, PCORR;
};

/// From this elevation [m] on the threshold TT of 2.0 is kHighThreshold [degC].
inline constexpr double kHighElevation = 2000, kHighThreshold = 4;
/// From this area [km2] on the exchange of 2.0 fades out instead of depending on AC.
inline constexpr double kLargeArea = 2500;

/// Share of RT that is exchanged: clamp((Ac - AC) / 1000, -1, 1) below kLargeArea, else exp(clamp(-(Ac - 2500) / 50,
/// -10, 0)).
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
               p.CFR * p.CFMAX, p.CWH, p.BETAET, p.C, T(0), p.PCORR};
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
                     T(0), T(0), a.PCORR};
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
