// Random routing problems and the calls that run the router on an uncut network.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"
#include "tests/support/adjoint_comparison.hpp"
#include "tests/support/forest_cases.hpp"
#include "tests/support/reference_routing.hpp"

namespace dpl::test {

struct CaseShape {
  Index reaches = 40;
  Count steps = 50;
  Index hold = 1;
  Index largest_sub_reaches = 1;
  Scheme scheme = Scheme::conservative;
  bool inflow_readout = false;
  Index span = 4;  ///< small: long rivers; large: bushy ones
  double dt_s = 3600;
};

/// On a given network; inflow flashy, some of it zero.
inline ReferenceProblem<double> random_problem_on(Topology topology, CaseShape shape, std::uint64_t seed) {
  ReferenceProblem<double> p;
  p.topology = std::move(topology);
  shape.reaches = p.topology.size();
  p.options.scheme = shape.scheme;
  p.options.inflow_readout = shape.inflow_readout;
  p.options.dt_s = shape.dt_s;
  p.hold = shape.hold;
  p.steps = shape.steps;
  Draws draws(seed, 5);
  for (Index r = 0; r < shape.reaches; ++r) {
    p.properties.length_m.push_back(draws.log_uniform(300, 2e4));
    p.properties.slope.push_back(draws.log_uniform(1e-4, 3e-2));
    p.properties.sub_reaches.push_back(1 + static_cast<Index>(draws.uniform(0, shape.largest_sub_reaches)));
    const bool muskingum = shape.scheme == Scheme::muskingum;
    p.a.push_back(muskingum ? draws.log_uniform(2000, 40000) : draws.uniform(0.015, 0.25));
    p.b.push_back(muskingum ? draws.uniform(0, 0.5) : draws.log_uniform(1, 200));
    p.c.push_back(muskingum ? 0 : draws.uniform(0, 1));
  }
  for (Count row = 0; row < (shape.steps + shape.hold - 1) / shape.hold; ++row) {
    p.lateral.emplace_back();
    for (Index r = 0; r < shape.reaches; ++r)
      p.lateral.back().push_back(draws.chance(0.05) ? 0 : draws.log_uniform(1e-3, 1) * (draws.chance(0.1) ? 10 : 1));
  }
  return p;
}

/// Reaches with 0 to about 4 upstream, several trees.
inline ReferenceProblem<double> random_problem(const CaseShape& shape, std::uint64_t seed) {
  return random_problem_on(random_forest(shape.reaches, seed, shape.span, 12), shape, seed);
}

/// Joins the pieces of one rank, whose cut edges all lead into pieces of its own.
template <class Real>
class OwnBoundary final : public Boundary<Real> {
 public:
  explicit OwnBoundary(const RankNetwork& network) : network_(network) {}
  void begin_downstream(std::span<const Real>, std::span<Real>, Index) override {}
  void end_downstream(std::span<const Real> cut_out, std::span<Real> ghost, Index steps) override {
    for (std::size_t g = 0; g < network_.ghosts.size(); ++g)
      std::copy_n(cut_out.begin() + network_.ghosts[g].upstream_slot * steps, steps, ghost.begin() + g * steps);
  }
  void begin_upstream(std::span<const Real>, std::span<Real>, Index) override {}
  void end_upstream(std::span<const Real> ghost, std::span<Real> cut_out, Index steps) override {
    for (std::size_t g = 0; g < network_.ghosts.size(); ++g)
      std::copy_n(ghost.begin() + g * steps, steps, cut_out.begin() + network_.ghosts[g].upstream_slot * steps);
  }
  bool nothing_to_exchange() const override { return network_.ghosts.empty(); }

 private:
  const RankNetwork& network_;
};

/// How a RouterRun computes what its problem asks for; results depend on none of it.
struct RunShape {
  Index chunk_steps = 64;
  Index tile_cells = 0, block_steps = 0;   ///< as RoutingOptions
  Count tape_bytes = 0;
  Index pieces = 0;                        ///< of the rank, 0 = uncut
  Count gap = 0;                           ///< values (NaN) before, between and after the series of the reaches
  Device device = Device::cpu;
};

/// The router on one rank, with its arrays.
template <class Real>
class RouterRun {
 public:
  explicit RouterRun(const ReferenceProblem<double>& p, Index chunk_steps = 64) : RouterRun(p, shape_of(chunk_steps)) {}
  RouterRun(const ReferenceProblem<double>& p, const RunShape& shape) : problem_(p), gap_(shape.gap) {
    const Index n = p.topology.size();
    network_ =
        make_rank_network(p.topology, make_partition(p.topology, std::vector<double>(n, 1.0), 1, shape.pieces), 0);
    RoutingOptions options = p.options;
    options.chunk_steps = shape.chunk_steps;
    options.tile_cells = shape.tile_cells;
    options.block_steps = shape.block_steps;
    options.tape_bytes = shape.tape_bytes;
    options.device = shape.device;
    const Real nothing = std::numeric_limits<Real>::quiet_NaN();
    inflow_.assign(gap_, nothing);
    ReachProperties properties;
    for (Index r : network_.reach) {
      properties.length_m.push_back(p.properties.length_m[r]);
      properties.slope.push_back(p.properties.slope[r]);
      properties.sub_reaches.push_back(p.properties.sub_reaches[r]);
      parameters_.a.push_back(static_cast<Real>(p.a[r]));
      parameters_.b.push_back(static_cast<Real>(p.b[r]));
      parameters_.c.push_back(static_cast<Real>(p.c[r]));
      for (const auto& row : p.lateral) inflow_.push_back(static_cast<Real>(row[r]));
      inflow_.insert(inflow_.end(), gap_, nothing);
    }
    router_ = std::make_unique<Router<Real>>(network_, properties, options, boundary_);
    probes_.resize(n);
    std::iota(probes_.begin(), probes_.end(), 0);
  }

