// River routing on one rank's pieces, forward and adjoint: the door of the physics room.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dpl/base/rank_network.hpp"
#include "dpl/base/types.hpp"
#include "dpl/physics/boundary.hpp"
#include "dpl/physics/device_memory.hpp"
#include "dpl/physics/window_router.hpp"

namespace dpl {

/// The schemes of docs/physics (method sections 2.1 and 2.2).
enum class Scheme { conservative, published, exact_celerity, corrected, positive, muskingum };

/// Throws Error naming all schemes when the name is unknown.
Scheme scheme_from_name(const std::string& name);
const char* scheme_name(Scheme scheme);
std::vector<std::string> scheme_names();

struct RoutingOptions {
  Scheme scheme = Scheme::conservative;
  double dt_s = 3600;               ///< length of one routing step (after sub-stepping)
  double q_min_m3s = 1e-4;          ///< literature schemes except muskingum
  double x = 0.3;                   ///< X of the schemes with a constant X
  bool published_epsilons = true;
  bool floor_hot_start = true;      ///< the floor of the lateral inflow holds in the hot start too; DDR's does not
  bool inflow_readout = false;      ///< probes read the sum of the inflows instead of the reach's own outflow
  // Results depend on none of these:
  Index chunk_steps = 256;          ///< steps per message across cut edges, 0 = chosen
  Index tile_cells = 0;             ///< sub-reaches routed together, 0 = chosen for the caches; on GPUs as many as can be
  Index block_steps = 0;            ///< steps they are routed at a time, 0 = chosen
  Count tape_bytes = 0;             ///< largest tape; 0 = no limit. Beyond it states are kept less often and made again
  Device device = Device::cpu;
};

/// Fixed properties of the own reaches (order of RankNetwork::reach).
struct ReachProperties {
  std::vector<double> length_m;
  std::vector<double> slope;        ///< after the slope floor
  std::vector<Index> sub_reaches;   ///< >= 1: equal sub-reaches a reach is split into (method section 2.1)
};

/// Parameters of the own reaches: n, p, q; for muskingum k_s, x and an unused third.
template <class Real>
struct ReachParameters {
  std::vector<Real> a;              ///< [own] n [s m^-1/3], or K [s]
  std::vector<Real> b;              ///< [own] p, or X [-]
  std::vector<Real> c;              ///< [own] q [-], or unused
};

/// Lateral inflow of a window. The values are read again by adjoint(): they must stay until it has run. Only the
/// window's rows are read (row 0 by a hot start of no steps too), so `values` may point into a larger array.
template <class Real>
struct LateralInflow {
  const Real* values = nullptr;     ///< m3/s, [own reach][row], rows of one reach contiguous
  Count stride = 0;                 ///< distance between reaches in `values`
  Index hold = 1;                   ///< routing steps a row holds for; row r drives steps r hold .. r hold + hold - 1
};

/// Water volumes over a window [m3], per own reach, in double: the ingredients of a mass balance.
struct WaterBalance {
  std::vector<double> lateral_inflow, outflow, storage_start, storage_end;  ///< outflow: of the own reach
  std::vector<double> created_by_floor;  ///< literature schemes: water made by Q >= Qmin
};

/// Routes windows on the own reaches. All public functions except the queries are collective over the ranks of the
/// boundary. Discharge, state and gradients are the same bits for every partition, chunk length and row order.
template <class Real>
class Router final : public WindowRouter<Real> {
 public:
  Router(const RankNetwork& network, const ReachProperties& properties, const RoutingOptions& options,
         Boundary<Real>& boundary);
  ~Router() override;
  Router(Router&&) noexcept;

  /// Number of state values (sub-reaches of the own reaches, reach by reach, upstream sub-reach first).
  Index state_size() const override;
  /// [own + 1] first state value of an own reach.
  const std::vector<Index>& state_start() const override;
  /// Rows of discharge a window of `steps` gives: steps for `conservative` (means over the steps), steps + 1 for the
  /// other schemes (instants, row 0 = start).
  Count output_rows(Count steps) const override;

  /// Routes `steps` steps. Begins with the hot start, or with `initial_state` [state_size()] where it is not empty
  /// (storage m3 for conservative, discharge m3/s for the other schemes).
  /// @param probes       own reaches whose discharge is wanted
  /// @param discharge    [probe][output_rows(steps)] m3/s
  /// @param keep_tape    true when adjoint() follows
  /// Throws Error for parameters, probes, rows or states that do not fit the own reaches.
  void forward(const ReachParameters<Real>& parameters, const LateralInflow<Real>& inflow, Count steps,
               std::span<const Real> initial_state, std::span<const Index> probes, std::span<Real> discharge,
               bool keep_tape) override;

  /// [own piece, order of RankNetwork::pieces] 0: the piece is left out from now on: no flow leaves it, its gradient is
  /// 0, its probes read 0 and its part of final_state() means nothing. Empty: no piece is left out. A piece may be left
  /// out when no reach of it lies upstream of a probe that is wanted; every rank must decide from the same probes. A
  /// tape kept before is forgotten.
  void leave_out_pieces(std::vector<std::uint8_t> wanted) override;

  /// After forward: state at the end of the window, [state_size()].
  const std::vector<Real>& final_state() const override;

  /// Gradient of a scalar J given dJ/d discharge (`seed`, [probe][output_rows], same probes as forward). Results are
  /// overwritten: gradient a, b, c [own]; `inflow_adjoint` [own][rows] when not empty (rows = ceil(steps / hold)).
  void adjoint(std::span<const Real> seed, ReachParameters<Real>& gradient, std::span<Real> inflow_adjoint) override;

  /// Balance of the last forward pass (only when it was asked for before, costs a little).
  void keep_water_balance(bool keep) override;
  const WaterBalance& water_balance() const override;

  /// Earliest step of the last window at which a state stopped being finite, and the own reaches where it did then;
  /// {-1, {}} if none.
  std::pair<Count, std::vector<Index>> first_not_finite() const override;

  /// Bytes of tape kept for a window of `steps`.
  Count tape_bytes(Count steps) const override;

  /// Bytes of GPU memory that a window takes (arguments as forward's), with the tiles; 0 on the CPU. An inflow that lies in
  /// GPU memory already takes less. forward() throws Error, before it allocates, where they are not free.
  Count device_bytes(Count steps, Index hold, Index probes, bool keep_tape) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class Router<float>;
extern template class Router<double>;

/// Number of equal sub-reaches of length at most `max_length_m`.
Index sub_reaches_by_length(double length_m, double max_length_m);

/// Number of equal sub-reaches near Courant number 1: l = c dt where |l - c dt| <= lambda is possible (method 2.1), with
/// celerity c and lambda of discharge `discharge_m3s` in a channel n, p, q, slope. At least 1.
Index sub_reaches_by_courant(double length_m, double slope, double n, double p, double q, double discharge_m3s,
                             double dt_s);

}  // namespace dpl
