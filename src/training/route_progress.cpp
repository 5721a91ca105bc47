// Windows and progress on disk.
#include "dpl/training/route_progress.hpp"

#include <filesystem>
#include <sstream>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/training/durable_folder.hpp"
#include "dpl/training/stored_training.hpp"

namespace dpl {
namespace {

namespace fs = std::filesystem;

// The configuration without what may differ between the parts of one routing.
std::string comparable(const RunConfig& whole) {
  const RunConfig neutral;
  RunConfig config = without_part_of_run(whole);
  config.output.folder = neutral.output.folder;
  config.output.state = neutral.output.state;
  return resolved_yaml(config);
}

// Adds up over the reaches, so that it does not depend on the ranks.
std::string fingerprint_of(const Problem& problem, std::span<const double> theta) {
  std::int64_t sum = 0;
  for (Index r = problem.blocks.first_reach(); r < problem.blocks.end_reach(); ++r) {
    Fingerprint one;
    const std::vector<ReachId> id{problem.network.reach_id[r]};
    one.add(std::span<const ReachId>(id)).add(theta.subspan((r - problem.blocks.first_reach()) * kReachParameters, kReachParameters));
    sum += static_cast<std::int64_t>(one.value() >> 28);   // 36 bits each: no sum overflows
  }
  return problem.fingerprint + fmt::format("-{:x}", problem.comm.sum(sum));
}

void refuse_other(const std::string& path, const std::string& then, const std::string& now) {
  std::istringstream a(then), b(now);
  std::string old_line, new_line;
  while (true) {
    const bool more_old = static_cast<bool>(std::getline(a, old_line)), more_new = static_cast<bool>(std::getline(b, new_line));
    if (!more_old && !more_new) return;
    if (old_line != new_line || more_old != more_new)
      fail("{}: the interrupted run had another configuration: \"{}\" then, \"{}\" now; resume with the configuration of the "
           "run folder or start a new run", path, more_old ? old_line : "", more_new ? new_line : "");
  }
}

// Rows of this rank's blocks; a rank without any takes part with none.
struct BlockRows {
  Count first, count;
  explicit BlockRows(const Problem& problem)
      : first(problem.blocks.first_reach()), count(problem.blocks.end_reach() - problem.blocks.first_reach()) {
    if (count == 0) first = 0;
  }
};

void publish(const Communicator& comm, NetcdfFile& file, const std::string& path) {
  file.close();
  agree_on_root(comm, "output", [&] { publish_file(path + ".tmp", path); });
}

}  // namespace

void write_streamed(NetcdfFile& file, const Problem& problem, const PeriodRouter::Streamed& streamed, Count first_interval) {
  const BlockRows rows(problem);
  file.write_slab(kReachDischarge, std::vector<Count>{rows.first, first_interval}, std::vector<Count>{rows.count, streamed.count},
                  std::span<const double>(streamed.values));
}

RouteProgress::RouteProgress(const Problem& problem, const RoutedDomain& domain, std::string run_folder,
                             std::span<const double> theta)
    : problem_(problem), domain_(domain), folder_(std::move(run_folder) + "/windows"),
      configuration_(comparable(problem.config)), parameters_(fingerprint_of(problem, theta)) {}

// Named by its first interval: what was written after the last progress is written again under the same name.
std::string RouteProgress::part(Count first_interval) const {
  return fmt::format("{}/discharge_{:09}.nc", folder_, first_interval);
}

void RouteProgress::write(const PeriodRouter& router) const {
  agree_on_root(problem_.comm, "output", [&] {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) fail("{}: cannot be made ({})", folder_, error.message());
  });
  if (const auto streamed = router.streamed(); streamed.count > 0) {
    const std::string path = part(streamed.first);
    auto file = NetcdfFile::create(problem_.comm, path + ".tmp");
    file.put_attribute("", "title", "Routed discharge of one window of an unfinished run");
    file.put_attribute("", "first_interval", static_cast<double>(streamed.first));
    file.define_dimension("reach", problem_.network.size());
    file.define_dimension("interval", streamed.count);
    file.define_variable(kReachDischarge, problem_.config.precision == "double" ? "double" : "float", {"reach", "interval"});   // compressed once, in the final file
    file.put_attribute(kReachDischarge, "units", "m3 s-1");
    write_streamed(file, problem_, streamed, 0);
    publish(problem_.comm, file, path);
  }
  const auto p = router.progress();
  const auto state = domain_.state_rows();
  const TimeAxis& time = problem_.inflow.time;
  auto file = NetcdfFile::create(problem_.comm, this->file() + ".tmp");
  file.put_attribute("", "title", "Progress of an unfinished routing; dpl_hpc route resume=<run folder> goes on");
  file.put_attribute("", "complete", 0.0);
  file.put_attribute("", "last_complete_time", iso_time(time.start_s + (router.first_row() + p.done_rows) * time.step_s));
  file.put_attribute("", "configuration", configuration_);
  file.put_attribute("", "parameters", parameters_);
  for (const auto& [name, value] : {std::pair{"done_rows", static_cast<double>(p.done_rows)}, {"windows", static_cast<double>(p.windows)},
                                    {"intervals", static_cast<double>(p.streamed_intervals)}, {"lateral_inflow_m3", p.water.lateral_inflow},
                                    {"outflow_m3", p.water.outflow}, {"storage_change_m3", p.water.storage_change},
                                    {"created_by_floor_m3", p.water.created_by_floor}})
    file.put_attribute("", name, value);
  file.define_dimension("sub_reach", state.all);
  file.define_variable("state", "double", {"sub_reach"});
  if (!p.sums.empty()) {
    file.define_dimension("series", static_cast<Count>(p.sums.size()));
    file.define_dimension("interval", static_cast<Count>(p.means.size() / p.sums.size()));
    file.define_variable("series_means", "double", {"series", "interval"});
    file.define_variable("series_sums", "double", {"series"});
  }
  if (router.streams()) {
    file.define_dimension("reach", problem_.network.size());
    file.define_variable("reach_sums", "double", {"reach"});
  }
  file.write_rows("state", state.count > 0 ? state.first : 0, p.block_state);
  if (!p.sums.empty()) {
    file.write("series_means", p.means);
    file.write("series_sums", p.sums);
  }
  if (router.streams()) file.write_rows("reach_sums", BlockRows(problem_).first, p.block_sums);
  publish(problem_.comm, file, this->file());
}

