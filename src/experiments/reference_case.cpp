// Reads a reference file.
#include "dpl/experiments/reference_case.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "dpl/base/error.hpp"
#include "dpl/experiments/reference_reader.hpp"

namespace dpl {
namespace {

using Reader = ReferenceReader;

// The scheme by its formulas where the file states them, else by its name.
void read_scheme(const Reader& scheme, const std::string& path, RoutingOptions& o) {
  const auto name = scheme.get<std::string>("name");
  o.x = scheme.get_or("X", o.x);
  o.published_epsilons = scheme.get_or("ddr_eps", true);
  o.q_min_m3s = scheme.get_or("q_min", scheme.get_or("Qmin", o.q_min_m3s));
  if (!scheme.has("celerity") || name == "conservative" || name == "muskingum") {
    try {
      o.scheme = scheme_from_name(name);
    } catch (const Error& problem) {
      fail("{}: field scheme.name: {}", path, problem.what());
    }
    return;
  }
  const auto celerity = scheme.get<std::string>("celerity"), x = scheme.get<std::string>("xscheme"),
             limit = scheme.get<std::string>("limit");
  if (celerity == "wide" && x == "constant" && limit == "none")
    o.scheme = Scheme::published;
  else if (celerity == "trapezoid" && x == "constant" && limit == "none")
    o.scheme = Scheme::exact_celerity;
  else if (celerity == "trapezoid" && x == "cunge" && limit == "none")
    o.scheme = Scheme::corrected;
  else if (celerity == "trapezoid" && x == "cunge" && limit == "positive")
    o.scheme = Scheme::positive;
  else
    fail("{}: scheme {} with celerity {}, xscheme {}, limit {} is none of published, exact_celerity, corrected, positive", path,
         name, celerity, x, limit);
}

// The network must be a forest; said here, where the file's name is known.
void read_network(const Reader& inputs, const std::string& path, ReferenceCase& c) {
  c.downstream = inputs.indices("downstream");
  if (c.downstream.empty()) fail("{}: field inputs.downstream is empty", path);
  for (Index& d : c.downstream) d = std::max(d, -1);
  std::vector<ReachId> ids(c.downstream.size());
  std::iota(ids.begin(), ids.end(), 0);
  try {
    make_topology(c.downstream, ids);
  } catch (const Error& problem) {
    fail("{}: field inputs.downstream: {}", path, problem.what());
  }
}

void read_inputs(const Reader& inputs, const std::string& path, ReferenceCase& c) {
  read_network(inputs, path, c);
  const std::size_t n = c.downstream.size();
  const bool muskingum = c.options.scheme == Scheme::muskingum;
  const auto channel = [&](const char* name) {  // length and slope mean nothing to muskingum
    return muskingum ? std::vector<double>(n, 1.0) : inputs.within(inputs.array(name, n), name, 0, true);
  };
  c.length_m = channel("length_m");
  c.slope = channel("slope");
  const std::string a = muskingum ? (inputs.has("k_s") ? "k_s" : "K_s") : "n",
                    b = muskingum ? (inputs.has("x") ? "x" : "X") : "p";
  c.a = inputs.within(inputs.array(a, n), a, 0, true);
  c.b = muskingum ? inputs.within(inputs.array(b, n), b, 0, false, 0.5) : inputs.within(inputs.array(b, n), b, 0, true);
  c.c = muskingum ? std::vector<double>(n, 0.0) : inputs.within(inputs.array("q", n), "q", 0, false);
  c.options.dt_s = inputs.get<double>("dt_s");
  if (!(c.options.dt_s > 0)) fail("{}: field inputs.dt_s is {}, allowed: above 0", path, c.options.dt_s);
  c.lateral_inflow = inputs.table("lateral_inflow_m3s", n);
  if (c.lateral_inflow.empty()) fail("{}: field inputs.lateral_inflow_m3s has no steps", path);
  // The other schemes raise it to q_min, or are linear.
  if (c.options.scheme == Scheme::conservative)
    for (const auto& row : c.lateral_inflow) inputs.within(row, "lateral_inflow_m3s", 0, false);
}

void read_expected(const Reader& expected, const std::string& path, ReferenceCase& c) {
  const std::size_t n = c.downstream.size();
  c.discharge = expected.table("discharge_m3s", n);
  const bool conservative = c.options.scheme == Scheme::conservative;
  if (conservative) c.storage = expected.table("storage_m3", n);
  const std::size_t rows = c.lateral_inflow.size() + (conservative ? 0 : 1);
  if (c.discharge.size() != rows) fail("{}: field expected.discharge_m3s has {} rows, {} are needed", path, c.discharge.size(), rows);
  if (conservative && c.storage.size() != c.lateral_inflow.size() + 1)
    fail("{}: field expected.storage_m3 has {} rows, {} are needed", path, c.storage.size(), c.lateral_inflow.size() + 1);
  const double outlet = expected.get<double>("outlet");
  if (!(outlet >= 0 && outlet < static_cast<double>(n)) || outlet != std::floor(outlet))
    fail("{}: field expected.outlet is {}, allowed: 0..{}", path, outlet, n - 1);
  c.outlet = static_cast<Index>(outlet);
  c.J = expected.get<double>("J");
  const bool muskingum = c.options.scheme == Scheme::muskingum;
  const char* names[] = {muskingum ? "dJ_dk" : "dJ_dn", muskingum ? "dJ_dx" : "dJ_dp", "dJ_dq"};
  std::vector<double>* arrays[] = {&c.dJ_da, &c.dJ_db, &c.dJ_dc};
  for (int k = 0; k < 3; ++k)
    if (expected.has(names[k]) || (!muskingum)) *arrays[k] = expected.array(names[k], n);
  if (muskingum && !expected.has("dJ_dlateral_at_step")) return;
  for (const auto& [step, values] : expected.get<std::map<std::string, std::vector<double>>>("dJ_dlateral_at_step")) {
    Count t = -1;
    const auto [end, problem] = std::from_chars(step.data(), step.data() + step.size(), t);
    if (problem != std::errc() || end != step.data() + step.size() || t < 0 ||
        t >= static_cast<Count>(c.lateral_inflow.size()))
      fail("{}: field expected.dJ_dlateral_at_step has the step \"{}\", allowed: 0..{}", path, step,
           c.lateral_inflow.size() - 1);
    if (values.size() != n)
      fail("{}: field expected.dJ_dlateral_at_step.{} has {} values, {} are needed", path, step, values.size(), n);
    c.dJ_dlateral[t] = values;
  }
}

}  // namespace

ReferenceCase read_reference_case(const std::string& path) {
  const auto json = parse_reference_file(path);
  const Reader file(path, json, "");
  if (file.has("variant")) fail("{}: a runoff case (hbv {}), a routing case is needed", path, file.get<std::string>("variant"));
  ReferenceCase c;
  c.path = path;
  c.name = file.get_or<std::string>("name", path);
  read_scheme(file.section("scheme"), path, c.options);
  read_inputs(file.section("inputs"), path, c);
  read_expected(file.section("expected"), path, c);
  return c;
}

}  // namespace dpl
