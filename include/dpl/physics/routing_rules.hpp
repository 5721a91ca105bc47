// What every way of solving a routing window agrees on: what is refused, floors, formulas, where a reach's states lie.
#pragma once

#include <span>
#include <vector>

#include "dpl/base/rank_network.hpp"
#include "dpl/physics/muskingum_cunge.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// Throws Error for properties of another number of reaches or not positive, and for a step or chunk that is not.
void check_routing(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options);

/// Smallest lateral inflow and, in the discharge form, smallest state [m3/s]; -infinity where the scheme has no floor.
double smallest_flow(const RoutingOptions& options);

/// The formulas of a scheme in discharge form (method section 2.2).
MuskingumCungeOptions discharge_formulas(const RoutingOptions& options);

/// [reach + 1] first state of each reach.
std::vector<Index> state_starts(const std::vector<Index>& sub_reaches);

/// Adjoint of the reaches' lateral inflow, of which every sub-reach takes an equal share.
/// @param of_states [state][rows]  @param of_reaches [reach][rows]
template <class Real>
void share_lateral_adjoint(std::span<const Index> state_start, std::span<const Real> of_states, Count rows,
                           std::span<Real> of_reaches);

}  // namespace dpl
