// A synthetic continent from a seed: many river trees of all sizes, their reaches in the row order of a file. Pure
// functions; a rank holds the topology of the whole and everything else for its own rows only.
#pragma once

#include <vector>

#include "dpl/base/run_config.hpp"
#include "dpl/base/topology.hpp"
#include "dpl/experiments/synth_domain.hpp"

namespace dpl {

/// The place of a reach in two orders: its number on a walk from the outlets (a reach comes after the one it drains
/// into, everything upstream of it is one run of numbers right after it) and its row in the files. Rows come in groups
/// of 4096 consecutive numbers, the groups in a drawn order and the rows of a group too: regions lie together, as in
/// real data sets, and no row says where its neighbours on the river are.
class RowOrder {
 public:
  RowOrder(std::uint64_t seed, Index reaches);
  Index row_of(Index number) const;
  Index number_of(Index row) const;
  Index size() const { return reaches_; }

 private:
  static constexpr Index kGroup = 4096;
  Index reaches_;
  std::vector<Index> group_place_, group_at_;  // of whole groups; what is left over stays last
  std::vector<Index> place_, at_;              // inside a whole group
  std::vector<Index> last_place_, last_at_;    // inside the group that is left over
};

/// Row r has the id kFirstContinentId + r: ids ascend with the rows, as in real data sets.
struct Continent {
  RowOrder order;
  Topology topology;  ///< [row]
};

inline constexpr ReachId kFirstContinentId = 71000001;

/// Properties of rows first..end-1; arrays are indexed by row - first.
struct ContinentRows {
  Index first = 0, end = 0;
  std::vector<double> length_m, slope, local_area_km2, upstream_area_km2;
  std::vector<double> x_km, y_km;
  Index size() const { return end - first; }
};

/// Sizes of the trees in the order of the walk (drawn): the largest holds half of all reaches, the k-th largest about
/// k^-1.6 of the rest, down to hundreds of coastal trees of one to three reaches.
std::vector<Index> continent_tree_sizes(std::uint64_t seed, Index reaches);

/// `reaches` reaches, grown in time linear in their number: at every confluence the size of the smaller tributary is drawn
/// from a power law (exponents below those of equal chance, so that main stems are long and small rivers bushy), three
/// tenths of the reaches have one reach upstream.
Continent make_continent(std::uint64_t seed, Index reaches);

/// Lengths about 4 km, catchments about 30 km2, slopes 0.008 (A / 20 km2)^-0.5 (at least 2e-5), places: the number on
/// the walk along a Hilbert curve, so that every basin is one connected region of the size of its area. Time linear in
/// the domain, memory in the rows and the deepest path.
ContinentRows make_continent_rows(std::uint64_t seed, const Continent& continent, Index first, Index end);

/// The box that holds the places of all reaches, km.
double continent_side_km(Index reaches);

/// Gauged rows. Outlets of the largest trees until nine tenths of the reaches lie upstream (at most three quarters of
/// the gauges), then each where it halves the largest part of the domain that has no further gauge inside.
/// @param share  share of the reaches at or upstream of a gauge
std::vector<Index> choose_continent_gauges(const Continent& continent, Index wanted, double& share);

/// Largest Strahler order of the forest and Horton's bifurcation ratio: exp of minus the slope of the straight line through
/// the logarithms of the numbers of streams of every order but the highest.
struct StreamOrders {
  Index highest = 0;
  double bifurcation_ratio = 0;
};
StreamOrders stream_orders(const Topology& topology);

}  // namespace dpl
