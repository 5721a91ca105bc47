// ranks: 1 2 4
// A window solved as a distributed sparse system a step agrees with the pipeline to rounding: discharge, state, gradients,
// volumes, for every scheme; no rank holds rows or values that are not its own beyond its ghosts; errors are everyone's.
#include "dpl/coupling/routing_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/routing_solver.hpp"
#include "dpl/partition/partition.hpp"
#include "tests/support/message_of.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using test::CaseShape;
using test::random_problem;
using test::ReferenceProblem;

// Forward, differences are 3e-15. Gradients are taken along a path that itself differs by rounding: exact_celerity and
// corrected, whose negative coefficients leave small differences of large flows at the floor, make up to 2e-12 of it for
// some draws (one of eight), the others 2e-13 at most; for the draws below all stay under 1e-13.
constexpr double kForward = 1e-13, kGradient = 1e-12;

// A problem's part on this rank.
struct OwnPart {
  RankNetwork network;
  RoutingOptions options;
  ReachProperties properties;
  ReachParameters<double> parameters;
  std::vector<double> inflow, initial;
  std::vector<Index> probes;
  Index hold = 1;
  Count steps = 0, rows = 0;

  OwnPart(const Communicator& comm, const ReferenceProblem<double>& p, Index pieces_per_rank, Index probe_every)
      : options(p.options), hold(p.hold), steps(p.steps), rows(static_cast<Count>(p.lateral.size())) {
    const std::vector<double> weight(p.topology.size(), 1.0);
    network = make_rank_network(p.topology, make_partition(p.topology, weight, comm.size(), pieces_per_rank), comm.rank());
    options.chunk_steps = 16;
    std::vector<Index> first(1, 0);
    for (Index k : p.properties.sub_reaches) first.push_back(first.back() + k);
    for (Index own = 0; own < network.size(); ++own) {
      const Index r = network.reach[own];
      properties.length_m.push_back(p.properties.length_m[r]);
      properties.slope.push_back(p.properties.slope[r]);
      properties.sub_reaches.push_back(p.properties.sub_reaches[r]);
      parameters.a.push_back(p.a[r]);
      parameters.b.push_back(p.b[r]);
      parameters.c.push_back(p.c[r]);
      for (const auto& row : p.lateral) inflow.push_back(row[r]);
      for (Index k = first[r]; k < first[r + 1] && !p.initial_state.empty(); ++k) initial.push_back(p.initial_state[k]);
      if (r % probe_every == 0) probes.push_back(own);
    }
  }
  LateralInflow<double> lateral() const { return {inflow.data(), rows, hold}; }
};

struct Results {
  std::vector<double> discharge, state, a, b, c, lateral, outflow, storage_start, storage_end, created;
};

Results results_of(WindowRouter<double>& router, const OwnPart& own) {
  Results r;
  const Count rows = router.output_rows(own.steps);
  r.discharge.resize(own.probes.size() * rows);
  router.keep_water_balance(true);
  router.forward(own.parameters, own.lateral(), own.steps, own.initial, own.probes, r.discharge, true);
  r.state = router.final_state();
  r.outflow = router.water_balance().outflow;
  r.storage_start = router.water_balance().storage_start;
  r.storage_end = router.water_balance().storage_end;
  r.created = router.water_balance().created_by_floor;
  std::vector<double> seed(r.discharge.size());
  for (std::size_t k = 0; k < own.probes.size(); ++k)
    for (Count t = 0; t < rows; ++t)
      seed[k * rows + t] = random_normal({5, Purpose::test, static_cast<std::uint64_t>(own.network.reach[own.probes[k]]),
                                          static_cast<std::uint64_t>(t)});
  ReachParameters<double> gradient;
  r.lateral.resize(own.inflow.size());
  router.adjoint(seed, gradient, r.lateral);
  r.a = gradient.a;
  r.b = gradient.b;
  r.c = gradient.c;
  return r;
}

// Largest difference over the largest number, of all ranks.
double difference(const Communicator& comm, const std::vector<double>& found, const std::vector<double>& expected) {
  if (found.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double largest = 0, off = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    if (const double d = std::abs(found[i] - expected[i]); !(d <= off)) off = std::isfinite(d) ? d : 1e300;
  }
  largest = comm.max(largest);
  off = comm.max(off);
  return off == 0 ? 0 : off / largest;
}

