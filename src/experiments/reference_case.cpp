// Reads a reference file.
#include "dpl/experiments/reference_case.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

using Json = nlohmann::json;

// Access with messages that name file and field.
class Reader {
 public:
  Reader(std::string path, const Json& json, std::string place) : path_(std::move(path)), json_(json), place_(std::move(place)) {}

  Reader section(const std::string& name) const { return {path_, field(name), place_ + name + "."}; }
  bool has(const std::string& name) const { return json_.is_object() && json_.contains(name); }

  template <class T>
  T get(const std::string& name) const {
    try {
      return field(name).get<T>();
    } catch (const Json::exception&) {
      fail("{}: field {}{} has the wrong type", path_, place_, name);
    }
  }
  template <class T>
  T get_or(const std::string& name, T otherwise) const {
    return has(name) ? get<T>(name) : otherwise;
  }
  std::vector<double> array(const std::string& name, std::size_t size) const {
    auto values = get<std::vector<double>>(name);
    if (values.size() != size) fail("{}: field {}{} has {} values, {} are needed", path_, place_, name, values.size(), size);
    return values;
  }
  std::vector<std::vector<double>> table(const std::string& name, std::size_t columns) const {
    auto rows = get<std::vector<std::vector<double>>>(name);
    for (const auto& row : rows)
      if (row.size() != columns) fail("{}: a row of field {}{} has {} values, {} are needed", path_, place_, name, row.size(), columns);
    return rows;
  }

 private:
  const Json& field(const std::string& name) const {
    if (!has(name)) fail("{}: field {}{} is missing", path_, place_, name);
    return json_.at(name);
  }
  std::string path_;
  const Json& json_;
  std::string place_;
};

Json parse(const std::string& path) {
  std::ifstream in(path);
  if (!in || std::filesystem::is_directory(path)) fail("{}: cannot be read; give the path of a reference file", path);
  try {
    return Json::parse(in);
  } catch (const Json::parse_error& problem) {  // its own words may quote bytes that no terminal shows
    fail("{}: is not JSON, as byte {} shows; give the path of a reference file", path, problem.byte);
  }
}

// The scheme by its formulas where the file states them, else by its name.
void read_scheme(const Reader& scheme, const std::string& path, RoutingOptions& o) {
  const auto name = scheme.get<std::string>("name");
  o.x = scheme.get_or("X", o.x);
  o.published_epsilons = scheme.get_or("ddr_eps", true);
  o.q_min_m3s = scheme.get_or("q_min", scheme.get_or("Qmin", o.q_min_m3s));
  if (!scheme.has("celerity") || name == "conservative" || name == "muskingum") {
    o.scheme = scheme_from_name(name);
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

void read_inputs(const Reader& inputs, const std::string& path, ReferenceCase& c) {
  for (const auto d : inputs.get<std::vector<std::int64_t>>("downstream")) c.downstream.push_back(d < 0 ? -1 : static_cast<Index>(d));
  const std::size_t n = c.downstream.size();
  if (n == 0) fail("{}: field inputs.downstream is empty", path);
  const bool muskingum = c.options.scheme == Scheme::muskingum;
  c.length_m = inputs.has("length_m") || !muskingum ? inputs.array("length_m", n) : std::vector<double>(n, 1.0);
  c.slope = inputs.has("slope") || !muskingum ? inputs.array("slope", n) : std::vector<double>(n, 1.0);
  c.a = inputs.array(muskingum ? (inputs.has("k_s") ? "k_s" : "K_s") : "n", n);
  c.b = inputs.array(muskingum ? (inputs.has("x") ? "x" : "X") : "p", n);
  c.c = muskingum ? std::vector<double>(n, 0.0) : inputs.array("q", n);
  c.options.dt_s = inputs.get<double>("dt_s");
  c.lateral_inflow = inputs.table("lateral_inflow_m3s", n);
}

void read_expected(const Reader& expected, const std::string& path, ReferenceCase& c) {
  const std::size_t n = c.downstream.size();
  c.discharge = expected.table("discharge_m3s", n);
  if (expected.has("storage_m3")) c.storage = expected.table("storage_m3", n);
  const std::size_t rows = c.lateral_inflow.size() + (c.options.scheme == Scheme::conservative ? 0 : 1);
  if (c.discharge.size() != rows) fail("{}: field expected.discharge_m3s has {} rows, {} are needed", path, c.discharge.size(), rows);
  if (!c.storage.empty() && c.storage.size() != c.lateral_inflow.size() + 1)
    fail("{}: field expected.storage_m3 has {} rows, {} are needed", path, c.storage.size(), c.lateral_inflow.size() + 1);
  c.outlet = expected.get<Index>("outlet");
  if (c.outlet < 0 || c.outlet >= static_cast<Index>(n)) fail("{}: field expected.outlet is {}, allowed: 0..{}", path, c.outlet, n - 1);
  c.J = expected.get<double>("J");
  const bool muskingum = c.options.scheme == Scheme::muskingum;
  const char* names[] = {muskingum ? "dJ_dk" : "dJ_dn", muskingum ? "dJ_dx" : "dJ_dp", "dJ_dq"};
  std::vector<double>* arrays[] = {&c.dJ_da, &c.dJ_db, &c.dJ_dc};
  for (int k = 0; k < 3; ++k)
    if (expected.has(names[k]) || (!muskingum)) *arrays[k] = expected.array(names[k], n);
  if (!expected.has("dJ_dlateral_at_step")) return;
  for (const auto& [step, values] : expected.get<std::map<std::string, std::vector<double>>>("dJ_dlateral_at_step")) {
    const auto t = static_cast<Count>(std::atoll(step.c_str()));
    if (t < 0 || t >= static_cast<Count>(c.lateral_inflow.size()) || values.size() != n)
      fail("{}: field expected.dJ_dlateral_at_step.{} is out of range or has {} values", path, step, values.size());
    c.dJ_dlateral[t] = values;
  }
}

}  // namespace

ReferenceCase read_reference_case(const std::string& path) {
  const Json json = parse(path);
  const Reader file(path, json, "");
  if (file.has("variant"))
    fail("{}: a runoff case (hbv {}); this version verifies routing cases only", path, file.get<std::string>("variant"));
  ReferenceCase c;
  c.name = file.get_or<std::string>("name", path);
  read_scheme(file.section("scheme"), path, c.options);
  read_inputs(file.section("inputs"), path, c);
  read_expected(file.section("expected"), path, c);
  return c;
}

}  // namespace dpl
