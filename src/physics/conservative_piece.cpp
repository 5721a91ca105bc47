// The storage form on one piece: coefficients, start, sweeps and their adjoints.
#include "dpl/physics/conservative_piece.hpp"

namespace dpl {

template <class Real>
ConservativePiece<Real>::ConservativePiece(PieceLayout layout, const ReachProperties& properties,
                                           const RoutingOptions& options)
    : PieceRouter<Real>(std::move(layout), properties, options) {
  for (auto* cells : {&log2_depth_, &depth_exponent_, &log2_travel_time_, &diffusion_, &inverse_m_, &smallest_storage_,
                      &storage_, &message_, &storage_adjoint_, &lateral_adjoint_, &log_depth_sum_,
                      &log_depth_log2_depth_sum_, &log_travel_time_sum_, &diffusion_sum_, &inverse_m_sum_})
    *cells = this->cells_of();
  inflow_adjoint_ = this->slots_of();  // one more than the cells: adjoint of "downstream of an outlet" is zero
  start_x_.resize(this->layout_.cells);
}

template <class Real>
void ConservativePiece<Real>::set_coefficients(const RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  n_.resize(layout.cells);
  p_.resize(layout.cells);
  q_.resize(layout.cells);
  for (Index i = 0; i < layout.cells; ++i) {
    n_[i] = window.parameters->a[layout.reach[i]];
    p_[i] = window.parameters->b[layout.reach[i]];
    q_[i] = window.parameters->c[layout.reach[i]];
    const auto c = conservative_coefficients<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i]);
    log2_depth_[i] = static_cast<Real>(c.log2_depth);
    depth_exponent_[i] = static_cast<Real>(c.depth_exponent);
    log2_travel_time_[i] = static_cast<Real>(c.log2_travel_time);
    diffusion_[i] = static_cast<Real>(c.diffusion);
    inverse_m_[i] = static_cast<Real>(c.inverse_m);
    smallest_storage_[i] = static_cast<Real>(c.smallest_storage);
  }
}

template <class Real>
ConservativeCoefficients<Real> ConservativePiece<Real>::coefficients() const {
  return {log2_depth_.data(), depth_exponent_.data(), log2_travel_time_.data(),
          diffusion_.data(),  inverse_m_.data(),      smallest_storage_.data()};
}

template <class Real>
void ConservativePiece<Real>::start(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  this->load_start_lateral(window, true);
  if (!window.initial_state.empty()) {
    for (Index i = 0; i < layout.cells; ++i) storage_[i] = window.initial_state[layout.state[i]];
    return;
  }
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g)
    this->flow_[layout.ghost_slot(static_cast<Index>(g))] = window.ghost_start[layout.ghosts[g]];
  for (Index i = 0; i < layout.cells; ++i) {  // ascending lag: upstream first
    const Real inflow = this->start_inflow(i, this->flow_);
    this->flow_[i] = inflow + this->lateral_[i];
    start_x_[i] = inflow + this->lateral_[i] * Real(0.5);
    storage_[i] = static_cast<Real>(
        conservative_start<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i], start_flow(i)));
  }
  for (std::size_t e = 0; e < layout.cuts.size(); ++e)
    window.cut_start[layout.cuts[e]] = this->flow_[layout.cut_cell[e]];
}

template <class Real>
void ConservativePiece<Real>::sweep(Index first, Index end) {
  this->kernels_.conservative_forward({coefficients(), this->inflow_.data(), this->lateral_.data(), storage_.data(),
                                       this->flow_.data(), static_cast<Real>(this->options_.dt_s)},
                                      first, end);
}

template <class Real>
Real ConservativePiece<Real>::probe_value(const PieceProbe& probe) const {
  return this->options_.inflow_readout ? this->inflow_[probe.cell] : this->flow_[probe.cell];
}

template <class Real>
void ConservativePiece<Real>::reset_adjoint() {
  for (auto* cells : {&message_, &storage_adjoint_, &inflow_adjoint_, &lateral_adjoint_, &log_depth_sum_,
                      &log_depth_log2_depth_sum_, &log_travel_time_sum_, &diffusion_sum_, &inverse_m_sum_})
    std::fill(cells->begin(), cells->end(), Real(0));
  for (auto* sums : {&start_n_, &start_p_, &start_q_}) sums->assign(this->layout_.cells, 0.0);
}