void expect_agreement(const ReferenceProblem<double>& p, Index pieces_per_rank, Index probe_every = 1) {
  const Communicator comm;
  const OwnPart own(comm, p, pieces_per_rank, probe_every);
  BoundaryExchange<double> boundary(comm, own.network);
  const auto pipeline = make_window_router<double>("pipeline", comm, own.network, own.properties, own.options, boundary);
  const auto krylov = make_window_router<double>("krylov", comm, own.network, own.properties, own.options, boundary);
  const Results expected = results_of(*pipeline, own), found = results_of(*krylov, own);
  const auto compare = [&](const char* what, const std::vector<double>& a, const std::vector<double>& b, bool signal) {
    const bool gradient = std::string(what).starts_with("gradient");
    EXPECT_LE(difference(comm, a, b), gradient ? kGradient : kForward) << what;
    double sum = 0;
    for (double x : b) sum += std::abs(x);
    if (signal) {
      EXPECT_GT(comm.max(sum), 0) << what << ": the comparison means something";
    }
  };
  compare("discharge", found.discharge, expected.discharge, true);
  compare("final state", found.state, expected.state, true);
  compare("gradient of n", found.a, expected.a, true);
  compare("gradient of p", found.b, expected.b, true);
  compare("gradient of q", found.c, expected.c, p.options.scheme != Scheme::muskingum);
  compare("gradient of the lateral inflow", found.lateral, expected.lateral, true);
  compare("outflow", found.outflow, expected.outflow, true);
  compare("storage at the start", found.storage_start, expected.storage_start, true);
  compare("storage at the end", found.storage_end, expected.storage_end, true);
  compare("water made by floors", found.created, expected.created, false);
}

class RoutingSystemOf : public testing::TestWithParam<std::string> {
 protected:
  CaseShape shape() const {
    CaseShape s;
    s.scheme = scheme_from_name(GetParam());
    return s;
  }
};

TEST_P(RoutingSystemOf, AgreesOnARandomForestFromTheHotStart) {
  CaseShape s = shape();
  s.reaches = 160;
  s.largest_sub_reaches = 3;
  s.hold = 3;
  s.span = 12;
  expect_agreement(random_problem(s, 31), 3, 3);
}

TEST_P(RoutingSystemOf, AgreesFromAGivenStateAndWithInflowsRead) {
  CaseShape s = shape();
  s.largest_sub_reaches = 2;
  s.inflow_readout = true;
  auto p = random_problem(s, 32);
  const Index cells = std::accumulate(p.properties.sub_reaches.begin(), p.properties.sub_reaches.end(), 0);
  for (Index k = 0; k < cells; ++k)
    p.initial_state.push_back((s.scheme == Scheme::conservative ? 3600 : 1) * (k % 7 == 0 ? 0 : 0.5 + k % 5));
  expect_agreement(p, 2);
}

TEST_P(RoutingSystemOf, AgreesOnAChainOf300) {
  CaseShape s = shape();
  s.reaches = 300;
  s.steps = 20;
  auto p = random_problem(s, 33);
  p.topology = test::chain(300);
  expect_agreement(p, 2, 7);
}

TEST_P(RoutingSystemOf, AgreesWithoutTheFloorInTheHotStart) {
  CaseShape s = shape();
  s.steps = 12;
  auto p = random_problem(s, 34);
  p.options.floor_hot_start = false;
  p.options.published_epsilons = false;
  expect_agreement(p, 0);
}

INSTANTIATE_TEST_SUITE_P(Schemes, RoutingSystemOf, testing::ValuesIn(scheme_names()),
                         [](const auto& info) { return info.param; });

TEST(RoutingSystem, AgreesWhereRanksHaveNoReach) {
  CaseShape s;
  s.reaches = 2;
  s.steps = 5;
  expect_agreement(random_problem(s, 15), 0);
}

// Rows of all ranks join without gap; a rank holds its own rows and vector entries, one stored number a row and an edge
// into it, and receives one value a cell of another rank that drains into its own.
TEST(RoutingSystem, NoRankHoldsMoreThanItsRowsAndGhosts) {
  const Communicator comm;
  CaseShape s;
  s.reaches = 400;
  s.largest_sub_reaches = 3;
  s.span = 20;
  const OwnPart own(comm, random_problem(s, 16), 3, 1);
  const RoutingSystem system(comm, own.network, own.properties, own.options);
  const RiverMatrixCounts counts = system.matrix_counts();
  const Index cells = system.state_size();
  Count ghosts = 0;
  for (const auto& ghost : own.network.ghosts) ghosts += ghost.upstream_rank != comm.rank();
  EXPECT_EQ(counts.rows, cells);
  EXPECT_EQ(counts.vector_entries, cells);
  EXPECT_EQ(counts.ghosts, ghosts);
  const Count inside = cells - own.network.size();  // from sub-reach to sub-reach of a reach
  EXPECT_EQ(counts.entries, cells + inside + static_cast<Count>(own.network.upstream.size()));
  std::vector<std::int64_t> rows(comm.size(), 0);
  rows[comm.rank()] = cells;
  comm.sum(rows);
  EXPECT_EQ(counts.first_row, std::accumulate(rows.begin(), rows.begin() + comm.rank(), std::int64_t{0}));
  if (comm.size() > 1) {
    EXPECT_GT(comm.sum(std::int64_t{ghosts}), 0);
    EXPECT_LT(counts.vector_entries, std::accumulate(rows.begin(), rows.end(), std::int64_t{0}));
  }
}

