// The tables of the runoff model: variants, parameters, outputs.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "dpl/base/error.hpp"
#include "dpl/physics/runoff.hpp"

namespace dpl {
namespace {

struct VariantRow {
  const char* name;
  RunoffVariant variant;
  int parameters;                       // of kParameters, from the first
  Index components;
  std::array<const char*, 3> dynamic;   // may be dynamic; empty places last
};

constexpr std::array<VariantRow, 3> kVariants{{{"1.0", RunoffVariant::hbv_1_0, 12, 16, {"BETA", "BETAET"}},
                                               {"1.1p", RunoffVariant::hbv_1_1p, 14, 16, {"BETA", "K0", "BETAET"}},
                                               {"2.0", RunoffVariant::hbv_2_0, 16, 4, {"BETA", "K0", "BETAET"}}}};

constexpr std::array<RunoffParameter, 16> kParameters{{{"BETA", "1", 1, 6},
                                                       {"FC", "mm", 50, 1000},
                                                       {"K0", "1/day", 0.05, 0.9},
                                                       {"K1", "1/day", 0.01, 0.5},
                                                       {"K2", "1/day", 0.001, 0.2},
                                                       {"LP", "1", 0.2, 1},
                                                       {"PERC", "mm/day", 0, 10},
                                                       {"UZL", "mm", 0, 100},
                                                       {"TT", "degC", -2.5, 2.5},
                                                       {"CFMAX", "mm/degC/day", 0.5, 10},
                                                       {"CFR", "1", 0, 0.1},
                                                       {"CWH", "1", 0, 0.2},
                                                       {"BETAET", "1", 0.3, 5},
                                                       {"C", "1", 0, 1},
                                                       {"RT", "mm/day", 0, 20},
                                                       {"AC", "km2", 0, 2500}}};
constexpr int kBetaEt = 12;

constexpr std::array<RunoffOutputInfo, kRunoffOutputs> kOutputs{{
    {"evapotranspiration", "mm day-1", "", "actual evapotranspiration"},
    {"soil_moisture", "mm", "", "water in the soil (HBV's SM) at the end of the day"},
    {"soil_wetness", "1", "", "water in the soil over field capacity (SM / FC) at the end of the day"},
    {"snow_water", "mm", "", "snow and the liquid water in it at the end of the day"},
    {"recharge", "mm day-1", "", "water from the soil to the upper zone"},
    {"upper_zone_storage", "mm", "", "water in the upper zone (SUZ) at the end of the day"},
    {"lower_zone_storage", "mm", "", "water in the lower zone (SLZ) at the end of the day"},
    {"water_made", "mm day-1", "", "water made by the floors of the storages and by exchange between catchments"}}};

const VariantRow& row_of(RunoffVariant variant) { return kVariants[static_cast<std::size_t>(variant)]; }

template <class Names>
std::string listed(const Names& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace

RunoffVariant runoff_variant_from_name(const std::string& name) {
  for (const VariantRow& row : kVariants)
    if (name == row.name) return row.variant;
  fail("runoff variant \"{}\" is not known; allowed: {}", name, listed(runoff_variant_names()));
}

const char* runoff_variant_name(RunoffVariant variant) { return row_of(variant).name; }

std::vector<std::string> runoff_variant_names() {
  std::vector<std::string> names;
  for (const VariantRow& row : kVariants) names.emplace_back(row.name);
  return names;
}

Index usual_components(RunoffVariant variant) { return row_of(variant).components; }

std::vector<std::string> dynamic_runoff_parameters(RunoffVariant variant) {
  std::vector<std::string> names;
  for (const char* name : row_of(variant).dynamic)
    if (name) names.emplace_back(name);
  return names;
}

std::vector<RunoffParameter> runoff_parameters(RunoffVariant variant, const std::vector<std::string>& dynamic,
                                               const std::vector<double>& factor) {
  const VariantRow& row = row_of(variant);
  const auto allowed = dynamic_runoff_parameters(variant);
  int n = row.parameters;
  for (std::size_t k = 0; k < dynamic.size(); ++k) {
    const std::string& name = dynamic[k];
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
      fail("runoff.dynamic: \"{}\" cannot be dynamic in variant {}; allowed: {}", name, row.name, listed(allowed));
    if (std::find(dynamic.begin(), dynamic.begin() + static_cast<std::ptrdiff_t>(k), name) !=
        dynamic.begin() + static_cast<std::ptrdiff_t>(k))
      fail("runoff.dynamic: \"{}\" is given twice", name);
    if (name == kParameters[kBetaEt].name) n = std::max(n, kBetaEt + 1);
  }
  std::vector<RunoffParameter> parameters{kParameters.begin(), kParameters.begin() + n};
  if (factor.empty()) return parameters;
  if (factor.size() != 2 || !(factor[0] > 0 && factor[0] <= 1 && factor[1] >= 1 && factor[1] <= 10 && factor[0] < factor[1]))
    fail("runoff.precipitation_factor: [{}] is not a range; allowed: two numbers, from above 0 to 1 and from 1 to 10, or none",
         fmt::join(factor, ", "));
  parameters.push_back({"PCORR", "1", factor[0], factor[1]});
  return parameters;
}

const RunoffOutputInfo& runoff_output_info(RunoffOutput output) { return kOutputs[static_cast<std::size_t>(output)]; }

RunoffOutput runoff_output_from_name(const std::string& name) {
  for (std::size_t k = 0; k < kOutputs.size(); ++k)
    if (name == kOutputs[k].name) return static_cast<RunoffOutput>(k);
  fail("runoff output \"{}\" is not known; allowed: {}", name, listed(runoff_output_names()));
}

std::vector<std::string> runoff_output_names() {
  std::vector<std::string> names;
  for (const RunoffOutputInfo& info : kOutputs) names.emplace_back(info.name);
  return names;
}

}  // namespace dpl
