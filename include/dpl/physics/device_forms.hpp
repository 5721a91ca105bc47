// The storage form and the discharge form on one tile of a GPU.
#pragma once

#include <memory>

#include "dpl/physics/device_tile.hpp"

namespace dpl {

/// The tile of a scheme.
template <class Real>
std::unique_ptr<DeviceTile<Real>> make_device_tile(TileLayout layout, const Tiling::Tile& tile,
                                                   const ReachProperties& properties, const RoutingOptions& options,
                                                   DeviceScratch<Real>& scratch);

template <class Real>
class DeviceConservativeTile final : public DeviceTile<Real> {
 public:
  DeviceConservativeTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                         const RoutingOptions& options, DeviceScratch<Real>& scratch);

 protected:
  void set_coefficients(const DeviceWindow<Real>& window) override;
  void reset_adjoint() override;
  void start_cells(const DeviceWindow<Real>& window, Index first, Index end) override;
  void start_adjoint_cells(const DeviceWindow<Real>& window, Index first, Index end) override;
  void forward_sweep(const DeviceWindow<Real>& window, Index sweep, bool record) override;
  void adjoint_sweep(const DeviceWindow<Real>& window, Index sweep) override;
  void gradient_of(double* to) const override;
  void storage_of(double* to) const override;
  bool discharge_form() const override { return false; }
  Index record_fields() const override { return ConservativeRecord<Real>::kFields; }
  Index state_fields() const override { return 1; }
  Count form_bytes(bool tape) const override;

 private:
  ConservativeCoefficients<Real> coefficients() const;
  ConservativeRecord<Real> record(Index sweep) const;
  template <bool kRecord>
  void launch_forward(const DeviceWindow<Real>& window, Index sweep);
  template <bool kHeld>
  void launch_adjoint(const DeviceWindow<Real>& window, Index sweep);

  DeviceArray<Real> coefficients_;   // [6][cell]
  DeviceArray<Real> storage_adjoint_, start_x_, sums_;   // sums: [5][cell]
  DeviceArray<double> start_gradient_;                   // [3][cell]
  const Real *a_ = nullptr, *b_ = nullptr, *c_ = nullptr;   // parameters of the window [own reach]
};

template <class Real>
class DeviceDischargeTile final : public DeviceTile<Real> {
 public:
  DeviceDischargeTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                      const RoutingOptions& options, DeviceScratch<Real>& scratch);

 protected:
  void set_coefficients(const DeviceWindow<Real>& window) override;
  void reset_adjoint() override;
  void start_cells(const DeviceWindow<Real>& window, Index first, Index end) override;
  void after_start(DeviceWindow<Real>& window) override;
  void start_adjoint_cells(const DeviceWindow<Real>& window, Index first, Index end) override;
  void forward_sweep(const DeviceWindow<Real>& window, Index sweep, bool record) override;
  void adjoint_sweep(const DeviceWindow<Real>& window, Index sweep) override;
  void gradient_of(double* to) const override;
  void storage_of(double* to) const override;
  bool discharge_form() const override { return true; }
  Index record_fields() const override {
    return muskingum() ? DischargeRecord<Real>::kFixedFields : DischargeRecord<Real>::kFields;
  }
  Index state_fields() const override { return 2; }
  Count form_bytes(bool tape) const override;

 private:
  bool muskingum() const { return this->options_.scheme == Scheme::muskingum; }
  MuskingumCungeCoefficients<Real> coefficients() const;
  DischargeRecord<Real> record(Index sweep) const;
  template <class Launch>
  void with_form(const Launch& launch) const;
  template <bool kRecord, class Form>
  void launch_forward(const DeviceWindow<Real>& window, Index sweep);
  template <bool kHeld, class Form>
  void launch_adjoint(const DeviceWindow<Real>& window, Index sweep);
  Real* inflow_now() const { return this->state_.data() + this->stride_; }

  MuskingumCungeOptions formulas_;
  DeviceArray<Real> coefficients_;                  // [7][cell]
  DeviceArray<Real> state_adjoint_, carried_, sums_;   // carried: adjoint of I_t from chunk to chunk; sums: [5][cell]
  const Real *a_ = nullptr, *b_ = nullptr, *c_ = nullptr;
};

}  // namespace dpl
