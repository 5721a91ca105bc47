// What a routing of many windows leaves on disk while it runs, so that it can go on after a kill: beside the run's other
// files, in the folder `windows`, the discharge of each window and progress.nc (docs/file_formats.md).
#pragma once

#include <optional>
#include <string>

#include "dpl/training/output.hpp"
#include "dpl/training/period_router.hpp"
#include "dpl/training/problem.hpp"

namespace dpl {

/// All members are **Collective**; every rank writes the rows of its blocks, nothing is gathered.
class RouteProgress {
 public:
  /// @param theta [block reaches of this rank][kReachParameters], to tell another run's files by
  RouteProgress(const Problem& problem, const RoutedDomain& domain, std::string run_folder, std::span<const double> theta);

  /// Progress of an interrupted run; none where the folder holds none. Throws Error where it is of another configuration,
  /// other parameters or another network, naming the first difference.
  std::optional<PeriodRouter::Progress> read() const;

  /// After a window: its discharge (where discharge is streamed), then the progress, each under its name when it is on disk.
  void write(const PeriodRouter& router) const;

  /// Streamed discharge of all windows, copied into a file made by begin_discharge.
  void copy_windows(NetcdfFile& file, Count intervals) const;

  /// Removes the folder.
  void remove() const;

 private:
  std::string part(Count first_interval) const;
  std::string file() const { return folder_ + "/progress.nc"; }

  const Problem& problem_;
  const RoutedDomain& domain_;
  std::string folder_, configuration_, parameters_;
};

/// **Collective:** writes streamed means of the reaches of this rank's blocks into `file`.
void write_streamed(NetcdfFile& file, const Problem& problem, const PeriodRouter::Streamed& streamed, Count first_interval);

}  // namespace dpl
