// Potential evapotranspiration of a day where a data set has none: Hargreaves or Oudin, from temperature and the
// radiation at the top of the atmosphere.
#pragma once

#include <string>
#include <vector>

namespace dpl {

enum class PetMethod { hargreaves, oudin };

/// Throws Error naming all.
PetMethod pet_method_from_name(const std::string& name);
const char* pet_method_name(PetMethod method);
std::vector<std::string> pet_method_names();
/// The equation's source, for the attributes of an output file.
const char* pet_method_source(PetMethod method);

/// Extraterrestrial radiation Ra [MJ m-2 day-1]: Allen et al. 1998 (FAO-56), equations 21 and 23 to 25, with 365 days a
/// year.
/// @param latitude_deg -90 .. 90  @param day_of_year 1 .. 366. Polar night 0, polar day the whole day.
double extraterrestrial_radiation(double latitude_deg, int day_of_year);

/// Hargreaves and Samani 1985 in the form of FAO-56 equation 52: 0.0023 (T + 17.8) sqrt(Tmax - Tmin) 0.408 Ra [mm/day];
/// 0 where T < -17.8 degC, and where Tmax < Tmin.
/// @param temperature_degc T, mean of the day  @param radiation_mj_m2_day Ra
double hargreaves_pet(double temperature_degc, double lowest_degc, double highest_degc, double radiation_mj_m2_day);

/// Oudin et al. 2005 (J. Hydrology 303) with K1 = 100, K2 = 5: Ra / 2.45 (T + 5) / 100 [mm/day]; 0 where T < -5 degC.
/// 2.45 MJ/kg: latent heat of evaporation.
double oudin_pet(double temperature_degc, double radiation_mj_m2_day);

}  // namespace dpl