  Router<Real>& router() { return *router_; }
  const RankNetwork& network() const { return network_; }
  const ReachParameters<Real>& parameters() const { return parameters_; }
  LateralInflow<Real> inflow() const { return {inflow_.data() + gap_, input_rows() + gap_, problem_.hold}; }
  Count rows() const { return router_->output_rows(problem_.steps); }
  Count input_rows() const { return static_cast<Count>(problem_.lateral.size()); }

  /// Discharge [row][reach of the problem].
  std::vector<std::vector<Real>> forward(bool keep_tape = false) {
    std::vector<Real> flat(probes_.size() * rows());
    router_->forward(parameters_, inflow(), problem_.steps, state_in(), probes_,
                     flat, keep_tape);
    std::vector<std::vector<Real>> table(rows(), std::vector<Real>(probes_.size()));
    for (std::size_t k = 0; k < probes_.size(); ++k)
      for (Count t = 0; t < rows(); ++t) table[t][network_.reach[k]] = flat[k * rows() + t];
    return table;
  }

  struct Gradient {
    std::vector<Real> a, b, c;               ///< [reach of the problem]
    std::vector<std::vector<Real>> lateral;  ///< [input row][reach]
    bool operator==(const Gradient&) const = default;
  };

  /// Gradient of sum weight discharge; after forward(true).
  Gradient adjoint(const std::vector<std::vector<double>>& weight) {
    std::vector<Real> seed(probes_.size() * rows());
    for (std::size_t k = 0; k < probes_.size(); ++k)
      for (Count t = 0; t < rows(); ++t) seed[k * rows() + t] = static_cast<Real>(weight[t][network_.reach[k]]);
    ReachParameters<Real> own;
    std::vector<Real> lateral(probes_.size() * input_rows());
    router_->adjoint(seed, own, lateral);
    Gradient g{own.a, own.b, own.c, std::vector<std::vector<Real>>(input_rows(), std::vector<Real>(probes_.size()))};
    for (std::size_t k = 0; k < probes_.size(); ++k) {
      const Index r = network_.reach[k];
      g.a[r] = own.a[k];
      g.b[r] = own.b[k];
      g.c[r] = own.c[k];
      for (Count t = 0; t < input_rows(); ++t) g.lateral[t][r] = lateral[k * input_rows() + t];
    }
    return g;
  }

  /// State [sub-reach of the problem] at the end of the window.
  std::vector<Real> final_state() const {
    std::vector<Real> state(router_->state_size());
    const auto first = first_sub_reach();
    for (Index own = 0; own < network_.size(); ++own)
      for (Index k = 0; k < router_->state_start()[own + 1] - router_->state_start()[own]; ++k)
        state[first[network_.reach[own]] + k] = router_->final_state()[router_->state_start()[own] + k];
    return state;
  }

 private:
  std::vector<Index> first_sub_reach() const {
    std::vector<Index> first(1, 0);
    for (Index k : problem_.properties.sub_reaches) first.push_back(first.back() + k);
    return first;
  }
  // The problem's initial state in the rank's order.
  std::vector<Real> state_in() const {
    if (problem_.initial_state.empty()) return {};
    std::vector<Real> state;
    const auto first = first_sub_reach();
    for (Index r : network_.reach)
      for (Index k = first[r]; k < first[r + 1]; ++k) state.push_back(static_cast<Real>(problem_.initial_state[k]));
    return state;
  }

  static RunShape shape_of(Index chunk_steps) {
    RunShape shape;
    shape.chunk_steps = chunk_steps;
    return shape;
  }

  ReferenceProblem<double> problem_;
  Count gap_;
  RankNetwork network_;
  OwnBoundary<Real> boundary_{network_};
  std::unique_ptr<Router<Real>> router_;
  ReachParameters<Real> parameters_;
  std::vector<Real> inflow_;
  std::vector<Index> probes_;
};

/// Largest difference of two tables over the largest value expected (where that is 0: the difference).
template <class A, class B>
double largest_difference(const std::vector<std::vector<A>>& ours, const std::vector<std::vector<B>>& expected) {
  double difference = 0, largest = 0;
  for (std::size_t t = 0; t < expected.size(); ++t)
    for (std::size_t r = 0; r < expected[t].size(); ++r) {
      difference = std::max(difference, std::abs(ours[t][r] - value_of(expected[t][r])));
      largest = std::max(largest, std::abs(value_of(expected[t][r])));
    }
  return largest > 0 ? difference / largest : difference;
}

inline std::vector<std::vector<double>> random_weights(Count rows, Index reaches, std::uint64_t seed) {
  Draws draws(seed, 9);
  std::vector<std::vector<double>> w(rows, std::vector<double>(reaches));
  for (auto& row : w)
    for (double& x : row) x = draws.normal();
  return w;
}

inline constexpr Scheme kAllSchemes[] = {Scheme::conservative, Scheme::published, Scheme::exact_celerity,
                                         Scheme::corrected,    Scheme::positive,  Scheme::muskingum};

/// All that a window gives: what must be the same bits.
template <class Real>
struct Outcome {
  std::vector<std::vector<Real>> discharge;
  std::vector<Real> state;
  typename RouterRun<Real>::Gradient gradient;
  bool operator==(const Outcome&) const = default;
};

template <class Real>
Outcome<Real> outcome_of(const ReferenceProblem<double>& p, const RunShape& shape) {
  RouterRun<Real> run(p, shape);
  Outcome<Real> o;
  o.discharge = run.forward(true);
  o.state = run.final_state();
  o.gradient = run.adjoint(random_weights(run.rows(), p.topology.size(), 1));
  return o;
}

}  // namespace dpl::test
