// Regionalization, the usual ways to parameters of basins without observations, on the same model, data and scores as a
// learned network (docs/basins.md): transfer functions searched for by SCE-UA, donors near by, one set for all.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dpl/experiments/verb.hpp"
#include "dpl/learning/sce_ua.hpp"
#include "dpl/training/basin_physics.hpp"

namespace dpl {

/// A basin whose parameters another one takes.
struct Donor {
  Index donor = 0;      ///< its number
  double distance = 0;  ///< of standardised attributes, or km
};

/// The `count` nearest, nearest first, equally near ones in the order of their numbers. Those at an infinite
/// distance do not take part; fewer than `count` where no more do.
std::vector<Donor> nearest_donors(std::span<const double> distances, Index count);

/// Euclidean.
double attribute_distance(std::span<const double> a, std::span<const double> b);

/// Great-circle distance on a sphere of 6371 km by the haversine formula. Degrees.
double map_distance_km(double latitude_a, double longitude_a, double latitude_b, double longitude_b);

/// Calibrated parameters of donors.
struct DonorSets {
  std::vector<std::string> id;
  std::vector<double> shares;  ///< [donor][output], order of BasinParameters
  Index outputs = 0;
  std::span<const double> of(const std::string& id) const;  ///< Throws Error for one that is not there
};

/// **Collective:** of the places of `problem`, from a finished run of calibrate. Throws Error where that run had
/// another model, other ranges or another period, or lacks a basin.
DonorSets read_donors(const BasinProblem& problem, const std::string& run);

/// **Collective:** donors of every place of `ungauged` among those of `gauged`, never the place itself: [place] on all
/// ranks. @param by_map great-circle distance, else attributes as standardised over the gauged ones
std::vector<std::vector<Donor>> donors_of(const BasinProblem& gauged, const BasinProblem& ungauged, bool by_map);

/// **Local:** streamflow of own places over a period [own place][day], each with its own shares [own place][output].
std::vector<double> streamflow_of_shares(BasinPhysics<float>& physics, const BasinProblem& problem,
                                         std::span<const double> shares, const Period& period);

/// **Collective:** the same over the test period with the parameters of donors, `average` being series or parameters.
std::vector<double> donated_streamflow(const BasinProblem& gauged, const BasinProblem& ungauged,
                                       const BasinSeries& series, const DonorSets& sets,
                                       const std::vector<std::vector<Donor>>& donors);

/// Searches the coefficients of the transfer functions for the least mean of ((s - o) / (sigma + 0.1))^2 over all days
/// of all places: the loss nse_batch over the whole training period. All members are **Collective**; every rank holds
/// the same search. The values it was told are kept in a file, from which it goes on at once where it had been stopped.
class TransferSearch {
 public:
  /// @param series of the training period; both must outlive the search
  TransferSearch(const BasinProblem& problem, const BasinSeries& series, const std::string& name, std::string path);
  /// False where a signal came before the end.
  bool run();
  const SceUa& search() const { return search_; }
  /// **Local:** shares [own place][output] of places that were standardised as those of the training.
  std::vector<double> shares(const BasinProblem& places) const;
  /// Lines `parameter,component,predictor,coefficient` of the best ones.
  std::vector<std::string> lines() const;

 private:
  struct Group;
  void replay();
  void add_group(std::span<const double> points, Index first, Index count, Group& group, std::vector<double>& squares,
                 Index all);
  std::string settings() const;

  const BasinProblem& problem_;
  const BasinSeries& series_;
  BasinParameters parameters_;
  std::vector<std::vector<Index>> predictors_;
  SceUa search_;
  std::string path_;
  std::vector<double> divisor_;  // [place]
  double observations_ = 0;      // of all places
};

/// **Collective.** The verb `regionalize`. Returns the exit status.
int run_regionalize(const VerbContext& context);

}  // namespace dpl
