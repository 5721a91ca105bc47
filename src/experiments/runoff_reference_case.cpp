// Reads a reference file of the runoff model.
#include "dpl/experiments/runoff_reference_case.hpp"

#include <cmath>

#include "dpl/experiments/reference_reader.hpp"

namespace dpl {
namespace {

using Reader = ReferenceReader;

// A series of the inputs, one value a day.
std::vector<double> forcing(const Reader& inputs, const std::string& path, const char* name, std::size_t days,
                            bool negative_too) {
  auto values = inputs.array(name, days);
  for (std::size_t t = 0; t < days; ++t)
    if (!std::isfinite(values[t]) || (!negative_too && values[t] < 0))
      fail("{}: field inputs.{} of day {} is {}, allowed: finite{}", path, name, t, values[t],
           negative_too ? "" : " and from 0");
  return values;
}

double position(const Reader& parameters, const std::string& path, const char* name) {
  const double value = parameters.get<double>(name);
  if (!(value >= 0 && value <= 1))
    fail("{}: field inputs.normalised_parameters.{} is {}, allowed: 0 to 1", path, name, value);
  return value;
}

void read_inputs(const Reader& inputs, const std::string& path, RunoffReferenceCase& c) {
  const std::size_t days = inputs.get<std::vector<double>>("precipitation_mm_day").size();
  if (days == 0) fail("{}: field inputs.precipitation_mm_day has no days", path);
  c.precipitation_mm_day = forcing(inputs, path, "precipitation_mm_day", days, false);
  c.temperature_degc = forcing(inputs, path, "temperature_degC", days, true);
  c.pet_mm_day = forcing(inputs, path, "pet_mm_day", days, false);
  if (c.options.variant == RunoffVariant::hbv_2_0) {
    c.options.area_km2 = {inputs.get<double>("area_km2")};
    c.options.elevation_m = {inputs.get<double>("elevation_m")};
  }
  const Reader parameters = inputs.section("normalised_parameters");
  for (const RunoffParameter& p : runoff_parameters(c.options.variant))
    c.positions.push_back(position(parameters, path, p.name));
  c.route_a = position(parameters, path, "route_a");
  c.route_b = position(parameters, path, "route_b");
}

void read_expected(const Reader& expected, RunoffReferenceCase& c) {
  const std::size_t days = c.precipitation_mm_day.size();
  c.runoff = expected.array("runoff_mm_day", days);
  c.evapotranspiration = expected.array("evapotranspiration_mm_day", days);
  c.routed_runoff = expected.array("routed_runoff_mm_day", days);
  c.states = expected.table("states_SP_MW_SM_SUZ_SLZ_mm", 5);
  if (c.states.size() != days)
    fail("{}: field expected.states_SP_MW_SM_SUZ_SLZ_mm has {} rows, {} are needed", c.path, c.states.size(), days);
  c.J = expected.get<double>("J");
  const Reader gradient = expected.section("dJ_dnormalised_parameter");
  for (const RunoffParameter& p : runoff_parameters(c.options.variant))
    c.gradient.push_back(gradient.get<double>(p.name));
  c.gradient.push_back(gradient.get<double>("route_a"));
  c.gradient.push_back(gradient.get<double>("route_b"));
}

}  // namespace

bool is_runoff_case(const std::string& path) {
  const auto json = parse_reference_file(path);
  return ReferenceReader(path, json, "").has("variant");
}

RunoffReferenceCase read_runoff_reference_case(const std::string& path) {
  const auto json = parse_reference_file(path);
  const Reader file(path, json, "");
  RunoffReferenceCase c;
  c.path = path;
  c.name = file.get_or<std::string>("name", path);
  try {
    c.options.variant = runoff_variant_from_name(file.get<std::string>("variant"));
  } catch (const Error& problem) {
    if (std::string(problem.what()).starts_with(path)) throw;
    fail("{}: field variant: {}", path, problem.what());
  }
  c.options.catchments = 1;
  c.options.components = 1;
  read_inputs(file.section("inputs"), path, c);
  read_expected(file.section("expected"), c);
  return c;
}

}  // namespace dpl
