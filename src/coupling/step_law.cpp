// The two families of schemes as rows of a linear system.
#include "dpl/coupling/step_law.hpp"

#include <vector>

#include "dpl/physics/conservative_routing.hpp"
#include "dpl/physics/muskingum_cunge.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

// What both families know of a cell.
class CellLaw : public StepLaw {
 public:
  CellLaw(const CellOrder& cells, const ReachProperties& properties, const RoutingOptions& options)
      : options_(options), reach_(cells.reach), share_(cells.share), a_(cells.rows()), b_(a_), c_(a_) {
    for (Index i = 0; i < cells.rows(); ++i) {
      length_m_.push_back(properties.length_m[reach_[i]] * share_[i]);
      slope_.push_back(properties.slope[reach_[i]]);
    }
  }

  double floor() const override { return smallest_flow(options_); }

  void set_parameters(const ReachParameters<double>& parameters) override {
    for (Index i = 0; i < rows(); ++i) {
      a_[i] = parameters.a[reach_[i]];
      b_[i] = parameters.b[reach_[i]];
      c_[i] = parameters.c[reach_[i]];
    }
    use_parameters();
  }

 protected:
  virtual void use_parameters() = 0;
  Index rows() const { return static_cast<Index>(reach_.size()); }

  RoutingOptions options_;
  std::vector<Index> reach_;
  std::vector<double> share_, length_m_, slope_;  // [row], length of the cell
  std::vector<double> a_, b_, c_;                 // [row]
};

class StorageLaw final : public CellLaw {
 public:
  using CellLaw::CellLaw;
  bool storage_form() const override { return true; }

  // C1 = (dt/2 - Y) / D.
  CellRow row(Index i, const CellBefore& b) const override {
    const auto geometry = conservative_geometry(cell_[i], b.state, b.lateral, options_.dt_s);
    const auto closure = conservative_closure(cell_[i], geometry, options_.dt_s);
    const double without_inflow = conservative_step(cell_[i], geometry, b.state, 0.0, b.lateral, options_.dt_s).discharge;
    return {(options_.dt_s * 0.5 - closure.Y) / closure.D, without_inflow};
  }

  CellAfter after(Index i, const CellBefore& b, double inflow) const override {
    const auto next = conservative_step(cell_[i], b.state, inflow, b.lateral, options_.dt_s);
    return {next.discharge, next.storage};
  }

  CellAdjoint adjoint(Index i, const CellBefore& b, double inflow, double flow_adjoint, double state_adjoint) override {
    const auto a =
        conservative_step_adjoint(cell_[i], b.state, inflow, b.lateral, options_.dt_s, flow_adjoint, state_adjoint);
    Sums& s = sums_[i];
    s.log_depth += a.log_depth;
    s.log_depth_log2_depth += a.log_depth_log2_depth;
    s.log_travel_time += a.log_travel_time;
    s.diffusion += a.diffusion;
    s.inverse_m += a.inverse_m;
    return {a.storage, 0, a.lateral};
  }

  double inflow_adjoint(Index i, const CellBefore& b, double inflow, double state_adjoint) const override {
    return conservative_step_adjoint(cell_[i], b.state, inflow, b.lateral, options_.dt_s, 0.0, state_adjoint).inflow;
  }

  double start(Index i, double inflow, double lateral) const override {
    return conservative_start(length_m_[i], slope_[i], a_[i], b_[i], c_[i], inflow + lateral * 0.5);
  }

  StartAdjoint start_adjoint(Index i, double inflow, double lateral, double state_adjoint) override {
    const auto a = conservative_start_adjoint(length_m_[i], slope_[i], a_[i], b_[i], c_[i], inflow + lateral * 0.5,
                                              state_adjoint);
    start_[i] = {a.n, a.p, a.q};
    return {a.x, 0.5 * a.x};
  }

  void add_gradient(Index i, double& a, double& b, double& c) const override {
    const Sums& s = sums_[i];
    const auto g = conservative_coefficients_adjoint(cell_[i], a_[i], b_[i], c_[i], s.log_depth, s.log_depth_log2_depth,
                                                     s.log_travel_time, s.diffusion, s.inverse_m);
    a += g.n + start_[i].n;
    b += g.p + start_[i].p;
    c += g.q + start_[i].q;
  }

  double volume(Index, double state, double) const override { return state; }

 private:
  struct Sums {
    double log_depth = 0, log_depth_log2_depth = 0, log_travel_time = 0, diffusion = 0, inverse_m = 0;
  };

  void use_parameters() override {
    cell_.resize(rows());
    for (Index i = 0; i < rows(); ++i)
      cell_[i] = conservative_coefficients(length_m_[i], slope_[i], a_[i], b_[i], c_[i]);
    sums_.assign(rows(), {});
    start_.assign(rows(), {0, 0, 0});
  }

  std::vector<ConservativeCell<double>> cell_;
  std::vector<Sums> sums_;
  std::vector<ChannelAdjoint<double>> start_;  // gradient through the hot start
};

// What the schemes in discharge form share: Q_{t+1} = C1 I_{t+1} + C2 I_t + C3 Q_t + C4 q'_t.
class DischargeLaw : public CellLaw {
 public:
  using CellLaw::CellLaw;
  bool storage_form() const override { return false; }