template <class Real>
void ConservativePiece<Real>::adjoint_sweep(RouterWindow<Real>& window, const ChunkRecord<Real>& record, Index k,
                                            Index first, Index end, Count step0) {
  const auto& layout = this->layout_;
  const Index steps = static_cast<Index>(std::min<Count>(window.chunk, window.steps - step0));
  const bool inflow_readout = this->options_.inflow_readout;
  for (Index i = first; i < end; ++i) message_[i] = inflow_adjoint_[this->downstream_[i]];
  for (std::size_t e = 0; e < layout.cuts.size(); ++e)
    if (const Index t = k - layout.lag[layout.cut_cell[e]]; t >= 0 && t < steps)
      message_[layout.cut_cell[e]] = window.cut_adjoint[layout.cuts[e] * window.steps + step0 + t];
  const auto seed = [&](const PieceProbe& probe, DeviceVector<Real>& target) {
    if (const Index t = k - layout.lag[probe.cell]; t >= 0 && t < steps)
      target[probe.cell] += window.seed[probe.number * window.rows + step0 + t];
  };
  for (const auto& probe : this->probes_)
    if (!inflow_readout) seed(probe, message_);
  const std::size_t row = static_cast<std::size_t>(k) * layout.cells;
  this->kernels_.conservative_adjoint(
      {coefficients(), record.state.data() + row, record.inflow.data() + row, record.lateral.data() + row,
       message_.data(), storage_adjoint_.data(), inflow_adjoint_.data(), lateral_adjoint_.data(), log_depth_sum_.data(),
       log_depth_log2_depth_sum_.data(), log_travel_time_sum_.data(), diffusion_sum_.data(), inverse_m_sum_.data(),
       static_cast<Real>(this->options_.dt_s)},
      first, end);
  for (const auto& probe : this->probes_)
    if (inflow_readout) seed(probe, inflow_adjoint_);
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g)
    if (const Index t = k - layout.lag[layout.ghost_cell[g]]; t >= 0 && t < steps)
      window.ghost_adjoint[layout.ghosts[g] * window.chunk + t] = inflow_adjoint_[layout.ghost_cell[g]];
  if (window.inflow_adjoint.empty()) return;
  for (Index i = first; i < end; ++i)
    window.inflow_adjoint[layout.state[i] * window.inflow_rows + (step0 + k - layout.lag[i]) / window.inflow.hold] +=
        lateral_adjoint_[i];
}

template <class Real>
void ConservativePiece<Real>::start_adjoint(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  if (!window.initial_state.empty()) return;
  // inflow_adjoint_ now carries the adjoint of the start discharge up the tree.
  std::fill(inflow_adjoint_.begin(), inflow_adjoint_.end(), Real(0));
  for (Index i = 0; i < layout.cells; ++i) message_[i] = 0;
  for (std::size_t e = 0; e < layout.cuts.size(); ++e)
    message_[layout.cut_cell[e]] = window.cut_start_adjoint[layout.cuts[e]];
  for (Index i = layout.cells - 1; i >= 0; --i) {
    const auto a = conservative_start_adjoint<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i],
                                                      start_flow(i), storage_adjoint_[i]);
    start_n_[i] = a.n;
    start_p_[i] = a.p;
    start_q_[i] = a.q;
    const Real below = message_[i] + inflow_adjoint_[this->downstream_[i]];
    inflow_adjoint_[i] = below + static_cast<Real>(a.x);
    if (!window.inflow_adjoint.empty())
      window.inflow_adjoint[layout.state[i] * window.inflow_rows] += below + static_cast<Real>(0.5 * a.x);
  }
  for (std::size_t g = 0; g < layout.ghosts.size(); ++g)
    window.ghost_start_adjoint[layout.ghosts[g]] = inflow_adjoint_[layout.ghost_cell[g]];
}

template <class Real>
void ConservativePiece<Real>::gradient(const RouterWindow<Real>&, Index i, double& a, double& b, double& c) const {
  const auto cell = conservative_coefficients<double>(this->length_m_[i], this->slope_[i], n_[i], p_[i], q_[i]);
  const auto g = conservative_coefficients_adjoint<double>(cell, n_[i], p_[i], q_[i], log_depth_sum_[i],
                                                           log_depth_log2_depth_sum_[i], log_travel_time_sum_[i],
                                                           diffusion_sum_[i], inverse_m_sum_[i]);
  a += g.n + start_n_[i];
  b += g.p + start_p_[i];
  c += g.q + start_q_[i];
}

template <class Real>
std::vector<double> ConservativePiece<Real>::storage() const {
  return {storage_.begin(), storage_.begin() + this->layout_.cells};
}

template class ConservativePiece<float>;
template class ConservativePiece<double>;

}  // namespace dpl
