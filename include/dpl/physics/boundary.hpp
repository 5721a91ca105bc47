// What routing asks of whoever moves discharge across cut edges (implemented by the coupling room).
#pragma once

#include <span>

#include "dpl/base/types.hpp"

namespace dpl {

/// Moves one value per cut edge and step. Both functions are collective: all ranks call them once per superstep,
/// also those without cut edges, with the same `steps`.
template <class Real>
class Boundary {
 public:
  virtual ~Boundary() = default;

  /// Downstream: cut_out[edge * steps + t] of the rank above arrives in ghost[edge * steps + t] of the rank below.
  virtual void send_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) = 0;

  /// Upstream, for the adjoint: ghost[...] of the rank below arrives in cut_out[...] of the rank above.
  virtual void send_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) = 0;

  /// True where no rank has a cut edge; then routing makes no call at all.
  virtual bool nothing_to_exchange() const = 0;
};

/// For a network that is not cut.
template <class Real>
class NoBoundary final : public Boundary<Real> {
 public:
  void send_downstream(std::span<const Real>, std::span<Real>, Index) override {}
  void send_upstream(std::span<const Real>, std::span<Real>, Index) override {}
  bool nothing_to_exchange() const override { return true; }
};

}  // namespace dpl
