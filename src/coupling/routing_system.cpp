// Steps forward and backward over the rows of a rank.
#include "dpl/coupling/routing_system.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dpl/base/error.hpp"
#include "dpl/coupling/step_law.hpp"
#include "dpl/physics/routing_rules.hpp"

namespace dpl {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

CellOrder agreed_order(const Communicator& comm, const RankNetwork& network, const ReachProperties& properties,
                       const RoutingOptions& options) {
  CellOrder cells;
  agree(comm, "routing system", [&] {
    check_routing(network, properties, options);
    if (options.device != Device::cpu)
      fail("routing.solver is krylov, which runs on the CPU; set device: cpu or routing.solver: pipeline");
    cells = make_cell_order(network, comm.rank(), properties.sub_reaches);
  });
  return cells;
}

}  // namespace

struct RoutingSystem::Impl {
  Communicator comm;
  RankNetwork network;
  ReachProperties properties;
  RoutingOptions options;
  CellOrder cells;
  RiverMatrix matrix;
  std::unique_ptr<StepLaw> law;
  std::vector<Index> state_start;

  // The last window.
  LateralInflow<double> lateral;
  Count steps = 0;
  std::vector<Index> probes;
  std::span<double> discharge;
  bool hot = false, keep_tape = false, keep_balance = false, ended = false;
  std::vector<double> final_state;  // [state]
  WaterBalance balance;
  Count not_finite_step = -1;
  std::vector<Index> not_finite_reaches;

  // [row]: now, of the step before, and what the systems are made of. `inflow` is N state in the discharge form.
  std::vector<double> state, inflow, flow, flow_inflow, weight, known, lateral_now;
  // The tape, [step][row]: state and inflow at its start, sum of the flows upstream.
  std::vector<double> tape_state, tape_inflow, tape_flow_inflow, start_inflow;
  std::vector<double> state_adjoint, inflow_adjoint, up, flow_adjoint;
  std::vector<double> lateral_adjoint;  // [state][input row], empty when not wanted

  Impl(const Communicator& c, const RankNetwork& n, const ReachProperties& p, const RoutingOptions& o)
      : comm(c),
        network(n),
        properties(p),
        options(o),
        cells(agreed_order(c, n, p, o)),
        matrix(c, n, cells),
        law(make_step_law(cells, p, o)),
        state_start(state_starts(p.sub_reaches)) {
    for (auto* values : {&state, &inflow, &flow, &flow_inflow, &weight, &known, &lateral_now, &start_inflow, &state_adjoint,
                         &inflow_adjoint, &up, &flow_adjoint})
      values->assign(rows(), 0.0);
  }

  Index rows() const { return cells.rows(); }
  Count output_rows() const { return law->storage_form() ? steps : steps + 1; }
  Count input_rows() const { return (steps + lateral.hold - 1) / lateral.hold; }
  CellBefore before(Index i) const { return {state[i], inflow[i], lateral_now[i]}; }
  double floored(double value) const { return value < law->floor() ? law->floor() : value; }

  void load_lateral(Count step, bool with_floor);
  void start(std::span<const double> initial_state);
  void step(Count t);
  void record(Count t);
  void read(Count row);
  bool state_is_finite();
  void end_window(Count first_row, Count step, std::vector<Index> reaches);
  std::vector<Index> rows_below(const std::vector<double>& marks, Count step);

  void seed(std::span<const double> seeds, Count row, std::vector<double>& own, std::vector<double>& upstream) const;
  void step_back(std::span<const double> seeds, Count t);
  void start_back(std::span<const double> seeds);
  void add_lateral_adjoint(Index i, Count step, double value);
  void finish_gradient(ReachParameters<double>& gradient, std::span<double> inflow_adjoint_out) const;

  void begin_balance();
  void add_to_balance(const std::vector<double>& state_before);
  void end_balance();
};

void RoutingSystem::Impl::load_lateral(Count step, bool with_floor) {
  const double* row = lateral.values + step / lateral.hold;
  for (Index i = 0; i < rows(); ++i) {
    const double q = row[cells.reach[i] * lateral.stride] * cells.share[i];
    lateral_now[i] = with_floor ? floored(q) : q;
  }
}

