// The storage form (scheme `conservative`) on one tile. Tape: the storage at the start of blocks.
#pragma once

#include "dpl/physics/tile_router.hpp"

namespace dpl {

template <class Real>
class ConservativeTile final : public TileRouter<Real> {
 public:
  ConservativeTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties, const RoutingOptions& options,
                   TileScratch<Real>& scratch);
  void start(RouterWindow<Real>& window) override;
  void start_adjoint(RouterWindow<Real>& window) override;
  std::vector<double> storage() const override;

 protected:
  void gradient(Index cell, double& a, double& b, double& c) const override;
  void set_coefficients(const RouterWindow<Real>& window) override;
  void prepare_forward(const RouterWindow<Real>& window, const BlockSpan& span) override;
  void sweep_forward(const RouterWindow<Real>& window, const BlockSpan& span, bool record) override;
  void sweep_adjoint(RouterWindow<Real>& window, const BlockSpan& span) override;
  void add_volumes(const BlockSpan& span, std::span<const Real> state_before) override;
  std::vector<Real> snapshot() const override { return {storage_.begin(), storage_.end()}; }
  void restore(std::span<const Real> snapshot) override {
    std::copy(snapshot.begin(), snapshot.end(), storage_.begin());
  }
  void reset_adjoint() override;
  const AlignedVector<Real>& probe_rows() const override { return this->scratch_.flow; }
  bool discharge_form() const override { return false; }
  Index state_values() const override { return 1; }
  const AlignedVector<Real>& state() const override { return storage_; }

 private:
  ConservativeBlock<Real> block(const RouterWindow<Real>& window, const BlockSpan& span);
  double start_flow(Index cell) const { return static_cast<double>(start_x_[cell]); }

  AlignedVector<Real> log2_depth_, depth_exponent_, log2_travel_time_, diffusion_, inverse_m_, smallest_storage_;
  AlignedVector<Real> storage_, storage_adjoint_;
  std::vector<Real> start_x_;  // [cell] Q_0 - q'_0 / 2 of the hot start
  AlignedVector<Real> log_depth_sum_, log_depth_log2_depth_sum_, log_travel_time_sum_, diffusion_sum_, inverse_m_sum_;
  std::vector<double> start_n_, start_p_, start_q_;  // [cell] gradient through the start
};

}  // namespace dpl
