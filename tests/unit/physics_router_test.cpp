// Test of the router on uncut networks: values equal the plain version's, and its adjoint is the transpose of its
// derivative.
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

std::vector<CaseShape> all_shapes() {
  std::vector<CaseShape> shapes;
  for (Scheme scheme : {Scheme::conservative, Scheme::published, Scheme::exact_celerity, Scheme::corrected,
                        Scheme::positive, Scheme::muskingum})
    for (bool inflow_readout : {false, true})
      for (Index variant = 0; variant < 3; ++variant) {
        CaseShape s;
        s.scheme = scheme;
        s.inflow_readout = inflow_readout;
        s.largest_sub_reaches = variant == 0 ? 1 : 3;
        s.hold = variant == 2 ? 7 : 1;
        s.span = variant == 1 ? 12 : 4;
        shapes.push_back(s);
      }
  return shapes;
}

std::string name_of(const testing::TestParamInfo<CaseShape>& info) {
  const auto& s = info.param;
  return std::string(scheme_name(s.scheme)) + (s.inflow_readout ? "_inflow" : "_outflow") + "_hold" +
         std::to_string(s.hold) + "_sub" + std::to_string(s.largest_sub_reaches);
}

class RouterCase : public testing::TestWithParam<CaseShape> {
 protected:
  // With a given initial state instead of the hot start.
  static ReferenceProblem<double> warm(ReferenceProblem<double> p, std::uint64_t seed) {
    Draws draws(seed, 7);
    const auto start = reference_routing(p).state.front();
    for (double s : start) p.initial_state.push_back(s * draws.uniform(0.1, 3));
    return p;
  }
};

// Several pieces, chunks, tiles and blocks, states kept seldom.
RunShape cut_up() {
  RunShape s;
  s.pieces = 3;
  s.chunk_steps = 20;
  s.tile_cells = 8;
  s.block_steps = 7;
  s.tape_bytes = 1;
  return s;
}

// Value by value.
template <class A, class B>
double largest_relative_difference(const std::vector<std::vector<A>>& ours,
                                   const std::vector<std::vector<B>>& expected) {
  double worst = 0;
  for (std::size_t t = 0; t < expected.size(); ++t)
    for (std::size_t r = 0; r < expected[t].size(); ++r)
      if (const double v = value_of(expected[t][r]); v != 0) worst = std::max(worst, std::abs(ours[t][r] / v - 1));
  return worst;
}

TEST_P(RouterCase, EqualsThePlainVersion) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    auto p = random_problem(GetParam(), seed);
    if (seed % 2 == 1) p = warm(p, seed);
    const auto expected = reference_routing(p);
    for (const RunShape& shape : {cut_up(), RunShape{}}) {
      RouterRun<double> run(p, shape);
      EXPECT_LT(largest_difference(run.forward(), expected.discharge), 1e-12) << "seed " << seed;
      EXPECT_LT((largest_difference<double, double>({run.final_state()}, {expected.state.back()})), 1e-12)
          << "seed " << seed;
    }
    RouterRun<float> single(p);
    EXPECT_LT(largest_difference(single.forward(), expected.discharge), 2e-4) << "seed " << seed;
  }
}

// The problem with every input moved along a random direction u; returns <u, gradient> for a gradient.
struct Direction {
  ReferenceProblem<Dual<1>> moved;
  std::vector<double> a, b, c;
  std::vector<std::vector<double>> lateral;

  Direction(const ReferenceProblem<double>& p, std::uint64_t seed) {
    moved = {p.topology, p.properties, p.options, {}, {}, {}, {}, p.hold, p.steps, {}, {}};
    Draws draws(seed, 8);
    const auto move = [&](double x, std::vector<double>& u) {
      u.push_back(x * draws.normal());
      Dual<1> y(x);
      y.d[0] = u.back();
      return y;
    };
    for (Index r = 0; r < p.topology.size(); ++r) {
      moved.a.push_back(move(p.a[r], a));
      moved.b.push_back(move(p.b[r], b));
      moved.c.push_back(move(p.c[r], c));
    }
    for (const auto& row : p.lateral) {
      lateral.emplace_back();
      moved.lateral.emplace_back();
      for (double q : row) moved.lateral.back().push_back(move(q, lateral.back()));
    }
    for (double s : p.initial_state) moved.initial_state.push_back(Dual<1>(s));
  }