// Hot: (Id - N) Q_0 = q'_0, and the state that goes with it.
void RoutingSystem::Impl::start(std::span<const double> initial_state) {
  hot = initial_state.empty();
  std::fill(inflow.begin(), inflow.end(), 0.0);
  for (Index i = 0; i < rows() && !hot; ++i) state[i] = floored(initial_state[cells.state[i]]);
  if (hot) {
    load_lateral(0, law->storage_form() || options.floor_hot_start);
    std::vector<double> bad(rows());
    for (Index i = 0; i < rows(); ++i) bad[i] = std::isfinite(lateral_now[i]) ? 0 : 1;
    if (comm.any(std::any_of(bad.begin(), bad.end(), [](double b) { return b > 0; })))
      return end_window(0, 0, rows_below(bad, 0));
    std::fill(weight.begin(), weight.end(), 1.0);
    matrix.set_weights(weight);
    matrix.solve(lateral_now, flow, "start", 0);
    matrix.from_upstream(flow, start_inflow);
    for (Index i = 0; i < rows(); ++i) state[i] = law->start(i, start_inflow[i], lateral_now[i]);
  }
  if (!state_is_finite()) return end_window(0, 0, not_finite_reaches);
  if (law->storage_form()) return;
  matrix.from_upstream(state, inflow);
  read(0);
}

void RoutingSystem::Impl::step(Count t) {
  load_lateral(t, true);
  std::vector<double> bad(rows(), 0.0);
  for (Index i = 0; i < rows(); ++i) {
    const CellRow row = law->row(i, before(i));
    weight[i] = row.weight;
    known[i] = row.known;
    if (!std::isfinite(row.weight) || !std::isfinite(row.known)) bad[i] = 1;
  }
  const Count output = law->storage_form() ? t : t + 1;
  if (comm.any(std::any_of(bad.begin(), bad.end(), [](double b) { return b > 0; })))
    return end_window(output, t, rows_below(bad, t));
  matrix.set_weights(weight);
  matrix.solve(known, flow, "forward", t);
  matrix.from_upstream(flow, flow_inflow);
  if (keep_tape) record(t);
  const std::vector<double> state_before = keep_balance ? state : std::vector<double>();
  for (Index i = 0; i < rows(); ++i) {
    const CellAfter next = law->after(i, before(i), flow_inflow[i]);
    flow[i] = next.flow;
    state[i] = next.state;
  }
  if (!law->storage_form()) matrix.from_upstream(state, inflow);
  if (keep_balance) add_to_balance(state_before);
  if (!state_is_finite()) return end_window(output, t, not_finite_reaches);
  read(output);
}

void RoutingSystem::Impl::record(Count t) {
  const Count at = t * rows();
  std::copy(state.begin(), state.end(), tape_state.begin() + at);
  std::copy(inflow.begin(), inflow.end(), tape_inflow.begin() + at);
  std::copy(flow_inflow.begin(), flow_inflow.end(), tape_flow_inflow.begin() + at);
}

void RoutingSystem::Impl::read(Count row) {
  for (std::size_t k = 0; k < probes.size(); ++k) {
    const Index first = cells.first_row[probes[k]], last = cells.last_row[probes[k]];
    const bool storage = law->storage_form();
    discharge[k * output_rows() + row] = options.inflow_readout ? (storage ? flow_inflow : inflow)[first]
                                                                : (storage ? flow : state)[last];
  }
}

// On all ranks; leaves this rank's reaches in not_finite_reaches.
bool RoutingSystem::Impl::state_is_finite() {
  not_finite_reaches.clear();
  for (Index i = 0; i < rows(); ++i)
    if (!std::isfinite(state[i])) not_finite_reaches.push_back(cells.reach[i]);
  return !comm.any(!not_finite_reaches.empty());
}

// The reaches at or below the marked rows: what a value that is not finite reaches within its step.
std::vector<Index> RoutingSystem::Impl::rows_below(const std::vector<double>& marks, Count step) {
  std::vector<double> ones(rows(), 1.0), marked(rows());
  matrix.set_weights(ones);
  matrix.solve(marks, marked, "forward", step);
  std::vector<Index> reaches;
  for (Index i = 0; i < rows(); ++i)
    if (marked[i] > 0.5) reaches.push_back(cells.reach[i]);
  return reaches;
}

void RoutingSystem::Impl::end_window(Count first_row, Count step, std::vector<Index> reaches) {
  not_finite_step = reaches.empty() ? -1 : step;
  not_finite_reaches = std::move(reaches);
  for (std::size_t k = 0; k < probes.size(); ++k)
    std::fill(discharge.begin() + k * output_rows() + first_row, discharge.begin() + (k + 1) * output_rows(), kNaN);
  std::fill(state.begin(), state.end(), kNaN);
  ended = true;
}

void RoutingSystem::Impl::seed(std::span<const double> seeds, Count row, std::vector<double>& own,
                               std::vector<double>& upstream) const {
  for (std::size_t k = 0; k < probes.size(); ++k) {
    const double value = seeds[k * output_rows() + row];
    if (options.inflow_readout)
      upstream[cells.first_row[probes[k]]] += value;
    else
      own[cells.last_row[probes[k]]] += value;
  }
}

void RoutingSystem::Impl::add_lateral_adjoint(Index i, Count step, double value) {
  if (!lateral_adjoint.empty()) lateral_adjoint[cells.state[i] * input_rows() + step / lateral.hold] += value;
}

