// One routing window by either way of solving its steps: the pipeline of the physics room (Router) or a distributed
// sparse system (RoutingSystem).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dpl/parallel/communicator.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// The functions of Router (physics/routing.hpp), where they are described. **Collective:** forward, adjoint.
template <class Real>
class WindowRouter {
 public:
  virtual ~WindowRouter() = default;
  virtual Index state_size() const = 0;
  virtual const std::vector<Index>& state_start() const = 0;
  virtual Count output_rows(Count steps) const = 0;
  virtual void forward(const ReachParameters<Real>& parameters, const LateralInflow<Real>& inflow, Count steps,
                       std::span<const Real> initial_state, std::span<const Index> probes, std::span<Real> discharge,
                       bool keep_tape) = 0;
  virtual void leave_out_pieces(std::vector<std::uint8_t> wanted) = 0;
  virtual const std::vector<Real>& final_state() const = 0;
  virtual void adjoint(std::span<const Real> seed, ReachParameters<Real>& gradient, std::span<Real> inflow_adjoint) = 0;
  virtual void keep_water_balance(bool keep) = 0;
  virtual const WaterBalance& water_balance() const = 0;
  virtual std::pair<Count, std::vector<Index>> first_not_finite() const = 0;
  virtual Count tape_bytes(Count steps) const = 0;
};

/// **Collective.** `solver` is pipeline or krylov (double precision on the CPU only); throws Error on all ranks where it
/// is neither or does not fit.
template <class Real>
std::unique_ptr<WindowRouter<Real>> make_window_router(const std::string& solver, const Communicator& comm,
                                                       const RankNetwork& network, const ReachProperties& properties,
                                                       const RoutingOptions& options, Boundary<Real>& boundary);

}  // namespace dpl