  CellRow row(Index i, const CellBefore& b) const override {
    const auto [K, X] = travel(i, b.state);
    const double dt = options_.dt_s;
    return {(dt - 2 * K * X) / (2 * K - 2 * K * X + dt), muskingum_step(K, X, b.state, 0.0, b.inflow, b.lateral, dt)};
  }

  CellAfter after(Index i, const CellBefore& b, double inflow) const override {
    const auto [K, X] = travel(i, b.state);
    const double flow = muskingum_step(K, X, b.state, inflow, b.inflow, b.lateral, options_.dt_s);
    return {flow, flow < floor() ? floor() : flow};
  }

  double inflow_adjoint(Index, const CellBefore&, double, double) const override { return 0; }
  double start(Index, double inflow, double lateral) const override { return inflow + lateral; }
  StartAdjoint start_adjoint(Index, double, double, double) override { return {}; }

  // K [X I + (1 - X) Q] with the coefficients of the present flow.
  double volume(Index i, double state, double inflow) const override {
    const auto [K, X] = travel(i, state);
    return K * (X * inflow + (1 - X) * state);
  }

 protected:
  virtual MuskingumCoefficients<double> travel(Index i, double discharge) const = 0;
};

class CungeLaw final : public DischargeLaw {
 public:
  CungeLaw(const CellOrder& cells, const ReachProperties& properties, const RoutingOptions& options)
      : DischargeLaw(cells, properties, options), formulas_(discharge_formulas(options)) {}

  CellAdjoint adjoint(Index i, const CellBefore& b, double inflow, double flow_adjoint, double) override {
    const auto a = muskingum_cunge_step_adjoint(cell_[i], slope_[i], b.state, inflow, b.inflow, b.lateral, options_.dt_s,
                                                formulas_, flow_adjoint);
    Sums& s = sums_[i];
    s.log2_depth_factor += a.log2_depth_factor;
    s.depth_exponent += a.depth_exponent;
    s.log2_width += a.log2_width;
    s.q += a.q;
    s.velocity_factor += a.velocity_factor;
    return {a.discharge, a.inflow, a.lateral};
  }

  void add_gradient(Index i, double& a, double& b, double& c) const override {
    const Sums& s = sums_[i];
    const auto g = muskingum_cunge_coefficients_adjoint(cell_[i], slope_[i], a_[i], b_[i], options_.published_epsilons,
                                                        s.log2_depth_factor, s.depth_exponent, s.log2_width, s.q,
                                                        s.velocity_factor);
    a += g.n;
    b += g.p;
    c += g.q;
  }

 private:
  struct Sums {
    double log2_depth_factor = 0, depth_exponent = 0, log2_width = 0, q = 0, velocity_factor = 0;
  };

  void use_parameters() override {
    cell_.resize(rows());
    for (Index i = 0; i < rows(); ++i)
      cell_[i] = muskingum_cunge_coefficients(length_m_[i], slope_[i], a_[i], b_[i], c_[i], options_.published_epsilons);
    sums_.assign(rows(), {});
  }

  MuskingumCoefficients<double> travel(Index i, double discharge) const override {
    const auto section = channel_section(cell_[i], discharge, formulas_.trapezoid_celerity);
    const auto r = travel_time(cell_[i], section, discharge, slope_[i], options_.dt_s, formulas_);
    return {r.K, r.X};
  }

  MuskingumCungeOptions formulas_;
  std::vector<MuskingumCungeCell<double>> cell_;
  std::vector<Sums> sums_;
};

class FixedLaw final : public DischargeLaw {
 public:
  using DischargeLaw::DischargeLaw;

  CellAdjoint adjoint(Index i, const CellBefore& b, double inflow, double flow_adjoint, double) override {
    const auto a = muskingum_step_adjoint(a_[i], b_[i], b.state, inflow, b.inflow, b.lateral, options_.dt_s, flow_adjoint);
    K_sum_[i] += a.K;
    X_sum_[i] += a.X;
    return {a.discharge, a.inflow, a.lateral};
  }

  void add_gradient(Index i, double& a, double& b, double&) const override {
    a += K_sum_[i] * share_[i];
    b += X_sum_[i];
  }

 private:
  void use_parameters() override {
    for (Index i = 0; i < rows(); ++i) a_[i] *= share_[i];  // the reach's K, shared by its cells
    K_sum_.assign(rows(), 0.0);
    X_sum_.assign(rows(), 0.0);
  }

  MuskingumCoefficients<double> travel(Index i, double) const override { return {a_[i], b_[i]}; }

  std::vector<double> K_sum_, X_sum_;
};

}  // namespace

std::unique_ptr<StepLaw> make_step_law(const CellOrder& cells, const ReachProperties& properties,
                                       const RoutingOptions& options) {
  if (options.scheme == Scheme::conservative) return std::make_unique<StorageLaw>(cells, properties, options);
  if (options.scheme == Scheme::muskingum) return std::make_unique<FixedLaw>(cells, properties, options);
  return std::make_unique<CungeLaw>(cells, properties, options);
}

}  // namespace dpl
