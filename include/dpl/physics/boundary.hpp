// What routing asks of whoever moves discharge across cut edges (implemented by the coupling room).
#pragma once

#include <span>

#include "dpl/base/types.hpp"
#include "dpl/physics/device_memory.hpp"

namespace dpl {

/// Moves one value per cut edge and step. All ranks call these functions in the same order with the same `steps`, also those
/// without cut edges; each begin is followed by its end, with the same arrays, before the next begin. Between the two what is
/// sent must not change, and what comes is not there yet.
template <class Real>
class Boundary {
 public:
  virtual ~Boundary() = default;

  /// In whose memory the arrays of the calls below lie: the host's (Device::cpu), or the router's device's, which these calls
  /// then wait for. The same on all ranks.
  virtual Device memory() const { return Device::cpu; }

  /// Downstream: cut_out[edge * steps + t] of the rank above arrives in ghost[edge * steps + t] of the rank below.
  virtual void begin_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) = 0;
  virtual void end_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) = 0;
  void send_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) {
    begin_downstream(cut_out, ghost, steps);
    end_downstream(cut_out, ghost, steps);
  }

  /// Upstream, for the adjoint: ghost[...] of the rank below arrives in cut_out[...] of the rank above.
  virtual void begin_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) = 0;
  virtual void end_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) = 0;
  void send_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) {
    begin_upstream(ghost, cut_out, steps);
    end_upstream(ghost, cut_out, steps);
  }

  /// Between a begin and its end: lets messages move on. Local; any number of calls.
  virtual void move_messages() {}

  /// True where no rank has a cut edge; then routing makes no call at all.
  virtual bool nothing_to_exchange() const = 0;
};

/// For a network that is not cut.
template <class Real>
class NoBoundary final : public Boundary<Real> {
 public:
  void begin_downstream(std::span<const Real>, std::span<Real>, Index) override {}
  void end_downstream(std::span<const Real>, std::span<Real>, Index) override {}
  void begin_upstream(std::span<const Real>, std::span<Real>, Index) override {}
  void end_upstream(std::span<const Real>, std::span<Real>, Index) override {}
  bool nothing_to_exchange() const override { return true; }
};

}  // namespace dpl
