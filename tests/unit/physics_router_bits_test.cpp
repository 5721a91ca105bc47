// Test that the router's bits depend on nothing but its inputs, and that it agrees with the reference files.
#include <cstdlib>
#include <filesystem>

#include "dpl/experiments/reference_case.hpp"
#include "dpl/physics/sweep_kernels.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

constexpr Scheme kAllSchemes[] = {Scheme::conservative, Scheme::published, Scheme::exact_celerity,
                                  Scheme::corrected,    Scheme::positive,  Scheme::muskingum};

template <class Real>
struct Outcome {
  std::vector<std::vector<Real>> discharge;
  std::vector<Real> state;
  typename RouterRun<Real>::Gradient gradient;
  bool operator==(const Outcome&) const = default;
};

template <class Real>
Outcome<Real> outcome_of(const ReferenceProblem<double>& p, Index chunk_steps) {
  RouterRun<Real> run(p, chunk_steps);
  Outcome<Real> o;
  o.discharge = run.forward(true);
  o.state = run.final_state();
  o.gradient = run.adjoint(random_weights(run.rows(), p.topology.size(), 1));
  return o;
}

template <class Real>
class RouterBits : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RouterBits, Precisions);

ReferenceProblem<double> problem_of(Scheme scheme, Index hold = 3) {
  CaseShape shape;
  shape.scheme = scheme;
  shape.steps = 150;
  shape.hold = hold;
  shape.largest_sub_reaches = 3;
  return random_problem(shape, 51);
}

TYPED_TEST(RouterBits, DoNotDependOnTheChunkLength) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 24}) {
      const auto p = problem_of(scheme, hold);
      const auto whole = outcome_of<TypeParam>(p, 150);
      for (Index chunk : {1, 7, 64, 149, 1000})
        EXPECT_TRUE(outcome_of<TypeParam>(p, chunk) == whole) << scheme_name(scheme) << " " << chunk;
    }
}

TYPED_TEST(RouterBits, DoNotDependOnTheInstructionSet) {
  for (Scheme scheme : kAllSchemes) {
    const auto p = problem_of(scheme);
    setenv("DPL_ISA", "generic", 1);
    const auto generic = outcome_of<TypeParam>(p, 64);
    for (const char* isa : {"v3", "v4"}) {
      setenv("DPL_ISA", isa, 1);
      try {
        sweep_kernels<TypeParam>(Device::cpu);
      } catch (const std::exception&) {
        continue;  // not on this processor
      }
      EXPECT_TRUE(outcome_of<TypeParam>(p, 64) == generic) << scheme_name(scheme) << " " << isa;
    }
    unsetenv("DPL_ISA");
  }
}

TYPED_TEST(RouterBits, DoNotDependOnTheOrderOfRows) {
  for (Scheme scheme : kAllSchemes) {
    const auto p = problem_of(scheme);
    const Index n = p.topology.size();
    std::vector<Index> place(n);  // new row of an old one
    std::iota(place.begin(), place.end(), 0);
    for (Index i = n - 1; i > 0; --i) std::swap(place[i], place[random_index({7, Purpose::test, 0, 0}, i + 1, i)]);
    auto moved = p;
    std::vector<Index> downstream(n);
    std::vector<ReachId> ids(n);
    for (Index r = 0; r < n; ++r) {
      const Index down = p.topology.downstream[r];
      downstream[place[r]] = down < 0 ? -1 : place[down];
      ids[place[r]] = r + 1;
      moved.properties.length_m[place[r]] = p.properties.length_m[r];
      moved.properties.slope[place[r]] = p.properties.slope[r];
      moved.properties.sub_reaches[place[r]] = p.properties.sub_reaches[r];
      moved.a[place[r]] = p.a[r];
      moved.b[place[r]] = p.b[r];
      moved.c[place[r]] = p.c[r];
      for (std::size_t t = 0; t < p.lateral.size(); ++t) moved.lateral[t][place[r]] = p.lateral[t][r];
    }
    moved.topology = make_topology(downstream, ids);
    RouterRun<TypeParam> first(p), second(moved);
    auto weight = random_weights(first.rows(), n, 3), moved_weight = weight;
    for (std::size_t t = 0; t < weight.size(); ++t)
      for (Index r = 0; r < n; ++r) moved_weight[t][place[r]] = weight[t][r];
    const auto a = first.forward(true), b = second.forward(true);
    const auto g = first.adjoint(weight), h = second.adjoint(moved_weight);
    for (Index r = 0; r < n; ++r) {
      for (std::size_t t = 0; t < a.size(); ++t) ASSERT_EQ(a[t][r], b[t][place[r]]) << scheme_name(scheme);
      ASSERT_EQ(g.a[r], h.a[place[r]]) << scheme_name(scheme);
      for (std::size_t t = 0; t < g.lateral.size(); ++t)
        ASSERT_EQ(g.lateral[t][r], h.lateral[t][place[r]]) << scheme_name(scheme);
    }
  }
}

