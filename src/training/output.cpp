// Writers and readers of discharge.nc, parameters.nc and state files.
#include "dpl/training/output.hpp"

#include <algorithm>
#include <cmath>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"

namespace dpl {
namespace {

constexpr const char* kDischargeName = "water_volume_transport_in_river_channel";

struct ParameterColumn {
  const char* name;
  const char* units;
  const char* long_name;
};

constexpr ParameterColumn kChannel[] = {{"n", "s m-1/3", "Manning's roughness"},
                                        {"p", "1", "width law T = p d^q, coefficient (m^(1-q))"},
                                        {"q", "1", "width law T = p d^q, exponent"}};
constexpr ParameterColumn kMuskingum[] = {{"muskingum_k", "s", "Muskingum travel time K"},
                                          {"muskingum_x", "1", "Muskingum weight X"}};

std::span<const ParameterColumn> columns_of(const Problem& problem) {
  if (problem.config.routing.scheme == "muskingum") return kMuskingum;
  return kChannel;
}

void put_header(NetcdfFile& file, const Problem& problem, const std::string& title) {
  file.put_attribute("", "Conventions", "CF-1.8");
  file.put_attribute("", "title", title);
  file.put_attribute("", "source", "dpl_hpc");
  file.put_attribute("", "run_name", problem.config.name);
  file.put_attribute("", "configuration", resolved_yaml(problem.config));
}

void define_time(NetcdfFile& file, const std::string& name, Count size, const std::string& comment) {
  file.define_dimension(name, size);
  file.define_variable(name, "int64", {name});
  file.put_attribute(name, "standard_name", "time");
  file.put_attribute(name, "units", "seconds since 1970-01-01 00:00:00");
  file.put_attribute(name, "calendar", "proleptic_gregorian");
  file.put_attribute(name, "axis", "T");
  file.put_attribute(name, "comment", comment);
}

void write_time(NetcdfFile& file, const std::string& name, Count start_s, Count step_s, Count size) {
  std::vector<std::int64_t> time(size);
  for (Count i = 0; i < size; ++i) time[i] = start_s + i * step_s;
  file.write(name, time);
}

void define_flow(NetcdfFile& file, const std::string& name, const std::string& type, const std::string& dimension,
                 const std::string& time, const std::string& long_name, const std::string& coordinates) {
  file.define_variable(name, type, {dimension, time}, 1);
  file.put_attribute(name, "standard_name", kDischargeName);
  file.put_attribute(name, "long_name", long_name);
  file.put_attribute(name, "units", "m3 s-1");
  file.put_attribute(name, "cell_methods", time + ": mean");
  file.put_attribute(name, "coordinates", coordinates);
}

std::vector<std::int64_t> ids_of(const Problem& problem, const std::vector<Index>& reaches) {
  std::vector<std::int64_t> ids;
  for (Index r : reaches) ids.push_back(problem.network.reach_id[r]);
  return ids;
}

// Of the rows of this rank. Adds up along the river, so that all lengths are needed for a moment, on every rank.
std::vector<double> distance_to_outlet(const Problem& problem) {
  const RiverNetwork& network = problem.network;
  std::vector<double> distance(network.size(), 0.0);
  std::copy(network.length_m.begin(), network.length_m.end(), distance.begin() + network.first_row);
  problem.comm.gather_owned(distance);
  auto order = upstream_first_order(network.topology);
  std::reverse(order.begin(), order.end());
  for (Index r : order)
    if (const Index down = network.topology.downstream[r]; down >= 0) distance[r] += distance[down];
  return {distance.begin() + network.first_row, distance.begin() + network.first_row + network.rows()};
}

void write_network_part(NetcdfFile& file, const Problem& problem, Count first) {
  const auto& network = problem.network;
  std::vector<std::int64_t> id, downstream;
  for (Index r = network.first_row; r < network.first_row + network.rows(); ++r) {
    const Index down = network.topology.downstream[r];
    id.push_back(network.reach_id[r]);
    downstream.push_back(down < 0 ? 0 : network.reach_id[down]);
  }
  file.write_rows("reach_id", first, id);
  file.write_rows("downstream_id", first, downstream);
  file.write_rows("distance_to_outlet", first, distance_to_outlet(problem));
  if (network.has_upstream_area) file.write_rows("upstream_area", first, network.upstream_area_km2);
}

void define_reach_variable(NetcdfFile& file, const std::string& name, const std::string& type, const std::string& units,
                           const std::string& long_name) {
  file.define_variable(name, type, {"reach"});
  if (!units.empty()) file.put_attribute(name, "units", units);
  file.put_attribute(name, "long_name", long_name);
}

}  // namespace

namespace {

// Everything of discharge.nc but the discharge of reaches.
struct DischargeFrame {
  const Problem& problem;
  Count start_s, gauge_interval_s, gauge_intervals;
  const std::vector<double>& gauge_offset_h;
  const std::vector<GaugeSeries>& gauges;
  const ReachSeries& reaches;
  bool with_gauges() const { return !gauges.empty() && problem.observations; }
  bool with_reaches() const { return !reaches.reaches.empty(); }
  const char* reach_time() const { return with_gauges() ? "reach_time" : "time"; }

