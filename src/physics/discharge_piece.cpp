// The discharge form on one piece: coefficients, start, sweeps and their adjoints.
#include "dpl/physics/discharge_piece.hpp"

#include <algorithm>

#include "dpl/physics/routing_rules.hpp"

namespace dpl {

template <class Real>
DischargePiece<Real>::DischargePiece(PieceLayout layout, const ReachProperties& properties, const RoutingOptions& options)
    : PieceRouter<Real>(std::move(layout), properties, options), formulas_(discharge_formulas(options)) {
  form_ = muskingum() ? kMuskingumForm
                      : (formulas_.trapezoid_celerity ? 1 : 0) + (formulas_.cunge_x ? 2 : 0) + (formulas_.positive ? 4 : 0);
  for (auto* cells : {&log2_depth_factor_, &depth_exponent_, &log2_width_, &q_cell_, &velocity_factor_, &length_,
                      &slope_cell_, &inflow_now_, &inflow_next_floored_, &next_gathered_, &floored_gathered_, &cut_message_,
                      &seed_, &state_adjoint_, &lateral_adjoint_, &log2_depth_factor_sum_, &depth_exponent_sum_,
                      &log2_width_sum_, &q_sum_, &velocity_factor_sum_})
    *cells = this->cells_of();
  for (auto* slots : {&state_, &next_adjoint_, &inflow_adjoint_, &floored_adjoint_}) *slots = this->slots_of();
}

template <class Real>
void DischargePiece<Real>::set_coefficients(const RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  n_.resize(layout.cells);
  p_.resize(layout.cells);
  q_.resize(layout.cells);
  std::fill(state_.begin(), state_.end(), Real(0));
  for (Index i = 0; i < layout.cells; ++i) {
    n_[i] = window.parameters->a[layout.reach[i]];
    p_[i] = window.parameters->b[layout.reach[i]];
    q_[i] = window.parameters->c[layout.reach[i]];
    if (muskingum()) {
      n_[i] *= layout.share[i];  // the reach's K, shared by its sub-reaches
      log2_depth_factor_[i] = static_cast<Real>(n_[i]);
      depth_exponent_[i] = static_cast<Real>(p_[i]);
      continue;
    }
    const auto c = muskingum_cunge_coefficients<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i],
                                                        this->options_.published_epsilons);
    log2_depth_factor_[i] = static_cast<Real>(c.log2_depth_factor);
    depth_exponent_[i] = static_cast<Real>(c.depth_exponent);
    log2_width_[i] = static_cast<Real>(c.log2_width);
    q_cell_[i] = static_cast<Real>(c.q);
    velocity_factor_[i] = static_cast<Real>(c.velocity_factor);
    length_[i] = static_cast<Real>(c.length);
    slope_cell_[i] = static_cast<Real>(this->slope_[i]);
  }
}

template <class Real>
MuskingumCungeCoefficients<Real> DischargePiece<Real>::coefficients() const {
  return {log2_depth_factor_.data(), depth_exponent_.data(), log2_width_.data(), q_cell_.data(),
          velocity_factor_.data(),   length_.data(),         slope_cell_.data()};
}

template <class Real>
void DischargePiece<Real>::start(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  const bool hot = window.initial_state.empty();
  this->load_start_lateral(window, this->options_.floor_hot_start);
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g)
    state_[layout.ghost_slot(static_cast<Index>(g))] = window.ghost_start[layout.ghosts[g]];
  for (Index i = 0; i < layout.cells; ++i) {  // ascending lag: upstream first
    inflow_now_[i] = this->start_inflow(i, state_);
    state_[i] = hot ? inflow_now_[i] + this->lateral_[i]
                    : floored_discharge(window.initial_state[layout.state[i]], this->lateral_floor_);
  }
  for (std::size_t e = 0; e < layout.cuts.size(); ++e) window.cut_start[layout.cuts[e]] = state_[layout.cut_cell[e]];
  for (const auto& probe : this->probes_) window.discharge[probe.number * window.rows] = probe_value(probe);
}

