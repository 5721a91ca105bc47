// HBV written down from method section 3 once more, slowly and plainly, for any number type: what runoff is tested
// against.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/adjoint_comparison.hpp"
#include "tests/support/dual.hpp"

namespace dpl::test {

/// One column over a window. Parameters in the order BETA FC K0 K1 K2 LP PERC UZL TT CFMAX CFR CWH BETAET C RT AC.
template <class T>
struct PlainColumn {
  std::string variant;
  bool dynamic_exponent = false;   ///< 1.0 with BETAET
  double area_km2 = 0, elevation_m = 0;
  T SP = T(0.001), MW = T(0.001), SM = T(0.001), SUZ = T(0.001), SLZ = T(0.001);
  T runoff{}, ET{}, recharge{};
  double made = 0;                 ///< by floors, and LF

  static T most(const T& a, const T& b) { return a < b ? b : a; }
  static T least(const T& a, const T& b) { return b < a ? b : a; }
  static T between(const T& x, double low, double high) { return most(T(low), least(T(high), x)); }
  T floored(const T& x, double low) {
    if (value_of(x) < low) made += low - value_of(x);
    return most(T(low), x);
  }

  /// @param P after its correction
  void day(const std::vector<T>& p, const T& P, double temperature, double PET) {
    const T BETA = p[0], FC = p[1], K0 = p[2], K1 = p[3], K2 = p[4], LP = p[5], PERC = p[6], UZL = p[7], CFMAX = p[9],
            CFR = p[10], CWH = p[11];
    const bool two = variant == "2.0", more = two || variant == "1.1p";
    const T TT = two && elevation_m >= 2000 ? T(4.0) : p[8];
    const T t(temperature), zero(0.0);
    made = 0;
    const T rain = temperature >= value_of(TT) ? P : zero, snow = P - rain;
    SP = SP + snow;
    const T melt = least(most(CFMAX * (t - TT), zero), SP);
    MW = MW + melt;
    SP = SP - melt;
    const T freeze = least(most(CFR * CFMAX * (TT - t), zero), MW);
    SP = SP + freeze;
    MW = MW - freeze;
    const T to_soil = most(MW - CWH * SP, zero);
    MW = MW - to_soil;
    const T rech = (rain + to_soil) * between(power(SM / FC, BETA), 0, 1);
    SM = SM + rain + to_soil - rech;
    const T exc = most(SM - FC, zero);
    SM = SM - exc;
    T e = between(SM / (LP * FC), 0, 1);
    if (more || dynamic_exponent) e = power(e, p[12]);
    ET = least(SM, T(PET) * e);
    SM = floored(SM - ET, 1e-5);
    if (more) {
      const T cap = least(SLZ, p[13] * SLZ * (T(1.0) - least(SM / FC, T(1.0))));
      SM = floored(SM + cap, 1e-5);
      SLZ = floored(SLZ - cap, 1e-5);
    }
    recharge = rech + exc;
    SUZ = SUZ + recharge;
    const T perc = least(SUZ, PERC);
    SUZ = SUZ - perc;
    const T Q0 = K0 * most(SUZ - UZL, zero);
    SUZ = SUZ - Q0;
    const T Q1 = K1 * SUZ;
    SUZ = SUZ - Q1;
    SLZ = SLZ + perc;
    if (two) {
      const T RT = p[14], AC = p[15];
      const T LF = area_km2 < 2500 ? RT * between((T(area_km2) - AC) / T(1000.0), -1, 1)
                                   : RT * T(std::exp(std::clamp(-(area_km2 - 2500) / 50, -10.0, 0.0)));
      made += value_of(LF);
      SLZ = floored(SLZ + LF, 0);
    }
    const T Q2 = K2 * SLZ;
    SLZ = SLZ - Q2;
    runoff = Q0 + Q1 + Q2;
  }
};

}  // namespace dpl::test
