// The discharge form (schemes of the literature and fixed-coefficient Muskingum) on one tile.
#pragma once

#include "dpl/physics/tile_router.hpp"

namespace dpl {

template <class Real>
class DischargeTile final : public TileRouter<Real> {
 public:
  DischargeTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties, const RoutingOptions& options,
                TileScratch<Real>& scratch);
  void start(RouterWindow<Real>& window) override;
  void start_adjoint(RouterWindow<Real>& window) override;
  std::vector<double> storage() const override;

 protected:
  void gradient(Index cell, double& a, double& b, double& c) const override;
  void set_coefficients(const RouterWindow<Real>& window) override;
  void prepare_forward(const RouterWindow<Real>& window, const BlockSpan& span) override;
  void sweep_forward(const RouterWindow<Real>& window, const BlockSpan& span, bool record) override;
  bool routes_series() const override { return muskingum(); }
  void sweep_series(const RouterWindow<Real>& window, const BlockSpan& span) override;
  void sweep_adjoint(RouterWindow<Real>& window, const BlockSpan& span) override;
  void add_volumes(const BlockSpan& span, std::span<const Real> state_before) override;
  std::vector<Real> snapshot() const override;
  void restore(std::span<const Real> snapshot) override;
  void reset_adjoint() override;
  const AlignedVector<Real>& probe_rows() const override { return floored_rows(); }
  bool discharge_form() const override { return true; }
  Index state_values() const override { return 2; }
  const AlignedVector<Real>& state() const override { return state_; }

 private:
  bool muskingum() const { return this->options_.scheme == Scheme::muskingum; }
  DischargeBlock<Real> block(const RouterWindow<Real>& window, const BlockSpan& span);
  AlignedVector<Real>& floored_rows() { return muskingum() ? this->scratch_.flow : this->scratch_.floored; }
  const AlignedVector<Real>& floored_rows() const { return muskingum() ? this->scratch_.flow : this->scratch_.floored; }

  int form_ = 0;                                        // entry of the tables of kernels
  MuskingumCungeOptions formulas_;
  AlignedVector<Real> log2_depth_factor_, depth_exponent_, log2_width_, q_cell_, velocity_factor_, length_, slope_cell_;
  AlignedVector<Real> state_, inflow_now_;               // [cell] floored discharge, I_t of floored flows
  AlignedVector<Real> state_adjoint_, inflow_adjoint_;   // [cell] inflow_adjoint: of I_t of the next step
  AlignedVector<Real> log2_depth_factor_sum_, depth_exponent_sum_, log2_width_sum_, q_sum_, velocity_factor_sum_;
};

}  // namespace dpl
