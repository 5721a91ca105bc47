// The verb verify: forward and adjoint of routing and runoff against reference files, in double and single precision.
#include "dpl/experiments/verify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <variant>

#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/experiments/deviation.hpp"
#include "dpl/experiments/reference_case.hpp"
#include "dpl/experiments/runoff_reference_case.hpp"
#include "dpl/experiments/verify_runoff.hpp"
#include "dpl/partition/partition.hpp"

namespace dpl {
namespace {

// Of a gradient. One that is nothing but rounding (zero in exact arithmetic: a steady flow, flow at its floor) has no
// relative deviation; it is measured by what it would do to J over the size of the parameter.
double of_gradient(const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& size, double J) {
  double largest = 0, deviation = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    largest = std::max(largest, std::abs(b[i] * size[i]));
    const double d = std::abs((a[i] - b[i]) * size[i]);
    if (std::isnan(d)) return d;
    deviation = std::max(deviation, d);
  }
  return J > 0 && largest < 1e-13 * J ? deviation / J : deviation_of_array(a, b);
}

std::vector<double> flat(const std::vector<std::vector<double>>& table) {
  std::vector<double> values;
  for (const auto& row : table) values.insert(values.end(), row.begin(), row.end());
  return values;
}

// One reference case in one precision, its network cut over the ranks.
template <class Real>
class CaseRun {
 public:
  CaseRun(const Communicator& comm, const ReferenceCase& c) : comm_(comm), case_(c) {
    const Index n = static_cast<Index>(c.downstream.size());
    std::vector<ReachId> ids(n);
    std::iota(ids.begin(), ids.end(), 0);
    const Topology topology = make_topology(c.downstream, ids);
    const Partition partition = make_partition(topology, std::vector<double>(n, 1.0), comm.size());
    network_ = make_rank_network(topology, partition, comm.rank());
    boundary_ = std::make_unique<BoundaryExchange<Real>>(comm, network_);
    RoutingOptions options = c.options;
    options.chunk_steps = boundary_->nothing_to_exchange() ? 64 : 7;
    ReachProperties properties;
    for (Index r : network_.reach) {
      properties.length_m.push_back(c.length_m[r]);
      properties.slope.push_back(c.slope[r]);
      properties.sub_reaches.push_back(1);
      parameters_.a.push_back(static_cast<Real>(c.a[r]));
      parameters_.b.push_back(static_cast<Real>(c.b[r]));
      parameters_.c.push_back(static_cast<Real>(c.c[r]));
      for (const auto& row : c.lateral_inflow) inflow_.push_back(static_cast<Real>(row[r]));
    }
    agree(comm, "verify", [&] { router_ = std::make_unique<Router<Real>>(network_, properties, options, *boundary_); });
  }

  std::vector<Deviation> compare();

 private:
  Count steps() const { return static_cast<Count>(case_.lateral_inflow.size()); }
  Count rows() const { return router_->output_rows(steps()); }
  // [own][row] of this rank -> [row][reach] on all ranks.
  std::vector<double> whole(const std::vector<Real>& own, Count rows) const {
    const std::size_t n = case_.downstream.size();
    std::vector<double> all(n * rows, 0.0);
    for (Index i = 0; i < network_.size(); ++i)
      for (Count t = 0; t < rows; ++t) all[t * n + network_.reach[i]] = own[i * rows + t];
    comm_.gather_owned(all);
    return all;
  }
  void run(Count steps, bool tape, std::vector<Real>& discharge) {
    std::vector<Index> probes(network_.size());
    std::iota(probes.begin(), probes.end(), 0);
    discharge.assign(probes.size() * router_->output_rows(steps), Real(0));
    router_->forward(parameters_, {inflow_.data(), this->steps(), 1}, steps, {}, probes, discharge, tape);
  }
  std::vector<double> storage();
  void compare_gradients(const std::vector<double>& discharge, std::vector<Deviation>& out);

