// The storage form (scheme `conservative`) on one piece. Tape: the storage at the start of each chunk.
#pragma once

#include "dpl/physics/piece_router.hpp"

namespace dpl {

template <class Real>
class ConservativePiece final : public PieceRouter<Real> {
 public:
  ConservativePiece(PieceLayout layout, const ReachProperties& properties, const RoutingOptions& options);
  void start(RouterWindow<Real>& window) override;
  void start_adjoint(RouterWindow<Real>& window) override;
  void gradient(const RouterWindow<Real>& window, Index cell, double& a, double& b, double& c) const override;
  std::vector<double> storage() const override;

 protected:
  void set_coefficients(const RouterWindow<Real>& window) override;
  void sweep(Index first, Index end) override;
  void after_gather(const RouterWindow<Real>&, Index, Index, Index, Count) override {}
  Real probe_value(const PieceProbe& probe) const override;
  void adjoint_sweep(RouterWindow<Real>& window, const ChunkRecord<Real>& record, Index k, Index first, Index end,
                     Count step0) override;
  std::vector<Real> snapshot() const override { return {storage_.begin(), storage_.end()}; }
  void restore(std::span<const Real> snapshot) override {
    std::copy(snapshot.begin(), snapshot.end(), storage_.begin());
  }
  void reset_adjoint() override;
  bool discharge_form() const override { return false; }
  const DeviceVector<Real>& state() const override { return storage_; }
  const DeviceVector<Real>& recorded_inflow() const override { return this->inflow_; }

 private:
  ConservativeCoefficients<Real> coefficients() const;
  double start_flow(Index cell) const { return static_cast<double>(start_x_[cell]); }

  std::vector<double> n_, p_, q_;  // [cell]
  DeviceVector<Real> log2_depth_, depth_exponent_, log2_travel_time_, diffusion_, inverse_m_, smallest_storage_;
  DeviceVector<Real> storage_;
  std::vector<Real> start_x_;  // [cell] Q_0 - q'_0 / 2 of the hot start
  DeviceVector<Real> message_, storage_adjoint_, inflow_adjoint_, lateral_adjoint_;
  DeviceVector<Real> log_depth_sum_, log_depth_log2_depth_sum_, log_travel_time_sum_, diffusion_sum_, inverse_m_sum_;
  std::vector<double> start_n_, start_p_, start_q_;  // [cell] gradient through the start
};

}  // namespace dpl
