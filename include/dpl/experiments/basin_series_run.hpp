// Many trainings over basins in one job: groups of ranks take them one after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dpl/experiments/basin_training.hpp"
#include "dpl/experiments/verb.hpp"

namespace dpl {

/// One training of a series.
struct SeriesMember {
  std::string name;  ///< of its folder below RUN/members
  RunConfig config;  ///< with its own seed and updates; basins.* are replaced by the lists below
  std::vector<std::string> train, held_out;  ///< ids; held_out may be empty where the basins trained on are scored
  bool score_trained = false;                ///< whether the basins trained on are scored beside those held out
  /// Place-days of the whole training: windows of an update, their days, updates.
  double place_days() const;
};

/// What a finished training leaves in its member.json.
struct MemberResult {
  Count updates = 0;
  double place_days = 0;     ///< seen in training, warm-up included
  double rank_seconds = 0;   ///< of all updates, times the ranks that shared them
  BasinReportScores scores;  ///< of the test period
};

/// **Collective:** trains and scores all members that are not finished, each in a folder of its own by one group of
/// parallel.ranks_per_training ranks (the last group may be smaller), the longest first, dealt as groups become free.
/// What a member computes depends on neither. With parallel.task, the members k with k mod tasks = task - 1 alone.
/// Results in the order of the members on rank 0, nothing on the others; nullopt on all where a signal stopped the
/// series. Throws AgreedError with the member's name where one fails; the others stop at their next update.
/// A member that was begun goes on from its newest checkpoint; one that is finished must have been made with the same
/// configuration and lists.
std::optional<std::vector<MemberResult>> run_series(const Communicator& comm, const RunFolder& folder,
                                                    const std::vector<SeriesMember>& members);

/// **Collective:** one run of a verb that trains a series: makes or opens the run folder (rank 0 writes config.yaml,
/// log.txt), runs the members, lets `write_tables` write what they gave (not for one task of several). Returns the exit
/// status; with validate_only says what would run.
int run_series_verb(const VerbContext& context, const std::vector<SeriesMember>& members,
                    const std::function<void(const RunFolder&, const std::vector<MemberResult>&)>& write_tables);

}  // namespace dpl
