// The storage form on one tile: coefficients, start, sweeps and their adjoints.
#include "dpl/physics/conservative_tile.hpp"

namespace dpl {

template <class Real>
ConservativeTile<Real>::ConservativeTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                                         const RoutingOptions& options, TileScratch<Real>& scratch)
    : TileRouter<Real>(std::move(layout), tile, properties, options, scratch) {
  for (auto* cells : {&log2_depth_, &depth_exponent_, &log2_travel_time_, &diffusion_, &inverse_m_, &smallest_storage_,
                      &storage_, &storage_adjoint_, &log_depth_sum_,
                      &log_depth_log2_depth_sum_, &log_travel_time_sum_, &diffusion_sum_, &inverse_m_sum_})
    *cells = this->cells_of();
  start_x_.resize(this->layout_.cells);
}

template <class Real>
void ConservativeTile<Real>::set_coefficients(const RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  this->load_parameters(window);
  for (Index i = 0; i < layout.cells; ++i) {
    const auto c = conservative_coefficients<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i]);
    log2_depth_[i] = static_cast<Real>(c.log2_depth);
    depth_exponent_[i] = static_cast<Real>(c.depth_exponent);
    log2_travel_time_[i] = static_cast<Real>(c.log2_travel_time);
    diffusion_[i] = static_cast<Real>(c.diffusion);
    inverse_m_[i] = static_cast<Real>(c.inverse_m);
    smallest_storage_[i] = static_cast<Real>(c.smallest_storage);
  }
}

template <class Real>
void ConservativeTile<Real>::start(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  if (!window.initial_state.empty()) {
    for (Index i = 0; i < layout.cells; ++i) storage_[i] = window.initial_state[layout.state[i]];
    return;
  }
  this->load_start_lateral(window, true);
  auto flow = this->start_row(window);
  for (Index i = 0; i < layout.cells; ++i) {  // ascending lag: upstream first
    const Real inflow = this->start_inflow(i, flow.data()), lateral = this->held_lateral_[i];
    flow[i] = inflow + lateral;
    start_x_[i] = inflow + lateral * Real(0.5);
    storage_[i] = static_cast<Real>(
        conservative_start<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i], start_flow(i)));
  }
  this->send_start(window, flow);
}

template <class Real>
ConservativeBlock<Real> ConservativeTile<Real>::block(const RouterWindow<Real>& window, const BlockSpan& span) {
  auto& scratch = this->scratch_;
  ConservativeBlock<Real> b;
  b.graph = this->graph();
  b.steps = span.steps;
  b.lateral = this->lateral_block(window, span);
  b.cell = {log2_depth_.data(), depth_exponent_.data(), log2_travel_time_.data(),
            diffusion_.data(),  inverse_m_.data(),      smallest_storage_.data()};
  b.storage = storage_.data();
  b.inflow = scratch.inflow.data();
  b.flow = scratch.flow.data();
  b.flow_stride = this->layout_.flow_stride();
  b.record_stride = padded(this->layout_.cells);
  b.dt = static_cast<Real>(this->options_.dt_s);
  return b;
}

template <class Real>
void ConservativeTile<Real>::prepare_forward(const RouterWindow<Real>& window, const BlockSpan& span) {
  auto& flow = this->scratch_.flow;
  this->grow(this->scratch_.inflow, padded(this->layout_.cells));
  this->grow(flow, static_cast<std::size_t>(this->row_steps(span.steps)) * this->layout_.flow_stride());
  this->fill_inflows(window, span, flow.data());
}

template <class Real>
void ConservativeTile<Real>::sweep_forward(const RouterWindow<Real>& window, const BlockSpan& span, bool record) {
  auto b = block(window, span);
  if (record) {
    auto& rows = this->scratch_.record;
    this->grow(rows, static_cast<std::size_t>(this->row_steps(span.steps)) * b.record_stride *
                         ConservativeRecord<Real>::kFields);
    b.record = rows.data();
  }
  this->kernels_.conservative_forward(b);
}

