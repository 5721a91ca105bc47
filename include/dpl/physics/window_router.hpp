// What a caller needs of a way to route windows, whatever solves their steps.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

template <class Real>
struct ReachParameters;
template <class Real>
struct LateralInflow;
struct WaterBalance;

/// The functions are described at Router (physics/routing.hpp), which implements them by its pieces.
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

}  // namespace dpl