std::optional<PeriodRouter::Progress> RouteProgress::read() const {
  std::int64_t there = 0;
  agree_on_root(problem_.comm, "output", [&] { there = fs::exists(file()) ? 1 : 0; });
  if (problem_.comm.max(there) == 0) return {};
  const auto file = NetcdfFile::open(problem_.comm, this->file());
  refuse_other(this->file(), file.text_attribute("", "configuration"), configuration_);
  if (file.text_attribute("", "parameters") != parameters_)
    fail("{}: the interrupted run had another network or other parameters (fingerprint {}, now {}); start a new run", this->file(),
         file.text_attribute("", "parameters"), parameters_);
  PeriodRouter::Progress p;
  const auto count = [&](const char* name) { return static_cast<Count>(file.number_attribute("", name)); };
  p.done_rows = count("done_rows");
  p.windows = count("windows");
  p.streamed_intervals = count("intervals");
  p.water = {file.number_attribute("", "lateral_inflow_m3"), file.number_attribute("", "outflow_m3"),
             file.number_attribute("", "storage_change_m3"), file.number_attribute("", "created_by_floor_m3")};
  const auto state = domain_.state_rows();
  const auto rows_of = [&](const char* name, Count first, Count size) {
    return file.read(name, std::vector<Count>{size > 0 ? first : 0}, std::vector<Count>{size});
  };
  p.block_state = rows_of("state", state.first, state.count);
  if (file.has_variable("series_sums")) {
    p.means = file.read("series_means");
    p.sums = file.read("series_sums");
  }
  const BlockRows rows(problem_);
  if (file.has_variable("reach_sums")) p.block_sums = rows_of("reach_sums", rows.first, rows.count);
  return p;
}

void RouteProgress::copy_windows(NetcdfFile& to, Count intervals) const {
  const BlockRows rows(problem_);
  for (Count first = 0; first < intervals;) {
    const auto from = NetcdfFile::open(problem_.comm, part(first));
    PeriodRouter::Streamed streamed{first, from.shape(kReachDischarge).at(1), {}};
    streamed.values = from.read(kReachDischarge, std::vector<Count>{rows.first, 0}, std::vector<Count>{rows.count, streamed.count});
    write_streamed(to, problem_, streamed, first);
    first += streamed.count;
  }
}

void RouteProgress::remove() const {
  agree_on_root(problem_.comm, "output", [&] {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  });
}

}  // namespace dpl
