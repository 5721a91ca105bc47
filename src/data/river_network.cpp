// Reads and checks network.nc.
#include "dpl/data/river_network.hpp"

#include <cmath>

#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"

namespace dpl {
namespace {

std::string shown(double value) { return std::isnan(value) ? "missing" : fmt::format("{}", value); }

void index_ids(RiverNetwork& network) {
  for (Index r = 0; r < network.size(); ++r) {
    if (network.reach_id[r] == 0)
      fail("{}: variable reach_id is 0 in row {}; 0 as downstream_id means outlet, give the reach another id", network.path, r);
    if (const auto [it, fresh] = network.index_of.emplace(network.reach_id[r], r); !fresh)
      fail("{}: variable reach_id holds {} twice (rows {} and {}); ids must be unique", network.path, network.reach_id[r],
           it->second, r);
  }
}

std::vector<Index> downstream_indices(const RiverNetwork& network, const std::vector<std::int64_t>& downstream_id) {
  std::vector<Index> downstream(network.size(), -1);
  std::string unknown;
  int count = 0;
  for (Index r = 0; r < network.size(); ++r) {
    const auto it = network.index_of.find(downstream_id[r]);
    if (it != network.index_of.end()) {
      downstream[r] = it->second;
    } else if (downstream_id[r] != 0 && downstream_id[r] != -1 && count++ < 5) {
      unknown += fmt::format("{}{} (of reach {})", unknown.empty() ? "" : ", ", downstream_id[r], network.reach_id[r]);
    }
  }
  if (count > 0)
    fail("{}: variable downstream_id names {} reach{} that reach_id does not hold: {}{}; an outlet has downstream_id 0 (or -1, or a missing value)",
         network.path, count, count == 1 ? "" : "es", unknown, count > 5 ? ", ..." : "");
  return downstream;
}

ReachId id_of_row(const RiverNetwork& network, std::size_t row) { return network.reach_id[network.first_row + row]; }

void check_lengths(const RiverNetwork& network) {
  for (Index r = 0; r < network.rows(); ++r)
    if (!(network.length_m[r] > 0) || !std::isfinite(network.length_m[r]))
      fail("{}: variable length is {} at reach {}; lengths must be positive (m)", network.path,
           shown(network.length_m[r]), id_of_row(network, r));
}

void check_and_raise_slopes(RiverNetwork& network, double slope_min) {
  for (Index r = 0; r < network.rows(); ++r) {
    double& slope = network.slope[r];
    if (!std::isfinite(slope) || slope < 0)
      fail("{}: variable slope is {} at reach {}; slopes must be 0 or positive (m/m)", network.path,
           shown(slope), id_of_row(network, r));
    if (slope == 0 && slope_min <= 0)
      fail("{}: variable slope is 0 at reach {}; set routing.slope_min (for example 1.0e-3) to raise flat slopes",
           network.path, id_of_row(network, r));
    slope = std::max(slope, slope_min);
  }
}

// The rows of this rank.
struct OwnRows {
  const NetcdfFile& file;
  std::vector<Count> first, count;
  std::vector<double> read(const char* variable) const { return file.read(variable, first, count); }
  bool read_optional(const char* variable, Quantity quantity, std::vector<double>& values) const {
    if (!file.has_variable(variable)) return false;
    check_units(file, variable, quantity);
    check_dimensions(file, variable, {"reach"});
    values = read(variable);
    return true;
  }
};

void check_areas(const RiverNetwork& network) {
  for (std::size_t r = 0; r < network.upstream_area_km2.size(); ++r)
    if (const double area = network.upstream_area_km2[r]; !(area >= 0) || !std::isfinite(area))
      fail("{}: variable upstream_area is {} at reach {}; it must be 0 or positive (km2) everywhere, or leave the variable out",
           network.path, shown(area), id_of_row(network, r));
}

void check_muskingum(const RiverNetwork& network) {
  for (std::size_t r = 0; r < network.muskingum_k_s.size(); ++r)
    if (!(network.muskingum_k_s[r] > 0) || !std::isfinite(network.muskingum_k_s[r]))
      fail("{}: variable muskingum_k is {} at reach {}; it must be positive (s)", network.path,
           shown(network.muskingum_k_s[r]), id_of_row(network, r));
  for (std::size_t r = 0; r < network.muskingum_x.size(); ++r)
    if (!(network.muskingum_x[r] >= 0 && network.muskingum_x[r] <= 0.5))
      fail("{}: variable muskingum_x is {} at reach {}; allowed: 0..0.5", network.path,
           shown(network.muskingum_x[r]), id_of_row(network, r));
}

}  // namespace

RiverNetwork read_river_network(const Communicator& comm, const std::string& path, double slope_min,
                                const std::function<std::pair<Index, Index>(Index reaches)>& rows_of_rank) {
  const auto file = NetcdfFile::open(comm, path);
  for (const char* variable : {"reach_id", "downstream_id", "length", "slope"}) check_dimensions(file, variable, {"reach"});
  check_units(file, "length", Quantity::length_m);
  check_units(file, "slope", Quantity::ratio);
  RiverNetwork network;
  network.path = path;
  network.reach_id = file.read_integers("reach_id");
  const auto downstream_id = file.read_integers("downstream_id", 0);
  const auto [first, end] = rows_of_rank ? rows_of_rank(network.size()) : std::pair<Index, Index>{0, network.size()};
  network.first_row = first;
  const OwnRows own{file, {end > first ? first : 0}, {end - first}};
  network.length_m = own.read("length");
  network.slope = own.read("slope");
  network.has_upstream_area = own.read_optional("upstream_area", Quantity::area_km2, network.upstream_area_km2);
  network.has_muskingum_k = own.read_optional("muskingum_k", Quantity::seconds, network.muskingum_k_s);
  network.has_muskingum_x = own.read_optional("muskingum_x", Quantity::ratio, network.muskingum_x);
  agree(comm, "network", [&] {
    if (network.reach_id.empty()) fail("{}: the dimension reach is empty", path);
    index_ids(network);
    auto downstream = downstream_indices(network, downstream_id);
    check_lengths(network);
    check_and_raise_slopes(network, slope_min);
    check_areas(network);
    check_muskingum(network);
    try {
      network.topology = make_topology(std::move(downstream), network.reach_id);
    } catch (const Error& error) {
      fail("{}: {}", path, error.what());
    }
  });
  return network;
}

}  // namespace dpl
