// Test of the runoff model over a window: values and gradients against the plain columns with dual numbers, the
// dot-product test, finite differences.
#include "tests/support/reference_runoff.hpp"
#include "tests/support/runoff_cases.hpp"

namespace dpl {
namespace {

using namespace test;
constexpr int kMostInputs = 25;
using D = Dual<kMostInputs>;

// J = sum of weights times runoff and the other series, by plain columns; derivatives of chosen inputs: directions are
// given to static parameters of one lane and to dynamic values of one day and lane.
struct PlainRun {
  std::vector<double> runoff;                         // [day][catchment]
  std::vector<std::vector<double>> outputs = std::vector<std::vector<double>>(kRunoffOutputs);
  D J;
};

PlainRun plain_run(const RunoffProblem& p, Count lane, Count day_of_directions, const std::vector<double>& seed,
                   const std::vector<std::vector<double>>& seeds) {
  const Index n = p.options.catchments;
  const Count lanes = p.lanes();
  const auto all = runoff_parameters(p.options.variant, p.options.dynamic, p.options.precipitation_factor);
  const auto dynamic_count = static_cast<Count>(p.options.dynamic.size());
  PlainRun r;
  r.runoff.assign(p.days * n, 0.0);
  for (auto& o : r.outputs) o.assign(p.days * n, 0.0);
  for (Count l = 0; l < lanes; ++l) {
    const Index c = static_cast<Index>(l % n);
    PlainColumn<D> column;
    column.variant = runoff_variant_name(p.options.variant);
    std::vector<D> fixed(17, D(1.0));
    for (std::size_t k = 0; k < all.size(); ++k)
      fixed[k] = l == lane ? D::input(p.fixed[k * lanes + l], static_cast<int>(k)) : D(p.fixed[k * lanes + l]);
    if (!p.options.area_km2.empty())
      column.area_km2 = p.options.area_km2[c], column.elevation_m = p.options.elevation_m[c];
    D* states[] = {&column.SP, &column.MW, &column.SM, &column.SUZ, &column.SLZ};
    for (int k = 0; k < 5; ++k)
      *states[k] = l == lane ? D::input(p.states[k * lanes + l], 20 + k) : D(p.states[k * lanes + l]);
    const double share = 1.0 / p.options.components;
    for (Count t = 0; t < p.days; ++t) {
      for (Count k = 0; k < dynamic_count; ++k)
        for (std::size_t i = 0; i < all.size(); ++i)
          if (p.options.dynamic[k] == all[i].name) {
            const double value = p.dynamic[(t * dynamic_count + k) * lanes + l];
            fixed[i] = l == lane && t == day_of_directions ? D::input(value, 17 + static_cast<int>(k)) : D(value);
            column.dynamic_exponent = column.dynamic_exponent || p.options.dynamic[k] == "BETAET";
          }
      const Count at = t * n + c;
      const D factor = p.options.precipitation_factor.empty() ? D(1.0) : fixed[all.size() - 1];
      column.day(fixed, factor * D(p.precipitation[at]), p.temperature[at], p.pet[at]);
      const D series[] = {column.ET,  column.SM, column.SM / fixed[1], column.SP + column.MW, column.recharge,
                          column.SUZ, column.SLZ};
      r.runoff[at] += share * column.runoff.value;
      r.J = r.J + D(share * seed[at]) * column.runoff;
      for (int k = 0; k + 1 < kRunoffOutputs; ++k) {
        r.outputs[k][at] += share * series[k].value;
        if (!seeds.empty()) r.J = r.J + D(share * seeds[k][at]) * series[k];
      }
      r.outputs[7][at] += share * column.made;
    }
  }
  return r;
}

std::vector<std::vector<double>> random_seeds(const RunoffProblem& p) {
  std::vector<std::vector<double>> seeds;
  for (int k = 0; k + 1 < kRunoffOutputs; ++k)
    seeds.push_back(random_seed<double>(p.days, p.options.catchments, 100 + k));
  return seeds;
}

TEST(Runoff, ValuesAndGradientsAreThoseOfPlainColumns) {
  std::uint64_t number = 0;
  for (const auto& setting : runoff_settings())
    for (const bool further : {false, true}) {
      const auto p = random_runoff_problem(setting, 5, 3, 40, ++number);
      const auto seed = random_seed<double>(p.days, 5, number);
      const auto seeds = further ? random_seeds(p) : std::vector<std::vector<double>>{};
      RunoffRun<double> run(p);
      run.forward();
      run.adjoint(seed, seeds);
      const auto parameters = run.model.parameters();
      for (Count lane : {Count(0), Count(7), Count(14)}) {
        const Count day = 5 + lane;
        const PlainRun plain = plain_run(p, lane, day, seed, seeds);
        for (std::size_t i = 0; i < plain.runoff.size(); ++i) ASSERT_NEAR(run.runoff[i], plain.runoff[i], 1e-11);
        for (int k = 0; k < kRunoffOutputs; ++k)
          for (std::size_t i = 0; i < plain.runoff.size(); ++i)
            ASSERT_NEAR(run.outputs[k][i], plain.outputs[k][i], 1e-10) << runoff_output_names()[k];
        std::vector<AdjointEntry> entries;
        for (std::size_t k = 0; k < parameters.size(); ++k) {
          const bool dynamic = std::count(setting.dynamic.begin(), setting.dynamic.end(), parameters[k].name) > 0;
          const double ours = run.fixed_adjoint[k * p.lanes() + lane];
          if (dynamic) {
            EXPECT_EQ(ours, 0);
            continue;
          }
          entries.push_back({parameters[k].name, p.fixed[k * p.lanes() + lane], ours, plain.J.d[k]});
        }
        for (std::size_t k = 0; k < setting.dynamic.size(); ++k) {
          const std::size_t at = (day * setting.dynamic.size() + k) * p.lanes() + lane;
          entries.push_back({setting.dynamic[k].c_str(), p.dynamic[at], run.dynamic_adjoint[at], plain.J.d[17 + k]});
        }
        for (int k = 0; k < 5; ++k)
          entries.push_back(
              {"state", p.states[k * p.lanes() + lane], run.states_adjoint[k * p.lanes() + lane], plain.J.d[20 + k]});
        expect_same_derivatives(entries, 1e-9, std::string(setting.variant) + ", lane " + std::to_string(lane), 10);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
}

// The model along a direction: derivative of the outputs by duals (one direction), times weights, against the adjoint
// times the direction. Linear in both, so all inputs at once.
TEST(Runoff, DotProductTest) {
  using One = Dual<1>;
  std::uint64_t number = 50;
  for (const auto& setting : runoff_settings()) {
    const auto p = random_runoff_problem(setting, 4, 4, 120, ++number);
    const Index n = 4;
    const Count lanes = p.lanes();
    Draws draws(number, 3);
    const auto direction = [&](std::size_t size) {
      std::vector<double> u(size);
      for (double& x : u) x = draws.normal();
      return u;
    };
    const auto u_fixed = direction(p.fixed.size()), u_dynamic = direction(p.dynamic.size()),
               u_states = direction(p.states.size());
    const auto w = random_seed<double>(p.days, n, number);
    const auto all = runoff_parameters(p.options.variant, p.options.dynamic, p.options.precipitation_factor);
    double forward = 0, size = 0;
    for (Count l = 0; l < lanes; ++l) {
      PlainColumn<One> column;
      column.variant = setting.variant;
      const auto input = [](double value, double d) {
        One x(value);
        x.d[0] = d;
        return x;
      };
      std::vector<One> values(17, One(1.0));
      for (std::size_t k = 0; k < all.size(); ++k) values[k] = input(p.fixed[k * lanes + l], u_fixed[k * lanes + l]);
      if (!p.options.area_km2.empty())
        column.area_km2 = p.options.area_km2[l % n], column.elevation_m = p.options.elevation_m[l % n];
      One* states[] = {&column.SP, &column.MW, &column.SM, &column.SUZ, &column.SLZ};
      for (int k = 0; k < 5; ++k) *states[k] = input(p.states[k * lanes + l], u_states[k * lanes + l]);
      for (Count t = 0; t < p.days; ++t) {
        for (std::size_t k = 0; k < setting.dynamic.size(); ++k)
          for (std::size_t i = 0; i < all.size(); ++i)
            if (setting.dynamic[k] == all[i].name) {
              const std::size_t at = (t * setting.dynamic.size() + k) * lanes + l;
              values[i] = input(p.dynamic[at], u_dynamic[at]);
              column.dynamic_exponent = column.dynamic_exponent || setting.dynamic[k] == "BETAET";
            }
        const Count at = t * n + l % n;
        const One factor = p.options.precipitation_factor.empty() ? One(1.0) : values[all.size() - 1];
        column.day(values, factor * One(p.precipitation[at]), p.temperature[at], p.pet[at]);
        forward += w[at] * column.runoff.d[0] / p.options.components;
        size += std::abs(w[at] * column.runoff.d[0]) / p.options.components;
      }
    }
    for (const Device device : {Device::cpu, Device::emulated}) {
      auto on_it = p;
      on_it.options.device = device;
      RunoffRun<double> run(on_it);
      run.forward(0, false);
      run.adjoint(w);
      double backward = 0;
      for (std::size_t i = 0; i < u_fixed.size(); ++i) backward += u_fixed[i] * run.fixed_adjoint[i];
      for (std::size_t i = 0; i < u_dynamic.size(); ++i) backward += u_dynamic[i] * run.dynamic_adjoint[i];
      for (std::size_t i = 0; i < u_states.size(); ++i) backward += u_states[i] * run.states_adjoint[i];
      EXPECT_NEAR(forward, backward, 1e-12 * size) << setting.variant << ", " << setting.dynamic.size();
    }
    EXPECT_GT(size, 1);
  }
}

double mean_square(const RunoffProblem& p) {
  RunoffRun<double> run(p);
  run.forward(Runoff<double>::kNoTape, false);
  double J = 0;
  for (double q : run.runoff) J += q * q;
  return J / static_cast<double>(run.runoff.size());
}

// Kinks spoil a difference quotient: the smallest deviation over steps of several sizes counts.
TEST(Runoff, FiniteDifferencesOfAWholeLoss) {
  std::uint64_t number = 80;
  for (const auto& setting : runoff_settings()) {
    auto p = random_runoff_problem(setting, 3, 2, 60, ++number);
    RunoffRun<double> run(p);
    run.forward();
    std::vector<double> seed(run.runoff.size());
    for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = 2 * run.runoff[i] / static_cast<double>(seed.size());
    run.adjoint(seed);
    const auto compare = [&](std::vector<double>& values, const std::vector<double>& adjoint, std::size_t i,
                             double size) {
      double best = 1e300;
      const double old = values[i], J = mean_square(p);
      for (double h : {1e-4, 1e-5, 3e-6}) {
        values[i] = old + h * size;
        const double above = mean_square(p);
        values[i] = old - h * size;
        const double below = mean_square(p);
        best = std::min(best, std::abs((above - below) / (2 * h) - adjoint[i] * size));
      }
      values[i] = old;
      EXPECT_LE(best, 1e-6 * std::max(J, std::abs(adjoint[i] * size))) << setting.variant << " " << i;
    };
    const auto parameters = run.model.parameters();
    for (std::size_t k = 0; k < parameters.size(); ++k)
      compare(p.fixed, run.fixed_adjoint, k * p.lanes() + k % p.lanes(),
              0.1 * (parameters[k].upper - parameters[k].lower));
    for (std::size_t i = 0; i < p.dynamic.size(); i += 97) compare(p.dynamic, run.dynamic_adjoint, i, 0.1);
    for (std::size_t i = 0; i < p.states.size(); i += 7) compare(p.states, run.states_adjoint, i, 0.1);
  }
}

}  // namespace
}  // namespace dpl
