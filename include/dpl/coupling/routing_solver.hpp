// The choice of what solves the steps of a window: the pipeline of the physics room (Router) or a distributed sparse
// system (RoutingSystem).
#pragma once

#include <memory>
#include <string>

#include "dpl/parallel/communicator.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// **Collective.** `solver` is pipeline or krylov (double precision on the CPU only); throws Error on all ranks where it
/// is neither or does not fit.
template <class Real>
std::unique_ptr<WindowRouter<Real>> make_window_router(const std::string& solver, const Communicator& comm,
                                                       const RankNetwork& network, const ReachProperties& properties,
                                                       const RoutingOptions& options, Boundary<Real>& boundary);

}  // namespace dpl
