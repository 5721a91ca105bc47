// The archive of an external program's runs, place by place, in the run folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dpl/experiments/surrogate_program.hpp"
#include "dpl/training/basin_problem.hpp"
#include "dpl/training/run_folder.hpp"

namespace dpl {

/// Runs of one place that were made together.
struct ArchivePart {
  std::string name;            ///< first, near_1, test_1, ...
  std::vector<double> shares;  ///< [run][parameter] of the ranges
  std::vector<float> runoff;   ///< [run][day] mm/day
  Index runs = 0;
};

/// Shares of the runs of a part, [run][parameter]; a function of seed, place id and number of the run.
/// First: a Latin hypercube over the runs (McKay et al. 1979): each parameter takes each of `runs` strata once.
std::vector<double> first_shares(std::uint64_t seed, std::uint64_t place_key, std::size_t parameters, Index runs);
/// The centre, then normal numbers around it, folded back into [0, 1].
std::vector<double> near_shares(std::uint64_t seed, std::uint64_t place_key, std::span<const double> centre,
                                double spread, Index runs, Index round);

/// Runs the program for own places over a period with its warm-up. All but `part` are **Collective**.
class SurrogateArchive {
 public:
  /// `problem` and `series` must outlive the archive. Forcing is that of `series`, days before it as BasinSeries::row.
  /// @param warmup days before the period; runoff of them is not kept
  SurrogateArchive(const BasinProblem& problem, const BasinSeries& series, const RunFolder& folder,
                   const Period& period, Count warmup, std::string settings);

  /// Makes a part of every own place, or reads what is stored; [own place]. Nothing where a signal came before the end.
  /// Throws Error where a stored part was made with other settings.
  std::optional<std::vector<ArchivePart>> make(
      const std::string& name, const std::function<std::vector<double>(Index own)>& shares_of);

  Count runs_made() const { return runs_made_; }
  double seconds() const { return seconds_; }

 private:
  ArchivePart run(Index own, const std::string& name, std::vector<double> shares);
  std::optional<ArchivePart> stored(Index own, const std::string& name, std::span<const double> shares) const;
  void keep(Index own, const ArchivePart& part) const;
  std::string path(Index own, const std::string& name) const;
  ProgramForcing forcing_of(Index own) const;

  const BasinProblem& problem_;
  const BasinSeries& series_;
  const RunFolder& folder_;
  Period period_;
  Count warmup_;
  std::string settings_;
  ExternalProgram program_;
  Count runs_made_ = 0;
  double seconds_ = 0;
};

}  // namespace dpl
