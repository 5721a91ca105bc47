// The routing window as one distributed sparse system a step: (Id - C1 N) Q_{t+1} = r, solved by PETSc's KSP.
//
// The same equations, floors, start and adjoint as Router<double>, but no pieces, chunks or supersteps: an independent
// check of them, and where schemes that are implicit along the river would be put. All states are kept for the adjoint.
#pragma once

#include <memory>

#include "dpl/coupling/river_matrix.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// Every rank computes the rows of its own reaches; only values that drain into another rank's reaches move. Results agree
/// with Router<double> to rounding, not bit for bit, and depend on the number of ranks in the last bits.
class RoutingSystem final : public WindowRouter<double> {
 public:
  /// **Collective.** Throws Error on all ranks for properties that are not positive, and for device cuda.
  RoutingSystem(const Communicator& comm, const RankNetwork& network, const ReachProperties& properties,
                const RoutingOptions& options);
  ~RoutingSystem() override;

  Index state_size() const override;
  const std::vector<Index>& state_start() const override;
  Count output_rows(Count steps) const override;
  /// Where a state stops being finite the window ends: first_not_finite() tells, discharge from there on and the final
  /// state are NaN, and adjoint() gives NaN.
  /// Throws Error on all ranks where a system is not solved.
  void forward(const ReachParameters<double>& parameters, const LateralInflow<double>& inflow, Count steps,
               std::span<const double> initial_state, std::span<const Index> probes, std::span<double> discharge,
               bool keep_tape) override;
  /// `inflow.values` of forward must still be there.
  void adjoint(std::span<const double> seed, ReachParameters<double>& gradient, std::span<double> inflow_adjoint) override;
  /// Checked and then ignored: all pieces are routed, which gives wanted probes the same values.
  void leave_out_pieces(std::vector<std::uint8_t> wanted) override;
  const std::vector<double>& final_state() const override;
  void keep_water_balance(bool keep) override;
  const WaterBalance& water_balance() const override;
  std::pair<Count, std::vector<Index>> first_not_finite() const override;
  Count tape_bytes(Count steps) const override;

  /// For tests: what this rank holds, and the work of the solver.
  RiverMatrixCounts matrix_counts() const;
  Count solver_iterations() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dpl