  void define(NetcdfFile& file) const;
  void define_gauges(NetcdfFile& file) const;
  void write(NetcdfFile& file) const;
};

void DischargeFrame::define_gauges(NetcdfFile& file) const {
  std::size_t longest = 1;
  for (const auto& id : problem.observations->gauge_id) longest = std::max(longest, id.size());
  file.define_dimension("gauge", problem.observations->size());
  file.define_dimension("strlen_gauge_id", static_cast<Count>(longest));
  define_time(file, "time", gauge_intervals,
              "start of the observed interval on the gauge's own clock, see interval_offset_h; values are means over it");
  file.define_variable("gauge_id", "char", {"gauge", "strlen_gauge_id"});
  file.put_attribute("gauge_id", "cf_role", "timeseries_id");
  file.define_variable("gauge_reach_id", "int64", {"gauge"});
  file.define_variable("interval_offset_h", "double", {"gauge"});
  file.put_attribute("interval_offset_h", "units", "h");
  file.put_attribute("interval_offset_h", "long_name", "what the intervals of the gauge start later than time says, on the "
                                                       "clock of the lateral inflow (tau)");
  for (const auto& s : gauges) define_flow(file, s.name, "double", "gauge", "time", s.long_name, "gauge_id");
}

void DischargeFrame::define(NetcdfFile& file) const {
  put_header(file, problem, "Routed discharge");
  file.put_attribute("", "featureType", "timeSeries");
  if (with_gauges()) define_gauges(file);
  if (!with_reaches()) return;
  file.define_dimension("reach", static_cast<Count>(reaches.reaches.size()));
  define_time(file, reach_time(), reaches.intervals, "start of the interval; values are means over the interval");
  file.define_variable("reach_id", "int64", {"reach"});
  if (!with_gauges()) file.put_attribute("reach_id", "cf_role", "timeseries_id");
  define_flow(file, kReachDischarge, problem.config.precision == "double" ? "double" : "float", "reach", reach_time(),
              "discharge at the downstream end of the reach", "reach_id");
}

void DischargeFrame::write(NetcdfFile& file) const {
  if (with_gauges()) {
    write_time(file, "time", start_s, gauge_interval_s, gauge_intervals);
    file.write_strings("gauge_id", problem.observations->gauge_id);
    file.write("gauge_reach_id", ids_of(problem, problem.observations->reach));
    file.write("interval_offset_h", gauge_offset_h);
    for (const auto& s : gauges) file.write(s.name, s.values);
  }
  if (!with_reaches()) return;
  write_time(file, reach_time(), start_s + reaches.offset_s, reaches.interval_s, reaches.intervals);
  file.write("reach_id", ids_of(problem, reaches.reaches));
}

}  // namespace

void write_discharge(const std::string& path, const Problem& problem, Count start_s, Count gauge_interval_s,
                     Count gauge_intervals, const std::vector<double>& gauge_offset_h,
                     const std::vector<GaugeSeries>& gauges, const ReachSeries& reaches) {
  const DischargeFrame frame{problem, start_s, gauge_interval_s, gauge_intervals, gauge_offset_h, gauges, reaches};
  auto file = NetcdfFile::create_local(path);
  frame.define(file);
  frame.write(file);
  if (frame.with_reaches()) file.write(kReachDischarge, reaches.values);
  file.close();
}

NetcdfFile begin_discharge(const std::string& path, const Problem& problem, Count start_s, Count gauge_interval_s,
                           Count gauge_intervals, const std::vector<double>& gauge_offset_h,
                           const std::vector<GaugeSeries>& gauges, const ReachSeries& reaches, Count chunk_intervals) {
  const DischargeFrame frame{problem, start_s, gauge_interval_s, gauge_intervals, gauge_offset_h, gauges, reaches};
  auto file = NetcdfFile::create(problem.comm, path);
  frame.define(file);
  file.set_chunks(kReachDischarge, {std::min<Count>(problem.blocks.block_size, problem.network.size()),
                                    std::clamp<Count>(chunk_intervals, 1, reaches.intervals)});
  file.put_attribute("", "complete", 0.0);
  frame.write(file);
  return file;
}

void write_parameters(const std::string& path, const Problem& problem, std::span<const double> theta) {
  const auto columns = columns_of(problem);
  const Count rows = problem.network.rows(), first = rows > 0 ? problem.network.first_row : 0;
  auto file = NetcdfFile::create(problem.comm, path);
  put_header(file, problem, "Routing parameters of every reach");
  file.define_dimension("reach", problem.network.size());
  define_reach_variable(file, "reach_id", "int64", "", "reach identifier");
  define_reach_variable(file, "downstream_id", "int64", "", "reach_id of the downstream reach, 0 = outlet");
  define_reach_variable(file, "distance_to_outlet", "double", "m", "distance from the upper end of the reach to the outlet");
  if (problem.network.has_upstream_area) define_reach_variable(file, "upstream_area", "double", "km2", "drainage area");
  for (const auto& c : columns) define_reach_variable(file, c.name, "double", c.units, c.long_name);
  write_network_part(file, problem, first);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::vector<double> values;
    for (Count r = 0; r < rows; ++r) values.push_back(theta[r * kReachParameters + c]);
    file.write_rows(columns[c].name, first, values);
  }
  file.close();
}

