// The beginning of runs that can be resumed.
#include "dpl/experiments/run_start.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dpl/base/config.hpp"
#include "dpl/base/date.hpp"
#include "dpl/base/log.hpp"

namespace dpl {

void check_run_folder(const Communicator& comm, const RunConfig& config) {
  if (config.resume.empty())
    RunFolder::check_creatable(comm, config.output.folder, config.name);
  else
    RunFolder::check_resumable(comm, config.resume);
}

RunFolder begin_run(const Communicator& comm, const RunConfig& config) {
  RunFolder folder = config.resume.empty() ? RunFolder::create(comm, config.output.folder, config.name)
                                           : RunFolder::open(comm, config.resume);
  folder.write_text(comm, "config.yaml", resolved_yaml(config));
  agree_on_root(comm, "log", [&] { add_log_file(folder.file("log.txt")); });
  log_info("run folder: {}", folder.path());
  return folder;
}

std::string runoff_settings(const RunConfig& c, Index components) {
  return fmt::format(
      "seed {}; HBV {}, nmul {}, pet {}, unit_hydrograph {} (b up to {}), precipitation_factor [{}], warmup {} x {}; {} to {}",
      c.seed, c.runoff.variant, components, c.runoff.pet, c.runoff.unit_hydrograph, c.runoff.hydrograph_b,
      fmt::join(c.runoff.precipitation_factor, ", "), c.runoff.warmup.days, c.runoff.warmup.repeat,
      iso_date(c.experiment.period.start.day), iso_date(c.experiment.period.end.day));
}

}  // namespace dpl
