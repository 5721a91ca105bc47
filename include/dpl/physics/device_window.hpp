// Data of a routing window in device memory, that all tiles of a rank share: uploaded as it is needed, fetched at the end.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "dpl/base/rank_network.hpp"
#include "dpl/physics/device_array.hpp"
#include "dpl/physics/device_message.hpp"
#include "dpl/physics/device_sweeps.hpp"
#include "dpl/physics/routing.hpp"

namespace dpl {

/// Numbers that a window's arrays follow from.
struct DeviceWindowShape {
  Count steps = 0, rows = 0;        ///< of the window, of discharge
  Index hold = 1;
  Index reaches = 0, states = 0, edges = 0, cuts = 0, probes = 0;
  bool tape = false;
  Count input_rows() const { return std::max<Count>(1, (steps + hold - 1) / hold); }
};

/// Rows that the tiles of a rank use one after the other; large enough for the largest.
template <class Real>
struct DeviceScratch {
  DeviceArray<Real> flow, inflow, lateral, record, adjoint, second_adjoint;
  explicit DeviceScratch(Device d) : flow(d), inflow(d), lateral(d), record(d), adjoint(d), second_adjoint(d) {}
};

template <class Real>
class DeviceWindow {
 public:
  explicit DeviceWindow(Device device);

  /// Bytes that a window of this shape takes.
  static Count bytes(const DeviceWindowShape& shape, bool uploads_inflow);

  /// @param runs  own reaches that are routed, [first, count]
  void begin(const DeviceWindowShape& shape, const ReachParameters<Real>& parameters, const LateralInflow<Real>& inflow,
             std::span<const Real> initial_state, std::vector<std::pair<Index, Index>> runs);
  /// Work queued from now on finds the inflow of steps < `end`; what follows is fetched meanwhile.
  void need_inflow(Count end);
  void begin_adjoint(std::span<const Real> seed, bool inflow_adjoint_wanted, Count state_rows);
  /// Copies a result out, into the host's memory. Waits.
  void fetch(const DeviceArray<Real>& from, std::span<Real> to) const;

  Device device() const { return device_; }
  EdgeSeries<Real> edges() const { return {edge_flow.data(), shape.steps}; }
  BelowSeries<Real> below() const { return {{cut_adjoint.data(), shape.steps}, {edge_adjoint.data(), shape.steps}}; }

  DeviceWindowShape shape;
  const Real* inflow = nullptr;             ///< [own reach][inflow_stride]
  Count inflow_stride = 0;
  bool given_state = false;
  Count inflow_rows = 0;                    ///< of inflow_adjoint
  bool inflow_adjoint_wanted = false;
  DeviceArray<Real> a, b, c;                ///< [own reach] parameters
  DeviceArray<Real> initial_state;          ///< [state]
  DeviceArray<Real> discharge, seed;        ///< [probe][rows]
  DeviceArray<Real> edge_start, edge_flow, edge_start_adjoint, edge_adjoint;   ///< [edge], [edge][steps], as RouterWindow
  DeviceArray<Real> cut_start, cut_flow, cut_start_adjoint, cut_adjoint;       ///< [cut], [cut][steps]
  DeviceArray<Real> inflow_adjoint;         ///< [state][inflow_rows]

  /// Messages across cut edges, [edge][chunk]: the part of `series` [edge][steps] that goes in a superstep; where an edge has
  /// none, zeros go, which are not stored. `levels`: [edge] superstep of its first chunk.
  void load_message(const DeviceArray<Real>& series, const DeviceArray<Index>& levels, Count superstep,
                    const Supersteps& supersteps, DeviceMessage<Real>& message) const;
  void store_message(const DeviceMessage<Real>& message, const DeviceArray<Index>& levels, Count superstep,
                     const Supersteps& supersteps, DeviceArray<Real>& series) const;

 private:
  Device device_;
  CopiesAhead ahead_;
  LateralInflow<Real> given_;
  std::vector<std::pair<Index, Index>> runs_;
  DeviceArray<Real> uploaded_;
  Count copied_rows_ = 0, ready_rows_ = 0;  // of inflow: on their way or there; waited for by what is queued
};

}  // namespace dpl
