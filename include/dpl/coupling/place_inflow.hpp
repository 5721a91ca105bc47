// Runoff of places, which lie in blocks, as lateral inflow of reaches, which lie in pieces, and the adjoint back.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dpl/coupling/redistribution.hpp"

namespace dpl {

/// m3/s that 1 mm/day over 1 km2 is.
inline constexpr double kCubicMetresOfMillimetre = 1.0 / 86.4;

/// Rows of places only move (PetscSF); the rank that holds a reach adds those of its places in the order of the places.
/// So a reach's inflow is the same bits on any number of ranks.
class PlaceInflow {
 public:
  /// **Collective.**
  /// @param places  blocks of the places
  /// @param reach   [place] reach of the network it drains into; the same on all ranks
  /// @param factor  [place] m3/s of a runoff of 1 mm/day: its area in km2 x kCubicMetresOfMillimetre; the same on all ranks
  /// @param own     reaches of the network on this rank; each reach lies on at most one rank
  PlaceInflow(const Communicator& comm, const BlockDistribution& places, std::span<const Index> reach,
              std::span<const double> factor, std::span<const Index> own);

  /// **Collective:** runoff [place of this rank's blocks][days], mm/day -> lateral inflow [own reach][days], m3/s. A reach
  /// without a place has 0; what drains into reaches that lie on no rank is lost.
  std::vector<double> to_reaches(std::span<const double> runoff_mm_day, Count days) const;

  /// **Collective:** the adjoint: derivatives by the inflow [own reach][days] -> by the runoff of this rank's places
  /// [place][days].
  std::vector<double> to_places(std::span<const double> inflow_adjoint, Count days) const;

 private:
  std::size_t block_places_ = 0;
  std::vector<Index> first_;     // [own reach + 1] its places among those that drain into this rank
  std::vector<double> factor_;   // [place that drains into this rank]
  std::unique_ptr<Redistribution> redistribution_;
};

}  // namespace dpl
