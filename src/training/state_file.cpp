// State files: every rank writes and reads the rows of its blocks.
#include <algorithm>
#include <cmath>

#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/data/netcdf_file.hpp"
#include "dpl/data/variable_checks.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/output.hpp"

namespace dpl {
namespace {

// Active reaches of this rank's blocks: their place among all active ones.
struct ActiveRows {
  Count first = 0, end = 0;
  ActiveRows(const Problem& problem, const RoutedReaches& reaches) {
    const auto place = [&](Index r) { return std::lower_bound(reaches.active.begin(), reaches.active.end(), r) - reaches.active.begin(); };
    first = place(problem.blocks.first_reach());
    end = place(problem.blocks.end_reach());
  }
};

}  // namespace

void write_state(const std::string& path, const Problem& problem, const RoutedReaches& reaches, Count time_s,
                 std::span<const double> values) {
  const ActiveRows rows(problem, reaches);
  const auto counts = sub_reach_counts(problem.comm, problem.network, problem.config);
  std::vector<std::int64_t> ids, own_counts;
  Count before = 0, all = 0;
  for (std::size_t k = 0; k < reaches.active.size(); ++k) {
    const Index r = reaches.active[k];
    if (static_cast<Count>(k) == rows.first) before = all;
    all += counts[r];
    if (static_cast<Count>(k) < rows.first || static_cast<Count>(k) >= rows.end) continue;
    ids.push_back(problem.network.reach_id[r]);
    own_counts.push_back(counts[r]);
  }
  const bool storage = problem.config.routing.scheme == "conservative";
  const std::string temporary = path + ".tmp";
  auto file = NetcdfFile::create(problem.comm, temporary);
  file.put_attribute("", "Conventions", "CF-1.8");
  file.put_attribute("", "title", "Routing state");
  file.put_attribute("", "scheme", problem.config.routing.scheme);
  file.put_attribute("", "time", iso_time(time_s));
  file.define_dimension("reach", static_cast<Count>(reaches.active.size()));
  file.define_dimension("sub_reach", all);
  file.define_variable("reach_id", "int64", {"reach"});
  file.put_attribute("reach_id", "long_name", "reach identifier");
  file.define_variable("sub_reaches", "int", {"reach"});
  file.put_attribute("sub_reaches", "units", "1");
  file.put_attribute("sub_reaches", "long_name", "number of sub-reaches of the reach");
  file.define_variable("state", "double", {"sub_reach"});
  file.put_attribute("state", "units", storage ? "m3" : "m3 s-1");
  file.put_attribute("state", "long_name", storage ? "storage of the sub-reach" : "discharge of the sub-reach");
  file.put_attribute("state", "comment", "sub-reaches of the reaches in the order of reach_id, upstream one first");
  const Count first = ids.empty() ? 0 : rows.first;
  file.write_rows("reach_id", first, ids);
  file.write_rows("sub_reaches", first, own_counts);
  file.write_rows("state", ids.empty() ? 0 : before, values);
  file.close();
  agree_on_root(problem.comm, "state", [&] { publish_file(temporary, path); });
}

std::vector<double> read_state(const Communicator& comm, const std::string& path, const Problem& problem,
                               const RoutedReaches& reaches) {
  const auto file = NetcdfFile::open(comm, path);
  for (const char* name : {"reach_id", "sub_reaches"}) check_dimensions(file, name, {"reach"});
  const auto ids = file.read_integers("reach_id"), counts = file.read_integers("sub_reaches");
  const auto expected = sub_reach_counts(problem.comm, problem.network, problem.config);
  const std::string scheme = file.text_attribute("", "scheme");
  if (scheme != problem.config.routing.scheme)
    fail("{}: the state was written by scheme {}, the run uses {}; states cannot be exchanged between schemes", path,
         scheme, problem.config.routing.scheme);
  const Count size = file.shape("state").at(0);
  std::vector<Count> start(problem.network.size(), -1);
  Count offset = 0;
  for (std::size_t k = 0; k < ids.size(); ++k) {
    const auto it = problem.network.index_of.find(ids[k]);
    if (it != problem.network.index_of.end()) {
      if (counts[k] != expected[it->second])
        fail("{}: reach {} has {} sub-reaches, the run splits it into {}; use the same routing.split", path, ids[k],
             counts[k], expected[it->second]);
      start[it->second] = offset;
    }
    offset += counts[k];
  }
  if (offset != size) fail("{}: state has {} values, sub_reaches add up to {}; the file is damaged", path, size, offset);
  for (Index r : reaches.active)
    if (start[r] < 0) fail("{}: no state for reach {}", path, problem.network.reach_id[r]);

  // The rows of a rank lie together in a file that was written for this domain, else somewhere.
  const ActiveRows rows(problem, reaches);
  Count low = size, high = 0;
  for (Count k = rows.first; k < rows.end; ++k) {
    const Index r = reaches.active[k];
    low = std::min(low, start[r]);
    high = std::max(high, start[r] + expected[r]);
  }
  if (high <= low) low = high = 0;
  const auto part = file.read("state", std::vector<Count>{low}, std::vector<Count>{high - low});
  std::vector<double> state;
  agree(comm, "state", [&] {
    for (Count k = rows.first; k < rows.end; ++k) {
      const Index r = reaches.active[k];
      for (Count v = start[r]; v < start[r] + expected[r]; ++v) {
        if (!std::isfinite(part[v - low])) fail("{}: the state of reach {} is missing or not finite", path, problem.network.reach_id[r]);
        state.push_back(part[v - low]);
      }
    }
  });
  return state;
}

}  // namespace dpl