// (Id - C1 N)^T lambda = own + N^T up, where own and up are what the flow of the step means beside its way downstream
// within the step. In the discharge form it means something only through the state, and only where no floor binds.
void RoutingSystem::Impl::step_back(std::span<const double> seeds, Count t) {
  const bool storage = law->storage_form();
  const Count at = t * rows();
  load_lateral(t, true);
  std::copy_n(tape_state.begin() + at, rows(), state.begin());
  std::copy_n(tape_inflow.begin() + at, rows(), inflow.begin());
  std::copy_n(tape_flow_inflow.begin() + at, rows(), flow_inflow.begin());
  std::vector<double> own = storage ? std::vector<double>(rows(), 0.0) : state_adjoint;
  up = inflow_adjoint;
  for (Index i = 0; i < rows(); ++i) {
    weight[i] = law->row(i, before(i)).weight;
    if (storage) up[i] = law->inflow_adjoint(i, before(i), flow_inflow[i], state_adjoint[i]);
  }
  seed(seeds, storage ? t : t + 1, own, up);
  matrix.to_upstream(up, known);
  for (Index i = 0; i < rows(); ++i) {
    known[i] += own[i];
    if (!storage && law->after(i, before(i), flow_inflow[i]).flow < law->floor()) known[i] = 0;
  }
  matrix.set_weights(weight);
  matrix.solve_transposed(known, flow_adjoint, "adjoint", t);
  for (Index i = 0; i < rows(); ++i) {
    const CellAdjoint a = law->adjoint(i, before(i), flow_inflow[i], flow_adjoint[i], state_adjoint[i]);
    state_adjoint[i] = a.state;
    inflow_adjoint[i] = a.inflow;
    if (lateral_now[i] > law->floor()) add_lateral_adjoint(i, t, a.lateral);
  }
}

// (Id - N)^T lambda = what the start flows mean; lambda is the adjoint of q'_0.
void RoutingSystem::Impl::start_back(std::span<const double> seeds) {
  if (!hot) return;
  const bool storage = law->storage_form(), with_floor = storage || options.floor_hot_start;
  load_lateral(0, true);
  std::vector<double> own = storage ? std::vector<double>(rows(), 0.0) : state_adjoint;
  up = inflow_adjoint;
  if (!storage) seed(seeds, 0, own, up);
  std::vector<double> through_state(rows(), 0.0);
  for (Index i = 0; i < rows(); ++i) {
    const StartAdjoint a = law->start_adjoint(i, start_inflow[i], lateral_now[i], state_adjoint[i]);
    up[i] += a.inflow;
    through_state[i] = a.lateral;
  }
  matrix.to_upstream(up, known);
  for (Index i = 0; i < rows(); ++i) known[i] += own[i];
  std::fill(weight.begin(), weight.end(), 1.0);
  matrix.set_weights(weight);
  matrix.solve_transposed(known, flow_adjoint, "start's adjoint", 0);
  for (Index i = 0; i < rows(); ++i)
    if (!with_floor || lateral_now[i] > law->floor()) add_lateral_adjoint(i, 0, flow_adjoint[i] + through_state[i]);
}

void RoutingSystem::Impl::finish_gradient(ReachParameters<double>& gradient, std::span<double> out) const {
  for (auto* part : {&gradient.a, &gradient.b, &gradient.c}) part->assign(network.size(), 0.0);
  for (Index i = 0; i < rows(); ++i) {
    const Index r = cells.reach[i];
    law->add_gradient(i, gradient.a[r], gradient.b[r], gradient.c[r]);
  }
  if (!out.empty()) share_lateral_adjoint<double>(state_start, lateral_adjoint, input_rows(), out);
}

void RoutingSystem::Impl::begin_balance() {
  for (auto* part : {&balance.lateral_inflow, &balance.outflow, &balance.storage_start, &balance.storage_end,
                     &balance.created_by_floor})
    part->assign(network.size(), 0.0);
  for (Index i = 0; i < rows(); ++i)
    balance.storage_start[cells.reach[i]] += law->volume(i, state[i], inflow[i]);
}

// Instants are joined by the trapezoidal rule; means over steps are volumes already.
void RoutingSystem::Impl::add_to_balance(const std::vector<double>& state_before) {
  const double dt = options.dt_s;
  const bool storage = law->storage_form();
  for (Index i = 0; i < rows(); ++i) {
    const Index r = cells.reach[i];
    if (cells.last_row[r] == i) balance.outflow[r] += dt * (storage ? flow[i] : 0.5 * (state_before[i] + state[i]));
    if (!storage) balance.created_by_floor[r] += dt * (state[i] - flow[i]);
  }
}