template <class Real>
void ConservativeTile<Real>::add_volumes(const BlockSpan& span, std::span<const Real>) {
  const Count stride = this->layout_.flow_stride();
  const double dt = static_cast<double>(static_cast<Real>(this->options_.dt_s));
  for (Index i = 0; i < this->layout_.cells; ++i)
    for (Index t = 0; t < span.steps; ++t)
      this->outflow_volume[i] += dt * this->scratch_.flow[(this->layout_.lag[i] + t + 1) * stride + i];
}

template <class Real>
void ConservativeTile<Real>::reset_adjoint() {
  for (auto* cells : {&storage_adjoint_, &log_depth_sum_, &log_depth_log2_depth_sum_, &log_travel_time_sum_,
                      &diffusion_sum_, &inverse_m_sum_})
    std::fill(cells->begin(), cells->end(), Real(0));
  for (auto* sums : {&start_n_, &start_p_, &start_q_}) sums->assign(this->layout_.cells, 0.0);
}

template <class Real>
void ConservativeTile<Real>::sweep_adjoint(RouterWindow<Real>& window, const BlockSpan& span) {
  const auto& layout = this->layout_;
  auto& rows = this->scratch_.adjoint;
  auto b = block(window, span);
  b.record = this->scratch_.record.data();
  b.adjoint_stride = this->adjoint_stride();
  this->grow(rows, static_cast<std::size_t>(this->row_steps(span.steps)) * b.adjoint_stride);
  this->fill_adjoint_columns(window, span, rows.data());
  b.downstream = this->downstream_.data();
  b.downstream_window = this->downstream_window();
  b.message = this->scratch_.inflow.data();
  b.adjoint = rows.data();
  b.storage_adjoint = storage_adjoint_.data();
  Real* sums[] = {log_depth_sum_.data(), log_depth_log2_depth_sum_.data(), log_travel_time_sum_.data(),
                  diffusion_sum_.data(), inverse_m_sum_.data()};
  std::copy(std::begin(sums), std::end(sums), b.sums);
  const auto seeds = this->seeds(window, span);
  b.seeds = seeds;
  b.inflow_readout = this->options_.inflow_readout;
  this->kernels_.conservative_adjoint(b);
  for (const auto& edge : layout.inflows)
    for (Index t = 0; t < span.steps; ++t)
      window.edge_adjoint[edge.number * window.steps + span.first + t] =
          rows[static_cast<Count>(layout.lag[edge.cell] + t) * b.adjoint_stride + edge.cell];
}

template <class Real>
void ConservativeTile<Real>::start_adjoint(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  if (!window.initial_state.empty()) return;
  // The adjoint of the start discharge goes up the tree.
  auto below = this->start_adjoint_row(window);
  for (Index i = layout.cells - 1; i >= 0; --i) {
    const auto a = conservative_start_adjoint<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i],
                                                      start_flow(i), storage_adjoint_[i]);
    start_n_[i] = a.n;
    start_p_[i] = a.p;
    start_q_[i] = a.q;
    const Real message = below[layout.downstream[i]];
    below[i] = message + static_cast<Real>(a.x);
    if (!window.inflow_adjoint.empty())
      window.inflow_adjoint[layout.state[i] * window.inflow_rows] += message + static_cast<Real>(0.5 * a.x);
  }
  this->send_start_adjoint(window, below);
}

template <class Real>
void ConservativeTile<Real>::gradient(Index i, double& a, double& b, double& c) const {
  const auto cell = conservative_coefficients<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i]);
  const auto g = conservative_coefficients_adjoint<double>(cell, this->n_[i], this->p_[i], this->q_[i], log_depth_sum_[i],
                                                           log_depth_log2_depth_sum_[i], log_travel_time_sum_[i],
                                                           diffusion_sum_[i], inverse_m_sum_[i]);
  a += g.n + start_n_[i];
  b += g.p + start_p_[i];
  c += g.q + start_q_[i];
}

template <class Real>
std::vector<double> ConservativeTile<Real>::storage() const {
  return {storage_.begin(), storage_.begin() + this->layout_.cells};
}

template class ConservativeTile<float>;
template class ConservativeTile<double>;

}  // namespace dpl