template <class Real>
void DischargePiece<Real>::after_gather(const RouterWindow<Real>&, Index first, Index end, Index, Count) {
  const auto& layout = this->layout_;
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g) {
    const Index slot = layout.ghost_slot(static_cast<Index>(g));
    state_[slot] = floored_discharge(this->flow_[slot], this->lateral_floor_);
  }
  this->kernels_.gather({this->upstream0_.data(), this->upstream1_.data(), state_.data(), inflow_next_floored_.data()},
                        first, end);
  for (const auto& many : layout.many)
    if (many.cell >= first && many.cell < end)
      for (Index slot : many.slots) inflow_next_floored_[many.cell] += state_[slot];
}

template <class Real>
void DischargePiece<Real>::sweep(Index first, Index end) {
  this->kernels_.discharge_forward[form_](
      {coefficients(), this->inflow_.data(), inflow_next_floored_.data(), this->lateral_.data(), inflow_now_.data(),
       state_.data(), this->flow_.data(), static_cast<Real>(this->options_.dt_s), this->lateral_floor_, formulas_.x},
      first, end);
}

template <class Real>
Real DischargePiece<Real>::probe_value(const PieceProbe& probe) const {
  return this->options_.inflow_readout ? inflow_now_[probe.cell] : state_[probe.cell];
}

template <class Real>
std::vector<Real> DischargePiece<Real>::snapshot() const {
  std::vector<Real> all(state_.begin(), state_.begin() + this->layout_.cells);
  all.insert(all.end(), inflow_now_.begin(), inflow_now_.end());
  return all;
}

template <class Real>
void DischargePiece<Real>::restore(std::span<const Real> snapshot) {
  std::copy_n(snapshot.begin(), this->layout_.cells, state_.begin());
  std::copy_n(snapshot.begin() + this->layout_.cells, this->layout_.cells, inflow_now_.begin());
}

template <class Real>
void DischargePiece<Real>::reset_adjoint() {
  for (auto* values : {&state_adjoint_, &lateral_adjoint_, &next_adjoint_, &inflow_adjoint_, &floored_adjoint_,
                       &cut_message_, &seed_, &log2_depth_factor_sum_, &depth_exponent_sum_, &log2_width_sum_, &q_sum_,
                       &velocity_factor_sum_})
    std::fill(values->begin(), values->end(), Real(0));
}

template <class Real>
Real DischargePiece<Real>::ghost_raw(const RouterWindow<Real>& window, Index ghost, Count step) const {
  return window.ghost_flow[this->layout_.ghosts[ghost] * window.steps + step];
}

template <class Real>
void DischargePiece<Real>::adjoint_sweep(RouterWindow<Real>& window, const ChunkRecord<Real>& record, Index k, Index first,
                                         Index end, Count step0) {
  const auto& layout = this->layout_;
  const Index steps = static_cast<Index>(std::min<Count>(window.chunk, window.steps - step0));
  const bool inflow_readout = this->options_.inflow_readout;
  for (Index i = first; i < end; ++i) {
    next_gathered_[i] = next_adjoint_[this->downstream_[i]];
    floored_gathered_[i] = floored_adjoint_[this->downstream_[i]];
    floored_adjoint_[i] = inflow_adjoint_[i];  // adjoint of the floored I_{t+1}, from this cell's step t + 1
  }
  for (std::size_t e = 0; e < layout.cuts.size(); ++e)
    if (const Index t = k - layout.lag[layout.cut_cell[e]]; t >= 0 && t < steps)
      cut_message_[layout.cut_cell[e]] = window.cut_adjoint[layout.cuts[e] * window.steps + step0 + t];
  for (const auto& probe : this->probes_)
    if (const Index t = k - layout.lag[probe.cell]; t >= 0 && t < steps) {
      const Real value = window.seed[probe.number * window.rows + step0 + t + 1];
      if (inflow_readout)
        floored_adjoint_[probe.cell] += value;
      else
        seed_[probe.cell] += value;
    }
  const std::size_t row = static_cast<std::size_t>(k) * layout.cells;
  this->kernels_.discharge_adjoint[form_](
      {coefficients(), record.state.data() + row, record.inflow.data() + row, record.inflow_next.data() + row,
       record.lateral.data() + row, this->downstream_.data(), next_gathered_.data(), floored_gathered_.data(),
       cut_message_.data(), seed_.data(), state_adjoint_.data(), next_adjoint_.data(), inflow_adjoint_.data(),
       lateral_adjoint_.data(), log2_depth_factor_sum_.data(), depth_exponent_sum_.data(), log2_width_sum_.data(),
       q_sum_.data(), velocity_factor_sum_.data(), static_cast<Real>(this->options_.dt_s), this->lateral_floor_,
       formulas_.x},
      first, end);
  for (const auto& probe : this->probes_) seed_[probe.cell] = 0;
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g)
    if (const Index t = k - layout.lag[layout.ghost_cell[g]]; t >= 0 && t < steps)
      window.ghost_adjoint[layout.ghosts[g] * window.chunk + t] =
          discharge_message(next_adjoint_[layout.ghost_cell[g]], floored_adjoint_[layout.ghost_cell[g]],
                            ghost_raw(window, static_cast<Index>(g), step0 + t), this->lateral_floor_);
  if (window.inflow_adjoint.empty()) return;
  for (Index i = first; i < end; ++i) {
    const bool free = record.lateral[row + i] > this->lateral_floor_;
    window.inflow_adjoint[layout.state[i] * window.inflow_rows + (step0 + k - layout.lag[i]) / window.inflow.hold] +=
        free ? lateral_adjoint_[i] : Real(0);
  }
}

