// The header of lateral_inflow.nc, and rows of it read at once.
#include "dpl/data/time_series.hpp"

#include "dpl/base/error.hpp"
#include "dpl/data/inflow_reader.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"
#include "lateral_inflow_layout.hpp"

namespace dpl {

bool time_comes_first(const NetcdfFile& file) {
  const auto names = file.dimension_names(kLateralInflow);
  if (names == std::vector<std::string>{"reach", "time"}) return false;
  check_dimensions(file, kLateralInflow, {"time", "reach"});
  return true;
}

LateralInflowHeader read_lateral_inflow_header(const Communicator& comm, const std::string& path,
                                               const RiverNetwork& network) {
  const auto file = NetcdfFile::open(comm, path);
  time_comes_first(file);
  check_units(file, kLateralInflow, Quantity::discharge_m3s);
  check_dimensions(file, "reach_id", {"reach"});
  const auto ids = file.read_integers("reach_id");
  const auto time = read_time(file);
  LateralInflowHeader header{path, {}};
  agree(comm, "lateral inflow", [&] {
    rows_of_ids(file, ids, network.reach_id);
    header.time = time_axis_from_cf(time, file.text_attribute("time", "units"), file.text_attribute("time", "calendar"), path);
  });
  return header;
}

template <class Real>
std::vector<Real> read_lateral_inflow(const Communicator& comm, const LateralInflowHeader& header,
                                       const RiverNetwork& network, Index first_reach, Index end_reach, Count first_row,
                                       Count end_row) {
  return InflowReader<Real>(comm, header, network, first_reach, end_reach).read(first_row, end_row);
}

template std::vector<float> read_lateral_inflow(const Communicator&, const LateralInflowHeader&, const RiverNetwork&, Index,
                                                Index, Count, Count);
template std::vector<double> read_lateral_inflow(const Communicator&, const LateralInflowHeader&, const RiverNetwork&, Index,
                                                 Index, Count, Count);

}  // namespace dpl
