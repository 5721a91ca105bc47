// The runoff model's arrays on a device, and the order of its launches over a window.
#pragma once

#include "dpl/physics/device_array.hpp"
#include "dpl/physics/runoff.hpp"
#include "dpl/physics/runoff_columns.hpp"

namespace dpl {

/// What Runoff (which checks all that is given) runs where its device is not the CPU. Inputs are uploaded, results
/// downloaded once a call; between, the host only queues launches.
template <class Real>
class RunoffOnDevice {
 public:
  /// @param parameters rows of RunoffParameters::fixed. Throws Error for more columns than a launch numbers.
  RunoffOnDevice(const RunoffOptions& options, int form, int parameters, const ColumnParameters& where);

  /// As Runoff::forward; `interval` days between states on tape. Throws Error where the device's memory is too small.
  void forward(const RunoffForcing<Real>& forcing, const RunoffParameters<Real>& given, std::span<const Real> states,
               std::span<Real> runoff, const RunoffSeries<Real>& outputs, Count tape_from, Count interval,
               std::span<Real> final_states);
  void adjoint(std::span<const Real> runoff, const RunoffSeries<const Real>& outputs,
               const RunoffGradient<Real>& gradient);

  /// Bytes of the device's memory that a window takes, its adjoint included where there is a tape.
  /// @param interval days between states on tape
  Count bytes(const RunoffWindow& window, Count interval) const;

 private:
  Count lanes() const { return static_cast<Count>(options_.components) * options_.catchments; }
  Count days_of_launch(int series) const;
  Index lanes_of_launch(Count interval) const;
  ColumnInputs<Real> inputs() const;
  ColumnCells<Real> cells() const;
  void upload(const RunoffForcing<Real>& forcing, const RunoffParameters<Real>& given, std::span<const Real> states);
  void run_back(const RunoffSeries<const Real>& outputs, Real* dynamic_adjoint);

  RunoffOptions options_;
  int form_, parameters_;
  ColumnParameters where_;
  Real share_;
  Count days_ = 0, tape_from_ = -1, interval_ = 0, checked_bytes_ = 0;   // of the last forward pass
  const Real* dynamic_given_ = nullptr;                                  // on the device, as the next
  RunoffForcing<Real> forcing_;
  DeviceArray<Real> area_km2_, elevation_m_;                             // [catchment]
  DeviceArray<Real> precipitation_, temperature_, pet_;                  // [day][catchment]
  DeviceArray<Real> fixed_, fixed_adjoint_;                              // [parameter][lane]
  DeviceArray<Real> dynamic_, dynamic_adjoint_;                          // [day][dynamic parameter][lane]
  DeviceArray<Real> cell_, cell_adjoint_, state_, state_adjoint_;        // [row][lane]
  DeviceArray<Real> tape_, starts_;                                      // as runoff_columns.hpp says
  DeviceArray<Real> by_lane_;                                            // [series][day of a launch][lane]
  DeviceArray<Real> means_, seeds_;                                      // [series][day][catchment]
};

extern template class RunoffOnDevice<float>;
extern template class RunoffOnDevice<double>;

}  // namespace dpl