void RoutingSystem::Impl::end_balance() {
  for (Index i = 0; i < rows(); ++i)
    balance.storage_end[cells.reach[i]] += law->volume(i, state[i], inflow[i]);
  for (Index r = 0; r < network.size(); ++r)
    for (Count t = 0; t < steps; ++t) {
      const double q = lateral.values[r * lateral.stride + t / lateral.hold];
      const double least = law->floor() * properties.sub_reaches[r];
      balance.lateral_inflow[r] += q * options.dt_s;
      balance.created_by_floor[r] += std::max(0.0, least - q) * options.dt_s;
    }
}

RoutingSystem::RoutingSystem(const Communicator& comm, const RankNetwork& network, const ReachProperties& properties,
                             const RoutingOptions& options)
    : impl_(std::make_unique<Impl>(comm, network, properties, options)) {}

RoutingSystem::~RoutingSystem() = default;

Index RoutingSystem::state_size() const { return impl_->state_start.back(); }
const std::vector<Index>& RoutingSystem::state_start() const { return impl_->state_start; }
Count RoutingSystem::output_rows(Count steps) const { return impl_->law->storage_form() ? steps : steps + 1; }
const std::vector<double>& RoutingSystem::final_state() const { return impl_->final_state; }
void RoutingSystem::keep_water_balance(bool keep) { impl_->keep_balance = keep; }
const WaterBalance& RoutingSystem::water_balance() const { return impl_->balance; }
RiverMatrixCounts RoutingSystem::matrix_counts() const { return impl_->matrix.counts(); }
Count RoutingSystem::solver_iterations() const { return impl_->matrix.iterations(); }

Count RoutingSystem::tape_bytes(Count steps) const {
  return 3 * steps * impl_->rows() * static_cast<Count>(sizeof(double));
}

std::pair<Count, std::vector<Index>> RoutingSystem::first_not_finite() const {
  return {impl_->not_finite_step, impl_->not_finite_reaches};
}

void RoutingSystem::leave_out_pieces(std::vector<std::uint8_t> wanted) {
  if (!wanted.empty() && wanted.size() != impl_->network.pieces.size())
    fail("routing system: a choice among {} pieces for {} pieces", wanted.size(), impl_->network.pieces.size());
}

void RoutingSystem::forward(const ReachParameters<double>& parameters, const LateralInflow<double>& inflow, Count steps,
                            std::span<const double> initial_state, std::span<const Index> probes,
                            std::span<double> discharge, bool keep_tape) {
  Impl& m = *impl_;
  const Count rows = output_rows(steps), cells = m.rows();
  if (static_cast<Count>(discharge.size()) != static_cast<Count>(probes.size()) * rows)
    fail("routing system: room for {} discharge values, {} are made", discharge.size(), probes.size() * rows);
  if (!initial_state.empty() && static_cast<Index>(initial_state.size()) != state_size())
    fail("routing system: an initial state of {} values for {} sub-reaches", initial_state.size(), state_size());
  m.lateral = inflow;
  m.steps = steps;
  m.probes.assign(probes.begin(), probes.end());
  m.discharge = discharge;
  m.keep_tape = keep_tape;
  m.ended = false;
  m.not_finite_step = -1;
  m.not_finite_reaches.clear();
  for (auto* part : {&m.tape_state, &m.tape_inflow, &m.tape_flow_inflow}) part->resize(keep_tape ? steps * cells : 0);
  m.law->set_parameters(parameters);
  m.start(initial_state);
  if (m.keep_balance) m.begin_balance();
  for (Count t = 0; t < steps && !m.ended; ++t) m.step(t);
  if (m.keep_balance) m.end_balance();
  m.final_state.resize(cells);
  for (Index i = 0; i < cells; ++i) m.final_state[m.cells.state[i]] = m.state[i];
}

void RoutingSystem::adjoint(std::span<const double> seed, ReachParameters<double>& gradient,
                            std::span<double> inflow_adjoint) {
  Impl& m = *impl_;
  if (!m.keep_tape) fail("routing system: adjoint without a forward pass that kept its tape");
  m.keep_tape = false;
  if (m.ended) {
    for (auto* part : {&gradient.a, &gradient.b, &gradient.c}) part->assign(m.network.size(), kNaN);
    std::fill(inflow_adjoint.begin(), inflow_adjoint.end(), kNaN);
    return;
  }
  m.lateral_adjoint.assign(inflow_adjoint.empty() ? 0 : state_size() * m.input_rows(), 0.0);
  std::fill(m.state_adjoint.begin(), m.state_adjoint.end(), 0.0);
  std::fill(m.inflow_adjoint.begin(), m.inflow_adjoint.end(), 0.0);
  for (Count t = m.steps - 1; t >= 0; --t) m.step_back(seed, t);
  m.start_back(seed);
  m.finish_gradient(gradient, inflow_adjoint);
}

}  // namespace dpl
