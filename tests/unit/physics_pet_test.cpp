// Test of potential evapotranspiration against published figures and values worked by hand.
#include <cmath>

#include <gtest/gtest.h>

#include "dpl/physics/pet.hpp"
#include "tests/support/message_of.hpp"

namespace dpl {
namespace {

// FAO-56, example 8: 20 degrees south, 3 September (day 246): 32.2 MJ m-2 day-1.
TEST(Pet, RadiationOfFao56Example8) { EXPECT_NEAR(extraterrestrial_radiation(-20, 246), 32.2, 0.05); }

// At the equator the day has 12 hours: Ra = 24 60 / pi 0.0820 d_r cos(declination). Day 81: the declination is 0.
TEST(Pet, RadiationByHand) {
  const double angle = 2 * M_PI * 81 / 365, declination = 0.409 * std::sin(angle - 1.39);
  EXPECT_NEAR(declination, 0, 0.002);
  EXPECT_NEAR(extraterrestrial_radiation(0, 81),
              24 * 60 / M_PI * 0.0820 * (1 + 0.033 * std::cos(angle)) * std::cos(declination), 1e-12);
  EXPECT_NEAR(extraterrestrial_radiation(0, 81), 37.8, 0.05);
  EXPECT_EQ(extraterrestrial_radiation(80, 1), 0);    // polar night
  EXPECT_EQ(extraterrestrial_radiation(-80, 172), 0);
  // Polar day: the sun is up all day, Ra = 24 60 0.0820 d_r sin(latitude) sin(declination).
  const double summer = 0.409 * std::sin(2 * M_PI * 172 / 365 - 1.39);
  EXPECT_NEAR(
      extraterrestrial_radiation(80, 172),
      24 * 60 * 0.0820 * (1 + 0.033 * std::cos(2 * M_PI * 172 / 365)) * std::sin(80 * M_PI / 180) * std::sin(summer),
      1e-12);
  for (int day = 1; day <= 366; ++day)
    for (double latitude : {-90.0, -66.0, 0.0, 66.0, 90.0}) {
      EXPECT_GE(extraterrestrial_radiation(latitude, day), 0);
      EXPECT_LT(extraterrestrial_radiation(latitude, day), 50);
    }
}

// FAO-56, example 20: Lyon (45 deg 43' N) in July, 14.8 to 26.6 degC, Ra 40.6 MJ m-2 day-1: 5.0 mm/day.
TEST(Pet, HargreavesOfFao56Example20) {
  EXPECT_NEAR(extraterrestrial_radiation(45 + 43.0 / 60, 196), 40.6, 0.1);
  EXPECT_NEAR(hargreaves_pet(20.7, 14.8, 26.6, 40.6), 5.0, 0.05);
  EXPECT_NEAR(hargreaves_pet(20.7, 14.8, 26.6, 40.6), 0.0023 * 38.5 * std::sqrt(11.8) * 0.408 * 40.6, 1e-12);
  EXPECT_EQ(hargreaves_pet(-20, -25, -15, 10), 0);
  EXPECT_EQ(hargreaves_pet(10, 12, 8, 30), 0);
}

// 24.5 MJ m-2 day-1 are 10 mm/day of latent heat; at 15 degC a fifth of it, at -5 degC nothing.
TEST(Pet, OudinByHand) {
  EXPECT_NEAR(oudin_pet(15, 24.5), 2, 1e-14);
  EXPECT_NEAR(oudin_pet(95, 24.5), 10, 1e-14);
  EXPECT_EQ(oudin_pet(-5, 24.5), 0);
  EXPECT_EQ(oudin_pet(-30, 24.5), 0);
}

TEST(Pet, Names) {
  EXPECT_EQ(pet_method_from_name("oudin"), PetMethod::oudin);
  EXPECT_STREQ(pet_method_name(PetMethod::hargreaves), "hargreaves");
  EXPECT_EQ(message_of([] { pet_method_from_name("penman"); }),
            "potential evapotranspiration \"penman\" is not known; allowed: hargreaves, oudin");
  for (const auto& name : pet_method_names()) EXPECT_EQ(pet_method_name(pet_method_from_name(name)), name);
}

}  // namespace
}  // namespace dpl
