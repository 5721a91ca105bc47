// What a run over basins reads before it computes: which places take part, their attributes and series.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/coupling/redistribution.hpp"
#include "dpl/data/forcing.hpp"
#include "dpl/learning/input_statistics.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/training/series_on_device.hpp"

namespace dpl {

/// Places of a run, in the order of their ids, with their share over the ranks. The same on all ranks but `inputs`.
struct BasinProblem {
  const Communicator& comm;
  RunConfig config;
  ForcingHeader forcing;
  std::vector<Index> place;             ///< positions in the header, ids ascending
  std::vector<std::string> list;        ///< [place] train | test | holdout
  std::vector<ExcludedPlace> excluded;  ///< asked for, and why they cannot take part
  std::vector<std::uint64_t> key;       ///< [place] key of its random draws
  BlockDistribution blocks;             ///< of the places
  InputStatistics statistics;           ///< of attributes and channels of the history, of the training
  std::vector<double> inputs;           ///< [own place][attributes], standardised
  std::string fingerprint;              ///< of the ids of the training places

  Index size() const { return static_cast<Index>(place.size()); }
  Index first_own() const { return blocks.first_reach(); }
  Index own() const { return blocks.end_reach() - blocks.first_reach(); }
  const std::string& id(Index k) const { return forcing.place_id[static_cast<std::size_t>(place[k])]; }
};

/// Length of a block of places: eight blocks of a small domain, of at most 128 places in a large one.
Index places_of_block(Index places);

/// Throws Error for keys of the runoff model, and of how its network reads the past, that cannot be together.
void check_runoff(const RunConfig& config);

/// What a problem is made for.
enum class BasinUse { train, score };

/// **Collective.** train: the places of basins.train with forcing in the training period, a row of attributes and an
/// observation in it; score: those of basins.test (empty: of basins.train) and of basins.holdout, with forcing in the
/// test period and an observation in it. Places that lack something are left out; `excluded` says which and why.
/// Statistics of a training are taken over its places and its period; for scoring they must be given. Throws Error for
/// keys, files and lists that do not fit, and where no place is left.
BasinProblem load_basin_problem(const Communicator& comm, const RunConfig& config, BasinUse use,
                                const InputStatistics* statistics = nullptr);

/// Forcing and observations of this rank's places in memory.
struct BasinSeries : SeriesDays {
  std::vector<float> precipitation_mm_day, temperature_degc, pet_mm_day;  ///< [own place][day]
  std::vector<float> history;                                             ///< [own place][day][channel], standardised
  std::size_t channels = 0;
  std::vector<float> streamflow_mm_day, soil_moisture;     ///< [own place][day], NaN = missing
  bool has_streamflow = false, has_soil_moisture = false;  ///< which of them were read: the same on all ranks, also on
                                                           ///< one that has no place
  std::vector<std::string> warnings;  ///< of all ranks about their places
  mutable SeriesOnDevice on_device;   ///< the same forcing and history, for runs on a device
};

/// Days of the series that a run over `scored` and `warmup` days before it reads.
SeriesDays series_days(const BasinProblem& problem, const Period& scored, Count warmup);

/// **Collective:** series of `scored` and `warmup` days before it, as far as the forcing reaches. Fills the
/// statistics of the history's channels where the problem has none yet (training).
BasinSeries read_basin_series(BasinProblem& problem, const Period& scored, Count warmup);

/// Names of the channels that a network reads day by day; empty for kinds without history.
std::vector<std::string> history_channels(const RunConfig& config);

/// Variables of the forcing that a run reads.
std::vector<std::string> forcing_variables(const RunConfig& config);

/// **Collective:** [place] standard deviation (divisor N) of the observed series of each place in a period; 0 with
/// fewer than two values. The same on all ranks.
std::vector<double> observed_deviations(const BasinProblem& problem, const BasinSeries& series,
                                        const std::vector<float>& observed, const Period& period);

}  // namespace dpl
