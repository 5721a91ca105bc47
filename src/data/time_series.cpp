// Reads lateral_inflow.nc: each rank its own block of reaches, in slabs of rows.
#include "dpl/data/time_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"

namespace dpl {
namespace {

constexpr const char* kVariable = "q_lateral";
constexpr Count kSlabValues = Count{1} << 24;   // values of one read: bounds the memory beside the result

struct Layout {
  bool time_first = true;       // q_lateral(time, reach), else (reach, time)
};

Layout layout_of(const NetcdfFile& file) {
  const auto names = file.dimension_names(kVariable);
  if (names == std::vector<std::string>{"time", "reach"}) return {true};
  if (names == std::vector<std::string>{"reach", "time"}) return {false};
  check_dimensions(file, kVariable, {"time", "reach"});
  return {};
}

}  // namespace

LateralInflowHeader read_lateral_inflow_header(const Communicator& comm, const std::string& path,
                                               const RiverNetwork& network) {
  const auto file = NetcdfFile::open(comm, path);
  layout_of(file);
  check_units(file, kVariable, Quantity::discharge_m3s);
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
  const auto file = NetcdfFile::open(comm, header.path);
  const Layout layout = layout_of(file);
  const auto ids = file.read_integers("reach_id");
  std::vector<Count> columns;
  agree(comm, "lateral inflow", [&] {
    if (first_row < 0 || end_row > header.time.size || first_row > end_row)
      fail("{}: rows {}..{} were asked for, the file has {}", header.path, first_row, end_row - 1, header.time.size);
    columns = rows_of_ids(file, ids, {network.reach_id.begin() + first_reach, network.reach_id.begin() + end_reach});
  });
  const Count first = columns.empty() ? 0 : *std::min_element(columns.begin(), columns.end());
  const Count width = columns.empty() ? 0 : *std::max_element(columns.begin(), columns.end()) - first + 1;
  const Count rows = end_row - first_row;
  std::vector<Real> values(columns.size() * static_cast<std::size_t>(rows));
  // All ranks read the same number of slabs: reading is collective.
  const Count slab = std::max<Count>(1, kSlabValues / std::max<Count>(1, comm.max(static_cast<std::int64_t>(width))));
  for (Count begin = 0; begin < rows; begin += slab) {
    const Count count = std::min(slab, rows - begin);
    const std::vector<Count> start = layout.time_first ? std::vector<Count>{first_row + begin, first}
                                                       : std::vector<Count>{first, first_row + begin};
    const std::vector<Count> size = layout.time_first ? std::vector<Count>{width == 0 ? 0 : count, width}
                                                      : std::vector<Count>{width, width == 0 ? 0 : count};
    const auto part = file.read(kVariable, start, size);
    agree(comm, "lateral inflow", [&] {
      for (std::size_t r = 0; r < columns.size(); ++r)
        for (Count t = 0; t < count; ++t) {
          const Count column = columns[r] - first;
          const double q = layout.time_first ? part[t * width + column] : part[column * count + t];
          if (!(q >= 0 && q <= std::numeric_limits<float>::max()))
            fail("{}: {} is {} at reach {}, {}; lateral inflow must be 0 or positive (m3 s-1) and finite everywhere", header.path, kVariable,
                 std::isnan(q) ? "missing" : fmt::format("{}", q), network.reach_id[first_reach + static_cast<Index>(r)],
                 iso_time(header.time.start_s + (first_row + begin + t) * header.time.step_s));
          values[r * rows + begin + t] = static_cast<Real>(q);
        }
    });
  }
  return values;
}

template std::vector<float> read_lateral_inflow(const Communicator&, const LateralInflowHeader&, const RiverNetwork&, Index,
                                                Index, Count, Count);
template std::vector<double> read_lateral_inflow(const Communicator&, const LateralInflowHeader&, const RiverNetwork&, Index,
                                                 Index, Count, Count);

}  // namespace dpl