  double times(const RouterRun<double>::Gradient& g) const {
    double sum = 0;
    for (std::size_t r = 0; r < a.size(); ++r) sum += a[r] * g.a[r] + b[r] * g.b[r] + c[r] * g.c[r];
    for (std::size_t t = 0; t < lateral.size(); ++t)
      for (std::size_t r = 0; r < a.size(); ++r) sum += lateral[t][r] * g.lateral[t][r];
    return sum;
  }
};

// The router's state at the start of every step.
std::vector<std::vector<double>> path_of(ReferenceProblem<double> p) {
  std::vector<std::vector<double>> states;
  for (const Count steps = p.steps; static_cast<Count>(states.size()) < steps;) {
    p.steps = static_cast<Count>(states.size());
    RouterRun<double> run(p);
    run.forward();
    states.push_back(run.final_state());
  }
  return states;
}

// J u is taken along the router's own path. Schemes with negative coefficients amplify rounding from step to step, so that
// the plain version's path, equal at the start, is another point of linearisation at the end.
TEST_P(RouterCase, AdjointIsTheTransposeOfTheDerivative) {
  for (std::uint64_t seed = 10; seed < 14; ++seed) {
    auto p = random_problem(GetParam(), seed);
    if (seed % 2 == 1) p = warm(p, seed);
    Direction u(p, seed);
    u.moved.path = path_of(p);
    RouterRun<double> run(p, seed < 12 ? cut_up() : RunShape{});
    const auto w = random_weights(run.rows(), p.topology.size(), seed);
    const auto moved = reference_routing(u.moved).discharge;
    EXPECT_LT(largest_relative_difference(run.forward(true), moved), 1e-9) << "seed " << seed;
    double forward = 0;
    for (std::size_t t = 0; t < moved.size(); ++t)
      for (std::size_t r = 0; r < moved[t].size(); ++r) forward += moved[t][r].d[0] * w[t][r];
    EXPECT_NEAR(u.times(run.adjoint(w)), forward, 1e-12 * std::abs(forward)) << "seed " << seed;
  }
}

TEST_P(RouterCase, GradientOfALossEqualsFiniteDifferences) {
  CaseShape shape = GetParam();
  shape.reaches = 12;
  auto p = random_problem(shape, 31);
  if (shape.scheme != Scheme::conservative && shape.scheme != Scheme::muskingum) p.options.q_min_m3s = 1e-9;
  const auto loss = [](const std::vector<std::vector<double>>& q) {
    double sum = 0;
    for (const auto& row : q)
      for (double x : row) sum += x * x;
    return sum / static_cast<double>(q.size());
  };
  RouterRun<double> run(p);
  auto weight = run.forward(true);
  for (auto& row : weight)
    for (double& x : row) x *= 2.0 / static_cast<double>(weight.size());
  const auto gradient = run.adjoint(weight);
  double scale = 0;
  for (Index r = 0; r < p.topology.size(); ++r) scale = std::max(scale, std::abs(gradient.a[r] * p.a[r]));
  for (Index r = 0; r < p.topology.size(); ++r) {
    const auto at = [&](double factor) {
      auto moved = p;
      moved.a[r] *= factor;
      return loss(RouterRun<double>(moved).forward());
    };
    const double h = 1e-6;
    EXPECT_NEAR(gradient.a[r] * p.a[r], (at(1 + h) - at(1 - h)) / (2 * h), 1e-6 * scale) << "reach " << r;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RouterCase, testing::ValuesIn(all_shapes()), name_of);

}  // namespace
}  // namespace dpl