  const Communicator& comm_;
  const ReferenceCase& case_;
  RankNetwork network_;
  std::unique_ptr<BoundaryExchange<Real>> boundary_;
  std::unique_ptr<Router<Real>> router_;
  ReachParameters<Real> parameters_;
  std::vector<Real> inflow_;
};

// The state after 0, 1, 2, ... steps: the router gives the last one only, so every step is a window that begins with the
// state of the one before (the same bits as one window).
template <class Real>
std::vector<double> CaseRun<Real>::storage() {
  std::vector<double> all;
  std::vector<Real> none, state;
  for (Count t = 0; t <= steps(); ++t) {
    const LateralInflow<Real> from_here{inflow_.data() + std::max<Count>(0, t - 1), steps(), 1};
    router_->forward(parameters_, from_here, t > 0 ? 1 : 0, state, {}, none, false);
    state = router_->final_state();
    const auto row = whole(state, 1);
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

template <class Real>
void CaseRun<Real>::compare_gradients(const std::vector<double>& discharge, std::vector<Deviation>& out) {
  const double tolerance = sizeof(Real) == 8 ? 1e-8 : 2e-4;
  const std::size_t n = case_.downstream.size();
  std::vector<Real> seed(network_.size() * rows(), Real(0));
  for (Index i = 0; i < network_.size(); ++i)
    if (network_.reach[i] == case_.outlet)
      for (Count t = 0; t < rows(); ++t)
        seed[i * rows() + t] = static_cast<Real>(2 * discharge[t * n + case_.outlet] / static_cast<double>(rows()));
  ReachParameters<Real> gradient;
  std::vector<Real> inflow_adjoint(network_.size() * steps());
  std::vector<Real> again;
  run(steps(), true, again);
  router_->adjoint(seed, gradient, inflow_adjoint);
  const bool muskingum = case_.options.scheme == Scheme::muskingum;
  const auto add = [&](const char* name, const std::vector<Real>& ours, const std::vector<double>& theirs,
                       const std::vector<double>& size) {
    if (!theirs.empty()) out.push_back({name, of_gradient(whole(ours, 1), theirs, size, case_.J), tolerance});
  };
  const std::vector<double> one(n, 1.0);  // the size of q and X, which may be zero
  add(muskingum ? "dJ/dk" : "dJ/dn", gradient.a, case_.dJ_da, case_.a);
  add(muskingum ? "dJ/dx" : "dJ/dp", gradient.b, case_.dJ_db, muskingum ? one : case_.b);
  add("dJ/dq", gradient.c, case_.dJ_dc, one);
  const auto lateral = whole(inflow_adjoint, steps());
  std::vector<double> ours, expected;
  for (const auto& [step, values] : case_.dJ_dlateral) {
    ours.insert(ours.end(), lateral.begin() + step * n, lateral.begin() + (step + 1) * n);
    expected.insert(expected.end(), values.begin(), values.end());
  }
  if (!expected.empty()) out.push_back({"dJ/dlateral", deviation_of_array(ours, expected), tolerance});
}

template <class Real>
std::vector<Deviation> CaseRun<Real>::compare() {
  const double tolerance = sizeof(Real) == 8 ? 1e-9 : 2e-5;
  const bool conservative = case_.options.scheme == Scheme::conservative;
  std::vector<Deviation> out;
  std::vector<Real> own;
  run(steps(), false, own);
  const auto discharge = whole(own, rows()), expected = flat(case_.discharge);
  out.push_back({"discharge", deviation_of_array(discharge, expected), tolerance});
  if (sizeof(Real) == 8 || conservative) out.push_back({"discharge, each", deviation_one_by_one(discharge, expected), tolerance});
  if (!case_.storage.empty()) {
    const auto ours = storage(), theirs = flat(case_.storage);
    out.push_back({"storage", deviation_of_array(ours, theirs), tolerance});
    out.push_back({"storage, each", deviation_one_by_one(ours, theirs), tolerance});
  }
  double J = 0;
  const std::size_t n = case_.downstream.size();
  for (Count t = 0; t < rows(); ++t) J += discharge[t * n + case_.outlet] * discharge[t * n + case_.outlet];
  J /= static_cast<double>(rows());
  out.push_back({"J", deviation_of_array({J}, {case_.J}), tolerance});
  compare_gradients(discharge, out);
  return out;
}

}  // namespace

int run_verify(const VerbContext& context) {
  std::vector<std::variant<ReferenceCase, RunoffReferenceCase>> cases;
  agree(context.comm, "verify", [&] {
    for (const auto& path : context.files)
      if (is_runoff_case(path))
        cases.emplace_back(read_runoff_reference_case(path));
      else
        cases.emplace_back(read_reference_case(path));
  });
  log_info("{:<52}{:<26}{:<9}{:>12}{:>11}", "case", "quantity", "precision", "deviation", "allowed");
  Index failed = 0, compared = 0;
  std::string first;
  const auto report = [&](const auto& c, const char* precision, const std::vector<Deviation>& deviations) {
    for (const auto& d : deviations) {
      log_info("{:<52}{:<26}{:<9}{:>12.2e}{:>11.0e}  {}", c.name.substr(0, 51), d.quantity, precision, d.value, d.tolerance,
               d.passed() ? "ok" : "FAIL");
      ++compared;
      if (d.passed()) continue;
      if (failed++ == 0)
        first = fmt::format("{}: {} in {} precision deviates by {:.2e}, allowed: {:.0e}", c.path, d.quantity, precision, d.value,
                            d.tolerance);
    }
  };
  for (const auto& any : cases) {
    if (const auto* c = std::get_if<RunoffReferenceCase>(&any)) {  // every rank runs it
      std::vector<Deviation> in_double, in_single;
      agree(context.comm, "verify", [&] {
        in_double = compare_runoff<double>(*c);
        in_single = compare_runoff<float>(*c);
      });
      report(*c, "double", in_double);
      report(*c, "single", in_single);
      continue;
    }
    const auto& c = std::get<ReferenceCase>(any);
    report(c, "double", CaseRun<double>(context.comm, c).compare());
    report(c, "single", CaseRun<float>(context.comm, c).compare());
  }
  if (failed > 0) fail("verify: {} of {} quantities deviate by more than is allowed; the first is {}", failed, compared,
                       first);
  log_info("{} quantities of {} files agree", compared, cases.size());
  return 0;
}

}  // namespace dpl
