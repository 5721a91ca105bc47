// Potential evapotranspiration from temperature.
#include "dpl/physics/pet.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

struct MethodRow {
  const char* name;
  PetMethod method;
  const char* source;
};

constexpr std::array<MethodRow, 2> kMethods{
    {{"hargreaves", PetMethod::hargreaves,
      "Hargreaves and Samani 1985, radiation of Allen et al. 1998 (FAO-56, equations 21, 52)"},
     {"oudin", PetMethod::oudin, "Oudin et al. 2005, radiation of Allen et al. 1998 (FAO-56, equation 21)"}}};

constexpr double kSolarConstant = 0.0820;  // MJ m-2 min-1
constexpr double kLatentHeat = 2.45;       // MJ kg-1
constexpr double kWaterOfEnergy = 0.408;   // mm m2 MJ-1, 1 / 2.45 as FAO-56 rounds it

}  // namespace

PetMethod pet_method_from_name(const std::string& name) {
  std::string all;
  for (const MethodRow& row : kMethods) {
    if (name == row.name) return row.method;
    all += (all.empty() ? "" : ", ") + std::string(row.name);
  }
  fail("potential evapotranspiration \"{}\" is not known; allowed: {}", name, all);
}

const char* pet_method_name(PetMethod method) { return kMethods[static_cast<std::size_t>(method)].name; }
const char* pet_method_source(PetMethod method) { return kMethods[static_cast<std::size_t>(method)].source; }

std::vector<std::string> pet_method_names() {
  std::vector<std::string> names;
  for (const MethodRow& row : kMethods) names.emplace_back(row.name);
  return names;
}

double extraterrestrial_radiation(double latitude_deg, int day_of_year) {
  constexpr double pi = std::numbers::pi;
  const double latitude = latitude_deg * pi / 180, angle = 2 * pi * day_of_year / 365;
  const double inverse_distance = 1 + 0.033 * std::cos(angle);
  const double declination = 0.409 * std::sin(angle - 1.39);
  const double sunset = std::acos(std::clamp(-std::tan(latitude) * std::tan(declination), -1.0, 1.0));
  const double of_day = sunset * std::sin(latitude) * std::sin(declination) +
                        std::cos(latitude) * std::cos(declination) * std::sin(sunset);
  return std::max(0.0, 24 * 60 / pi * kSolarConstant * inverse_distance * of_day);
}

double hargreaves_pet(double temperature_degc, double lowest_degc, double highest_degc, double radiation_mj_m2_day) {
  const double range = std::max(0.0, highest_degc - lowest_degc);
  return 0.0023 * std::max(0.0, temperature_degc + 17.8) * std::sqrt(range) * kWaterOfEnergy * radiation_mj_m2_day;
}

double oudin_pet(double temperature_degc, double radiation_mj_m2_day) {
  return radiation_mj_m2_day / kLatentHeat * std::max(0.0, temperature_degc + 5) / 100;
}

}  // namespace dpl
