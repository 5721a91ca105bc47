// The discharge form (schemes of the literature and fixed-coefficient Muskingum) on one piece.
#pragma once

#include "dpl/physics/piece_router.hpp"

namespace dpl {

template <class Real>
class DischargePiece final : public PieceRouter<Real> {
 public:
  DischargePiece(PieceLayout layout, const ReachProperties& properties, const RoutingOptions& options);
  void start(RouterWindow<Real>& window) override;
  void start_adjoint(RouterWindow<Real>& window) override;
  void gradient(const RouterWindow<Real>& window, Index cell, double& a, double& b, double& c) const override;
  std::vector<double> storage() const override;

 protected:
  void set_coefficients(const RouterWindow<Real>& window) override;
  void sweep(Index first, Index end) override;
  void after_gather(const RouterWindow<Real>& window, Index first, Index end, Index k, Count step0) override;
  Real probe_value(const PieceProbe& probe) const override;
  void adjoint_sweep(RouterWindow<Real>& window, const ChunkRecord<Real>& record, Index k, Index first, Index end,
                     Count step0) override;
  std::vector<Real> snapshot() const override;
  void restore(std::span<const Real> snapshot) override;
  void reset_adjoint() override;
  bool discharge_form() const override { return true; }
  const DeviceVector<Real>& state() const override { return state_; }
  const DeviceVector<Real>& recorded_inflow() const override { return inflow_now_; }

 private:
  bool muskingum() const { return this->options_.scheme == Scheme::muskingum; }
  MuskingumCungeCoefficients<Real> coefficients() const;
  Real ghost_raw(const RouterWindow<Real>& window, Index ghost, Count step) const;

  int form_ = 0;                                        // entry of the tables of kernels
  MuskingumCungeOptions formulas_;
  std::vector<double> n_, p_, q_;                       // [cell] (muskingum: K, X, unused)
  DeviceVector<Real> log2_depth_factor_, depth_exponent_, log2_width_, q_cell_, velocity_factor_, length_, slope_cell_;
  DeviceVector<Real> state_;                            // [slot] floored discharge; ghosts and zero too
  DeviceVector<Real> inflow_now_, inflow_next_floored_; // [cell] I_t and I_{t+1} of floored flows
  DeviceVector<Real> next_gathered_, floored_gathered_, cut_message_, seed_;
  DeviceVector<Real> state_adjoint_, lateral_adjoint_;
  DeviceVector<Real> next_adjoint_, inflow_adjoint_, floored_adjoint_;   // [cell + 1]
  DeviceVector<Real> log2_depth_factor_sum_, depth_exponent_sum_, log2_width_sum_, q_sum_, velocity_factor_sum_;
};

}  // namespace dpl
