// Discharge down and adjoints up across cut edges: a PETSc star forest (PetscSF), or its links between devices.
#pragma once

#include <memory>
#include <span>

#include "dpl/parallel/communicator.hpp"
#include "dpl/physics/boundary.hpp"
#include "dpl/base/rank_network.hpp"

namespace dpl {

/// Starts and ends PETSc on the given communicator; one in main after MpiSession. Checks at start that PETSc has real
/// scalars. PETSc's own options are not read from the command line.
class PetscSession {
 public:
  explicit PetscSession(const Communicator& comm);
  ~PetscSession();
  PetscSession(const PetscSession&) = delete;
};

/// Roots = cut_out of a rank, leaves = ghosts of the rank below.
template <class Real>
class BoundaryExchange final : public Boundary<Real> {
 public:
  /// **Collective.** @param device  of the router. Its memory is the messages' where MPI takes it (choose_device_messages:
  /// throws as that does); else, and for Device::cpu, the host's is.
  BoundaryExchange(const Communicator& comm, const RankNetwork& network, Device device = Device::cpu);
  ~BoundaryExchange() override;
  Device memory() const override;
  void begin_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) override;
  void end_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) override;
  void begin_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) override;
  void end_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) override;
  void move_messages() override;
  bool nothing_to_exchange() const override;

 private:
  struct Impl;
  bool nothing_to_do(std::span<const Real> cut_out, std::span<const Real> ghost, Index steps) const;
  std::unique_ptr<Impl> impl_;
};

extern template class BoundaryExchange<float>;
extern template class BoundaryExchange<double>;

}  // namespace dpl