template <class Real>
void DischargePiece<Real>::start_adjoint(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  const bool hot = window.initial_state.empty();
  // What the start discharge of a cell means: its own state, its share of the inflow of the first step downstream, and,
  // from a hot start, the start discharge downstream.
  std::fill(next_adjoint_.begin(), next_adjoint_.end(), Real(0));
  std::fill(cut_message_.begin(), cut_message_.end(), Real(0));
  for (std::size_t e = 0; e < layout.cuts.size(); ++e)
    cut_message_[layout.cut_cell[e]] = window.cut_start_adjoint[layout.cuts[e]];
  for (const auto& probe : this->probes_) {
    const Real value = window.seed[probe.number * window.rows];
    (this->options_.inflow_readout ? inflow_adjoint_ : seed_)[probe.cell] += value;
  }
  this->load_start_lateral(window, true);
  for (Index i = layout.cells - 1; i >= 0; --i) {
    const Real below = cut_message_[i] + next_adjoint_[this->downstream_[i]];
    const Real total = below + (seed_[i] + state_adjoint_[i]);
    next_adjoint_[i] = (hot ? total : Real(0)) + inflow_adjoint_[i];  // to every cell upstream
    const bool free = !this->options_.floor_hot_start || this->lateral_[i] > this->lateral_floor_;
    if (hot && free && !window.inflow_adjoint.empty())
      window.inflow_adjoint[layout.state[i] * window.inflow_rows] += total;
  }
  for (const auto& probe : this->probes_) seed_[probe.cell] = 0;
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g)
    window.ghost_start_adjoint[layout.ghosts[g]] = next_adjoint_[layout.ghost_cell[g]];
}

template <class Real>
void DischargePiece<Real>::gradient(const RouterWindow<Real>&, Index i, double& a, double& b, double& c) const {
  if (muskingum()) {
    a += log2_depth_factor_sum_[i] * this->layout_.share[i];
    b += depth_exponent_sum_[i];
    return;
  }
  const auto cell = muskingum_cunge_coefficients<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i],
                                                         this->options_.published_epsilons);
  const auto g = muskingum_cunge_coefficients_adjoint<double>(
      cell, this->slope_[i], n_[i], p_[i], this->options_.published_epsilons, log2_depth_factor_sum_[i],
      depth_exponent_sum_[i], log2_width_sum_[i], q_sum_[i], velocity_factor_sum_[i]);
  a += g.n;
  b += g.p;
  c += g.q;
}

// K [X I + (1 - X) Q] with the coefficients of the present flow.
template <class Real>
std::vector<double> DischargePiece<Real>::storage() const {
  std::vector<double> volume;
  for (Index i = 0; i < this->layout_.cells; ++i) {
    double K = n_[i], X = p_[i];
    const double Q = state_[i], I = inflow_now_[i];
    if (!muskingum()) {
      const auto c = muskingum_cunge_coefficients<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i],
                                                          this->options_.published_epsilons);
      const auto section = channel_section<double>(c, Q, formulas_.trapezoid_celerity);
      const auto travel = travel_time<double>(c, section, Q, this->slope_[i], this->options_.dt_s, formulas_);
      K = travel.K;
      X = travel.X;
    }
    volume.push_back(K * (X * I + (1 - X) * Q));
  }
  return volume;
}

template class DischargePiece<float>;
template class DischargePiece<double>;

}  // namespace dpl