// On one rank the preconditioner is the inverse: GMRES needs one step a solution, and one more to refine it.
TEST(RoutingSystem, TheTriangularBlockIsTheInverse) {
  const Communicator comm;
  CaseShape s;
  s.reaches = 200;
  const OwnPart own(comm, random_problem(s, 17), 0, 1);
  RoutingSystem system(comm, own.network, own.properties, own.options);
  std::vector<double> discharge(own.probes.size() * own.steps);
  system.forward(own.parameters, own.lateral(), own.steps, {}, own.probes, discharge, false);
  EXPECT_GE(system.solver_iterations(), own.steps);
  if (comm.size() == 1) {
    EXPECT_LE(system.solver_iterations(), 4 * (own.steps + 1));
  }
}

TEST(RoutingSystem, AValueThatIsNotFiniteEndsTheWindowAsInThePipeline) {
  const Communicator comm;
  for (const char* scheme : {"conservative", "corrected"}) {
    CaseShape s;
    s.scheme = scheme_from_name(scheme);
    auto p = random_problem(s, 18);
    p.lateral[7][5] = std::numeric_limits<double>::quiet_NaN();
    const OwnPart own(comm, p, 2, 1);
    BoundaryExchange<double> boundary(comm, own.network);
    std::vector<std::set<Index>> reaches;
    std::vector<double> earliest;
    for (const char* solver : {"pipeline", "krylov"}) {
      const auto router = make_window_router<double>(solver, comm, own.network, own.properties, own.options, boundary);
      std::vector<double> discharge(own.probes.size() * router->output_rows(own.steps));
      router->forward(own.parameters, own.lateral(), own.steps, {}, own.probes, discharge, false);
      const auto [step, where] = router->first_not_finite();
      earliest.push_back(-comm.max(step < 0 ? -1e9 : -static_cast<double>(step)));
      reaches.emplace_back();
      if (static_cast<double>(step) == earliest.back()) reaches.back().insert(where.begin(), where.end());
    }
    EXPECT_EQ(earliest[0], 7) << scheme;
    EXPECT_EQ(earliest[1], earliest[0]) << scheme;
    EXPECT_EQ(reaches[1], reaches[0]) << scheme;
  }
}

TEST(RoutingSystem, ErrorsAreTheSameOnAllRanks) {
  const Communicator comm;
  OwnPart own(comm, random_problem({}, 19), 0, 1);
  BoundaryExchange<double> boundary(comm, own.network);
  if (comm.rank() == comm.size() - 1 && own.network.size() > 0) own.properties.slope[0] = 0;
  const auto words = message_of([&] { RoutingSystem(comm, own.network, own.properties, own.options); });
  EXPECT_NE(words.find("slope 0"), std::string::npos) << words;
  EXPECT_NE(words.find("must be positive"), std::string::npos) << words;
  BoundaryExchange<float> single(comm, own.network);
  const auto precision = message_of(
      [&] { make_window_router<float>("krylov", comm, own.network, own.properties, own.options, single); });
  EXPECT_NE(precision.find("precision: double"), std::string::npos) << precision;
  const auto name = message_of(
      [&] { make_window_router<double>("gmres", comm, own.network, own.properties, own.options, boundary); });
  EXPECT_NE(name.find("'gmres'; allowed are pipeline and krylov"), std::string::npos) << name;
}

// C1 of 1e9 on a chain: the solution leaves the range of numbers. All ranks say so in the same words.
TEST(RoutingSystem, ASystemWithoutASolutionIsToldOnAllRanks) {
  const Communicator comm;
  auto p = random_problem({}, 20);
  p.topology = test::chain(40);
  const OwnPart own(comm, p, 0, 1);
  const CellOrder cells = make_cell_order(own.network, comm.rank(), own.properties.sub_reaches);
  RiverMatrix matrix(comm, own.network, cells);
  std::vector<double> b(cells.rows(), 1.0), x(cells.rows());
  matrix.set_weights(std::vector<double>(cells.rows(), 1e9));
  const auto words = message_of([&] { matrix.solve(b, x, "forward", 12); });
  EXPECT_NE(words.find("routing system: "), std::string::npos) << words;
  EXPECT_NE(words.find("routing.solver: pipeline"), std::string::npos) << words;
}

}  // namespace
}  // namespace dpl
