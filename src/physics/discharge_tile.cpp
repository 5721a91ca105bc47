// The discharge form on one tile: coefficients, start, sweeps and their adjoints.
#include "dpl/physics/discharge_tile.hpp"

#include <algorithm>

#include "dpl/physics/routing_rules.hpp"

namespace dpl {

template <class Real>
DischargeTile<Real>::DischargeTile(TileLayout layout, const Tiling::Tile& tile, const ReachProperties& properties,
                                   const RoutingOptions& options, TileScratch<Real>& scratch)
    : TileRouter<Real>(std::move(layout), tile, properties, options, scratch), formulas_(discharge_formulas(options)) {
  form_ = muskingum() ? kMuskingumForm
                      : (formulas_.trapezoid_celerity ? 1 : 0) + (formulas_.cunge_x ? 2 : 0) + (formulas_.positive ? 4 : 0);
  for (auto* cells : {&log2_depth_factor_, &depth_exponent_, &log2_width_, &q_cell_, &velocity_factor_, &length_,
                      &slope_cell_, &state_, &inflow_now_, &state_adjoint_, &inflow_adjoint_, &log2_depth_factor_sum_,
                      &depth_exponent_sum_, &log2_width_sum_, &q_sum_, &velocity_factor_sum_})
    *cells = this->cells_of();
}

template <class Real>
void DischargeTile<Real>::set_coefficients(const RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  this->load_parameters(window);
  for (Index i = 0; i < layout.cells; ++i) {
    if (muskingum()) {
      this->n_[i] *= layout.share[i];  // the reach's K, shared by its sub-reaches
      log2_depth_factor_[i] = static_cast<Real>(this->n_[i]);
      depth_exponent_[i] = static_cast<Real>(this->p_[i]);
      const double dt = this->options_.dt_s, two_K = 2 * this->n_[i], two_KX = two_K * this->p_[i], D = two_K - two_KX + dt;
      log2_width_[i] = static_cast<Real>((dt - two_KX) / D);   // C1 .. C4, 1 / D
      q_cell_[i] = static_cast<Real>((dt + two_KX) / D);
      velocity_factor_[i] = static_cast<Real>((two_K - two_KX - dt) / D);
      length_[i] = static_cast<Real>(2 * dt / D);
      slope_cell_[i] = static_cast<Real>(1 / D);
      continue;
    }
    const auto c = muskingum_cunge_coefficients<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i],
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
void DischargeTile<Real>::start(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  const bool hot = window.initial_state.empty();
  if (hot) this->load_start_lateral(window, this->options_.floor_hot_start);
  auto flow = this->start_row(window);
  for (Index i = 0; i < layout.cells; ++i) {  // ascending lag: upstream first
    inflow_now_[i] = this->start_inflow(i, flow.data());
    state_[i] = hot ? inflow_now_[i] + this->held_lateral_[i]
                    : floored_discharge(window.initial_state[layout.state[i]], this->lateral_floor_);
    flow[i] = state_[i];
  }
  this->send_start(window, flow);
  for (const auto& probe : this->probes_)
    window.discharge[probe.number * window.rows] =
        this->options_.inflow_readout ? inflow_now_[probe.cell] : state_[probe.cell];
}

template <class Real>
DischargeBlock<Real> DischargeTile<Real>::block(const RouterWindow<Real>& window, const BlockSpan& span) {
  DischargeBlock<Real> b;
  b.graph = this->graph();
  b.steps = span.steps;
  b.lateral = this->lateral_block(window, span);
  b.cell = {log2_depth_factor_.data(), depth_exponent_.data(), log2_width_.data(), q_cell_.data(),
            velocity_factor_.data(),   length_.data(),         slope_cell_.data()};
  b.state = state_.data();
  b.inflow = inflow_now_.data();
  b.inflow_next = this->scratch_.inflow.data();
  b.inflow_next_floored = b.inflow_next + padded(this->layout_.cells);
  b.flow = this->scratch_.flow.data();
  b.floored = floored_rows().data();
  b.flow_stride = this->layout_.flow_stride();
  b.record_stride = padded(this->layout_.cells);
  b.dt = static_cast<Real>(this->options_.dt_s);
  b.q_min = this->lateral_floor_;
  b.x = formulas_.x;
  return b;
}

template <class Real>
void DischargeTile<Real>::prepare_forward(const RouterWindow<Real>& window, const BlockSpan& span) {
  const auto& layout = this->layout_;
  const Count stride = layout.flow_stride();
  const auto rows = static_cast<std::size_t>(this->row_steps(span.steps));
  this->grow(this->scratch_.inflow, 2 * padded(layout.cells));
  this->grow(this->scratch_.flow, rows * stride);
  this->fill_inflows(window, span, this->scratch_.flow.data());
  if (muskingum()) return;
  this->grow(floored_rows(), rows * stride);
  const Real* flow = this->scratch_.flow.data();
  Real* floored = floored_rows().data();
  for (std::size_t k = 0; k < rows; ++k) floored[k * stride + layout.zero_slot()] = 0;
  for (std::size_t e = 0; e < layout.inflows.size(); ++e) {
    const Count first = layout.lag[layout.inflows[e].cell] * stride + layout.inflow_slot(static_cast<Index>(e));
    for (Index t = 0; t < span.steps; ++t)
      floored[first + t * stride] = floored_discharge(flow[first + t * stride], this->lateral_floor_);
  }
}

template <class Real>
void DischargeTile<Real>::sweep_forward(const RouterWindow<Real>& window, const BlockSpan& span, bool record) {
  auto b = block(window, span);
  if (record) {
    auto& rows = this->scratch_.record;
    this->grow(rows, static_cast<std::size_t>(this->row_steps(span.steps)) * b.record_stride *
                         (muskingum() ? DischargeRecord<Real>::kFixedFields : DischargeRecord<Real>::kFields));
    b.record = rows.data();
  }
  this->kernels_.discharge_forward[form_](b);
}

template <class Real>
void DischargeTile<Real>::sweep_series(const RouterWindow<Real>& window, const BlockSpan& span) {
  const auto& layout = this->layout_;
  SeriesBlock<Real> b;
  b.graph = this->graph();
  b.steps = span.steps;
  b.cell = block(window, span).cell;
  b.state = state_.data();
  b.inflow = inflow_now_.data();
  b.stride = this->series_stride(span);
  this->grow(this->scratch_.flow, static_cast<std::size_t>(layout.zero_slot() + 1) * b.stride + kVectorCells);
  b.flow = this->scratch_.flow.data() + kVectorCells;
  b.lateral = this->inflow_series(window, span);
  b.values = window.inflow.values;
  b.hold = window.inflow.hold;
  std::fill_n(b.flow + layout.zero_slot() * b.stride, span.steps, Real(0));
  for (std::size_t e = 0; e < layout.inflows.size(); ++e)
    std::copy_n(window.edge_flow.data() + layout.inflows[e].number * window.steps + span.first, span.steps,
                b.flow + layout.inflow_slot(static_cast<Index>(e)) * b.stride);
  this->kernels_.muskingum_series(b);
}

// Mean of the floored discharge at both ends of a step; what the floor adds.
template <class Real>
void DischargeTile<Real>::add_volumes(const BlockSpan& span, std::span<const Real> state_before) {
  const Count stride = this->layout_.flow_stride();
  const double dt = static_cast<double>(static_cast<Real>(this->options_.dt_s));
  for (Index i = 0; i < this->layout_.cells; ++i) {
    Real before = state_before[i];
    for (Index t = 0; t < span.steps; ++t) {
      const Count place = (this->layout_.lag[i] + t + 1) * stride + i;
      const Real after = floored_rows()[place];
      this->outflow_volume[i] += 0.5 * dt * before;
      this->outflow_volume[i] += 0.5 * dt * after;
      this->floor_volume[i] += dt * (after - this->scratch_.flow[place]);
      before = after;
    }
  }
}

template <class Real>
std::vector<Real> DischargeTile<Real>::snapshot() const {
  std::vector<Real> all(state_.begin(), state_.end());
  all.insert(all.end(), inflow_now_.begin(), inflow_now_.end());
  return all;
}

template <class Real>
void DischargeTile<Real>::restore(std::span<const Real> snapshot) {
  std::copy_n(snapshot.begin(), state_.size(), state_.begin());
  std::copy_n(snapshot.begin() + state_.size(), inflow_now_.size(), inflow_now_.begin());
}

template <class Real>
void DischargeTile<Real>::reset_adjoint() {
  for (auto* values : {&state_adjoint_, &inflow_adjoint_, &log2_depth_factor_sum_, &depth_exponent_sum_, &log2_width_sum_,
                       &q_sum_, &velocity_factor_sum_})
    std::fill(values->begin(), values->end(), Real(0));
}

// Rows of next_adjoint are read one sweep later, those of inflow_adjoint two: a cell's I_t is the I_{t+1} of its step before.
template <class Real>
void DischargeTile<Real>::sweep_adjoint(RouterWindow<Real>& window, const BlockSpan& span) {
  const auto& layout = this->layout_;
  auto b = block(window, span);
  b.record = this->scratch_.record.data();
  b.adjoint_stride = this->adjoint_stride();
  const Count stride = b.adjoint_stride;
  auto &next = this->scratch_.adjoint, &inflow = this->scratch_.second_adjoint;
  for (auto* rows : {&next, &inflow}) this->grow(*rows, static_cast<std::size_t>(this->row_steps(span.steps)) * stride);
  this->fill_adjoint_columns(window, span, next.data());
  // A cut edge's message is whole: nothing is added to it through the floored flow.
  for (Index k = 0; k < this->row_steps(span.steps); ++k)
    std::fill_n(inflow.begin() + k * stride + layout.adjoint_zero_slot(), layout.first_seed_slot() - layout.adjoint_zero_slot(),
                Real(0));
  for (Index i = 0; i < layout.cells; ++i) inflow[(span.steps + layout.lag[i]) * stride + i] = inflow_adjoint_[i];
  b.downstream = this->downstream_.data();
  b.downstream_window = this->downstream_window();
  b.message = this->scratch_.inflow.data();
  b.next_adjoint = next.data();
  b.inflow_adjoint = inflow.data();
  b.state_adjoint = state_adjoint_.data();
  Real* sums[] = {log2_depth_factor_sum_.data(), depth_exponent_sum_.data(), log2_width_sum_.data(), q_sum_.data(),
                  velocity_factor_sum_.data()};
  std::copy(std::begin(sums), std::end(sums), b.sums);
  const auto seeds = this->seeds(window, span);
  b.seeds = seeds;
  b.inflow_readout = this->options_.inflow_readout;
  this->kernels_.discharge_adjoint[form_](b);
  for (const auto& edge : layout.inflows) {
    const Real* raw = window.edge_flow.data() + edge.number * window.steps + span.first;
    Real* to = window.edge_adjoint.data() + edge.number * window.steps + span.first;
    for (Index t = 0; t < span.steps; ++t) {
      const Count place = (layout.lag[edge.cell] + t) * stride + edge.cell;
      to[t] = discharge_message(next[place], inflow[place + stride], raw[t], this->lateral_floor_);
    }
  }
  for (Index i = 0; i < layout.cells; ++i) inflow_adjoint_[i] = inflow[layout.lag[i] * stride + i];
}

template <class Real>
void DischargeTile<Real>::start_adjoint(RouterWindow<Real>& window) {
  const auto& layout = this->layout_;
  const bool hot = window.initial_state.empty();
  // What the start discharge of a cell means: its own state, its share of the inflow of the first step downstream, and,
  // from a hot start, the start discharge downstream.
  auto below = this->start_adjoint_row(window);
  std::vector<Real> seed(layout.cells, Real(0));
  for (const auto& probe : this->probes_) {
    const Real value = window.seed[probe.number * window.rows];
    if (this->options_.inflow_readout)
      inflow_adjoint_[probe.cell] += value;
    else
      seed[probe.cell] += value;
  }
  if (hot) this->load_start_lateral(window, true);
  for (Index i = layout.cells - 1; i >= 0; --i) {
    const Real total = below[layout.downstream[i]] + (seed[i] + state_adjoint_[i]);
    below[i] = (hot ? total : Real(0)) + inflow_adjoint_[i];  // to every cell upstream
    const bool free = !this->options_.floor_hot_start || this->held_lateral_[i] > this->lateral_floor_;
    if (hot && free && !window.inflow_adjoint.empty())
      window.inflow_adjoint[layout.state[i] * window.inflow_rows] += total;
  }
  this->send_start_adjoint(window, below);
}

template <class Real>
void DischargeTile<Real>::gradient(Index i, double& a, double& b, double& c) const {
  if (muskingum()) {
    a += log2_depth_factor_sum_[i] * this->layout_.share[i];
    b += depth_exponent_sum_[i];
    return;
  }
  const auto cell = muskingum_cunge_coefficients<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i],
                                                         this->options_.published_epsilons);
  const auto g = muskingum_cunge_coefficients_adjoint<double>(
      cell, this->slope_[i], this->n_[i], this->p_[i], this->options_.published_epsilons, log2_depth_factor_sum_[i],
      depth_exponent_sum_[i], log2_width_sum_[i], q_sum_[i], velocity_factor_sum_[i]);
  a += g.n;
  b += g.p;
  c += g.q;
}

// K [X I + (1 - X) Q] with the coefficients of the present flow.
template <class Real>
std::vector<double> DischargeTile<Real>::storage() const {
  std::vector<double> volume;
  for (Index i = 0; i < this->layout_.cells; ++i) {
    double K = this->n_[i], X = this->p_[i];
    const double Q = state_[i], I = inflow_now_[i];
    if (!muskingum()) {
      const auto c = muskingum_cunge_coefficients<double>(this->length_m_[i], this->slope_[i], this->n_[i], this->p_[i], this->q_[i],
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

template class DischargeTile<float>;
template class DischargeTile<double>;

}  // namespace dpl