TYPED_TEST(RouterBits, ARestartEqualsTheUninterruptedRun) {
  for (Scheme scheme : kAllSchemes) {
    const auto p = problem_of(scheme, 1);
    RouterRun<TypeParam> whole(p);
    const auto all = whole.forward();
    auto head = p, tail = p;
    head.steps = 60;
    head.lateral.resize(60);
    tail.steps = p.steps - 60;
    tail.lateral.erase(tail.lateral.begin(), tail.lateral.begin() + 60);
    RouterRun<TypeParam> before(head);
    before.forward();
    const auto state = before.final_state();
    tail.initial_state.assign(state.begin(), state.end());
    RouterRun<TypeParam> after(tail);
    const auto rest = after.forward();
    EXPECT_TRUE(after.final_state() == whole.final_state()) << scheme_name(scheme);
    for (std::size_t t = 0; t < rest.size(); ++t)
      ASSERT_TRUE(rest[t] == all[t + 60]) << scheme_name(scheme) << " row " << t;
  }
}

// Beyond 64 MiB a chunk is not recorded on the way forward but run again.
TYPED_TEST(RouterBits, DoNotDependOnWhatTheTapeKeeps) {
  // One chunk as long as the window is larger than what is kept; short chunks are kept in part. One form a number type:
  // each is a large problem.
  CaseShape shape;
  shape.scheme = sizeof(TypeParam) == sizeof(float) ? Scheme::conservative : Scheme::corrected;
  shape.reaches = 1500;
  shape.steps = static_cast<Index>(4500 * sizeof(float) / sizeof(TypeParam));
  shape.hold = 24;
  const auto p = random_problem(shape, 52);
  const auto gradient = [&](Index chunk) { return outcome_of<TypeParam>(p, chunk).gradient; };
  EXPECT_TRUE(gradient(100) == gradient(shape.steps)) << scheme_name(shape.scheme);
}

template <class Real>
void compare_with_file(const std::string& path) {
  const ReferenceCase c = read_reference_case(path);
  ReferenceProblem<double> p;
  const auto n = static_cast<Index>(c.downstream.size());
  p.topology = topology_of(c.downstream);
  p.properties = {c.length_m, c.slope, std::vector<Index>(n, 1)};
  p.options = c.options;
  p.a = c.a, p.b = c.b, p.c = c.c;
  p.lateral = c.lateral_inflow;
  p.steps = static_cast<Count>(c.lateral_inflow.size());
  RouterRun<Real> run(p);
  const auto discharge = run.forward(true);
  const auto close = [&](const auto& ours, const std::vector<double>& theirs, double relative, const char* name) {
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      largest = std::max(largest, std::abs(theirs[i]));
      difference = std::max(difference, std::abs(ours[i] - theirs[i]));
    }
    EXPECT_LE(difference, relative * largest) << path << ": " << name;
  };
  const bool is_double = sizeof(Real) == 8;
  ASSERT_EQ(discharge.size(), c.discharge.size());
  auto weight = random_weights(run.rows(), n, 0);
  for (std::size_t t = 0; t < discharge.size(); ++t) {
    close(discharge[t], c.discharge[t], is_double ? 1e-9 : 2e-5, "discharge");
    for (Index r = 0; r < n; ++r)
      weight[t][r] = r == c.outlet ? 2.0 * discharge[t][r] / static_cast<double>(run.rows()) : 0;
  }
  if (!c.storage.empty()) close(run.final_state(), c.storage.back(), is_double ? 1e-9 : 2e-5, "storage");
  const auto g = run.adjoint(weight);
  const double tolerance = is_double ? 1e-8 : 2e-4;
  close(g.a, c.dJ_da, tolerance, "dJ/dn");
  close(g.b, c.dJ_db, tolerance, "dJ/dp");
  if (!c.dJ_dc.empty()) close(g.c, c.dJ_dc, tolerance, "dJ/dq");
  for (const auto& [step, values] : c.dJ_dlateral) close(g.lateral[step], values, tolerance, "dJ/dlateral");
}

TYPED_TEST(RouterBits, AgreeWithTheReferenceFiles) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DPL_TEST_SOURCE_DIR "/tests/data/oracles"))
    if (entry.path().filename().string().starts_with("routing_")) {
      compare_with_file<TypeParam>(entry.path().string());
      ++files;
    }
  EXPECT_GE(files, 15);
}

}  // namespace
}  // namespace dpl