std::vector<double> read_parameters(const std::string& path, const Problem& problem) {
  const auto file = NetcdfFile::open(problem.comm, path);
  const auto columns = columns_of(problem);
  check_dimensions(file, "reach_id", {"reach"});
  const auto ids = file.read_integers("reach_id");
  for (const auto& c : columns) check_dimensions(file, c.name, {"reach"});
  const Index first = problem.blocks.first_reach(), end = problem.blocks.end_reach();
  std::vector<Count> row(end - first, -1);   // of the file; those of a rank lie together in files of this domain
  for (std::size_t k = 0; k < ids.size(); ++k)
    if (const auto it = problem.network.index_of.find(ids[k]); it != problem.network.index_of.end())
      if (it->second >= first && it->second < end) row[it->second - first] = static_cast<Count>(k);
  agree(problem.comm, "parameters", [&] {
    for (Index r = first; r < end; ++r)
      if (row[r - first] < 0)
        fail("{}: no row for reach {}; the file must hold every reach of {}", path, problem.network.reach_id[r], problem.network.path);
  });
  const Count low = row.empty() ? 0 : *std::min_element(row.begin(), row.end());
  const Count size = row.empty() ? 0 : *std::max_element(row.begin(), row.end()) + 1 - low;
  std::vector<std::vector<double>> values;
  for (const auto& c : columns) values.push_back(file.read(c.name, std::vector<Count>{low}, std::vector<Count>{size}));
  std::vector<double> theta(static_cast<std::size_t>(end - first) * kReachParameters, 0.0);
  agree(problem.comm, "parameters", [&] {
    for (Index r = first; r < end; ++r) {
      for (std::size_t c = 0; c < columns.size(); ++c) {
        const double value = values[c].at(row[r - first] - low);
        if (!std::isfinite(value) || value < 0 || (value == 0 && c < 2 && columns.size() == 3))
          fail("{}: {} of reach {} is {}; it must be positive and finite", path, columns[c].name,
               problem.network.reach_id[r], value);
        theta[(r - first) * kReachParameters + c] = value;
      }
    }
  });
  return theta;
}

}  // namespace dpl
