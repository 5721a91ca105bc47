// Reads observations.nc and puts the gauges into the order of their ids.
#include "dpl/data/observations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"

namespace dpl {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// The columns of the file, gauges in its order.
struct Raw {
  std::vector<std::string> id;
  std::vector<std::int64_t> reach_id;
  std::vector<double> utc_offset_h, latitude, longitude, discharge;   // discharge [gauge][time]
  Count times = 0;
};

std::vector<double> read_optional(const NetcdfFile& file, const char* variable) {
  if (!file.has_variable(variable)) return {};
  check_dimensions(file, variable, {"gauge"});
  return file.read(variable);
}

Raw read_raw(const NetcdfFile& file) {
  Raw raw;
  check_units(file, "discharge", Quantity::discharge_m3s);
  const auto dimensions = file.dimension_names("discharge");
  const bool time_first = dimensions == std::vector<std::string>{"time", "gauge"};
  if (!time_first) check_dimensions(file, "discharge", {"gauge", "time"});
  check_dimensions(file, "reach_id", {"gauge"});
  if (!file.is_text("gauge_id"))
    fail("{}: variable gauge_id holds numbers; station ids are text (char or string) with their leading zeros", file.path());
  if (const auto names = file.dimension_names("gauge_id"); names.empty() || names[0] != "gauge" || names.size() > 2)
    check_dimensions(file, "gauge_id", {"gauge", "length"});
  raw.id = file.read_strings("gauge_id");
  raw.reach_id = file.read_integers("reach_id", 0);   // 0 is no reach: the error names the gauge
  if (file.has_variable("utc_offset_h")) check_units(file, "utc_offset_h", Quantity::hours);
  raw.utc_offset_h = read_optional(file, "utc_offset_h");
  raw.latitude = read_optional(file, "lat");
  raw.longitude = read_optional(file, "lon");
  raw.times = dimension_size(file, "discharge", "time");
  raw.discharge = file.read("discharge");
  if (time_first) {
    std::vector<double> turned(raw.discharge.size());
    const auto gauges = static_cast<Count>(raw.id.size());
    for (Count g = 0; g < gauges; ++g)
      for (Count t = 0; t < raw.times; ++t) turned[g * raw.times + t] = raw.discharge[t * gauges + g];
    raw.discharge = std::move(turned);
  }
  return raw;
}

void check_ids(const Raw& raw, const std::string& path, const RiverNetwork& network) {
  std::set<std::string> seen;
  for (std::size_t g = 0; g < raw.id.size(); ++g) {
    if (raw.id[g].empty()) fail("{}: variable gauge_id has no id in row {}", path, g);
    for (const unsigned char c : raw.id[g])
      if (c < ' ' || c == ',' || c == '"')   // ids stand in messages and in tables of results
        fail("{}: variable gauge_id holds a control character, comma or quote in row {}; ids must be plain text", path, g);
    if (!seen.insert(raw.id[g]).second) fail("{}: variable gauge_id holds {} twice; ids must be unique", path, raw.id[g]);
    if (!network.index_of.contains(raw.reach_id[g]))
      fail("{}: gauge {} is on reach {}, which is not in {}; correct reach_id or take the gauge out of the file", path, raw.id[g],
           raw.reach_id[g], network.path);
    if (!raw.utc_offset_h.empty() && !(std::abs(raw.utc_offset_h[g]) <= 24))
      fail("{}: utc_offset_h of gauge {} is {}; allowed: -24..24", path, raw.id[g], raw.utc_offset_h[g]);
  }
}

std::vector<std::size_t> chosen_gauges(const Raw& raw, const std::string& path, const std::vector<std::string>& only) {
  for (const auto& id : only)
    if (std::find(raw.id.begin(), raw.id.end(), id) == raw.id.end()) {
      const auto nearest = nearest_name(id, raw.id);
      fail("{}: gauge {} is asked for and not in variable gauge_id{}", path, id,
           nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
    }
  std::vector<std::size_t> order;
  for (std::size_t g = 0; g < raw.id.size(); ++g)
    if (only.empty() || std::find(only.begin(), only.end(), raw.id[g]) != only.end()) order.push_back(g);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return raw.id[a] < raw.id[b]; });
  return order;
}

// Appends a gauge, unless it has no value at all.
void add_gauge(Observations& out, const Raw& raw, std::size_t g, const RiverNetwork& network) {
  std::vector<double> series(raw.discharge.begin() + g * raw.times, raw.discharge.begin() + (g + 1) * raw.times);
  Count negative = 0, present = 0;
  for (double& q : series) {
    if (q < 0) ++negative, q = kMissing;
    if (!std::isfinite(q)) q = kMissing;
    if (!std::isnan(q)) ++present;
  }
  if (negative > 0)
    out.warnings.push_back(fmt::format("{}: {} negative value{} at gauge {} taken as missing", out.path, negative,
                                       negative == 1 ? "" : "s", raw.id[g]));
  if (present == 0) {
    out.warnings.push_back(fmt::format("{}: gauge {} has no observation at all and is left out", out.path, raw.id[g]));
    return;
  }
  out.gauge_id.push_back(raw.id[g]);
  out.reach.push_back(network.index_of.at(raw.reach_id[g]));
  if (!raw.utc_offset_h.empty()) out.utc_offset_h.push_back(raw.utc_offset_h[g]);
  if (!raw.latitude.empty()) out.latitude.push_back(raw.latitude[g]);
  if (!raw.longitude.empty()) out.longitude.push_back(raw.longitude[g]);
  out.discharge_m3s.insert(out.discharge_m3s.end(), series.begin(), series.end());
}

}  // namespace

Observations read_observations(const Communicator& comm, const std::string& path, const RiverNetwork& network,
                               const std::vector<std::string>& only) {
  const auto file = NetcdfFile::open(comm, path);
  const Raw raw = read_raw(file);
  const auto time = read_time(file);
  Observations out;
  out.path = path;
  agree(comm, "observations", [&] {
    out.time = time_axis_from_cf(time, file.text_attribute("time", "units"), file.text_attribute("time", "calendar"), path);
    check_ids(raw, path, network);
    for (const auto g : chosen_gauges(raw, path, only)) add_gauge(out, raw, g, network);
    if (out.gauge_id.empty()) fail("{}: no gauge with an observation is left; check the file and the list of gauges", path);
  });
  return out;
}

}  // namespace dpl
