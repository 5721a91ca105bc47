// ranks: 1 2 3 4 8
// A network cut over ranks gives the uncut network's bits: discharge, state, gradients, for every scheme, and for any
// numbering of the reaches, any chunk length and device.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/partition/partition.hpp"
#include "dpl/physics/routing.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

constexpr Index kReaches = 300;
constexpr Count kSteps = 100;
constexpr Index kHold = 3;
constexpr Count kRows = (kSteps + kHold - 1) / kHold;
constexpr Index kCutChunk = 8, kUnevenChunk = 7;   // the latter fills no vector and leaves a shorter chunk at the end

double draw(ReachId id, std::uint64_t what, double low, double high) {
  return low + (high - low) * random_uniform({31, Purpose::test, what, static_cast<std::uint64_t>(id)});
}

// The forest under another numbering of its rows; a reach keeps its id.
struct Numbered {
  std::vector<ReachId> id;
  Topology topology;
};

Numbered numbered(std::uint64_t seed, bool renumber) {
  const auto below = test::random_downstream(kReaches, seed, 25, 80);
  std::vector<Index> row(kReaches);
  std::iota(row.begin(), row.end(), 0);
  if (renumber)
    std::sort(row.begin(), row.end(), [](Index a, Index b) { return draw(a + 1, 99, 0, 1) < draw(b + 1, 99, 0, 1); });
  std::vector<Index> downstream(kReaches);
  std::vector<ReachId> id(kReaches);
  for (Index i = 0; i < kReaches; ++i) {
    id[row[i]] = i + 1;
    downstream[row[i]] = below[i] < 0 ? -1 : row[below[i]];
  }
  return {id, make_topology(downstream, id)};
}

// All results of one run, each by reach id, so that runs compare whatever their numbering.
template <class Real>
struct Results {
  std::vector<std::vector<Real>> discharge, state, gradient, inflow_adjoint;  // [id - 1]
  Results() : discharge(kReaches), state(kReaches), gradient(kReaches), inflow_adjoint(kReaches) {}
};

template <class Real>
struct Inputs {
  ReachProperties properties;
  ReachParameters<Real> parameters;
  std::vector<Real> inflow;
  std::vector<Index> probes;
  std::vector<ReachId> id;  // [own]

  Inputs(const RankNetwork& network, const std::vector<ReachId>& ids, Scheme scheme) {
    for (Index own = 0; own < network.size(); ++own) {
      const ReachId reach = ids[network.reach[own]];
      id.push_back(reach);
      properties.length_m.push_back(draw(reach, 1, 500, 9000));
      properties.slope.push_back(draw(reach, 2, 1e-4, 2e-2));
      properties.sub_reaches.push_back(1 + static_cast<Index>(draw(reach, 3, 0, 3)));
      const bool fixed = scheme == Scheme::muskingum;
      parameters.a.push_back(static_cast<Real>(fixed ? draw(reach, 4, 2000, 9000) : draw(reach, 4, 0.02, 0.15)));
      parameters.b.push_back(static_cast<Real>(fixed ? draw(reach, 5, 0.05, 0.4) : draw(reach, 5, 5, 40)));
      parameters.c.push_back(static_cast<Real>(draw(reach, 6, 0.2, 0.8)));
      for (Count row = 0; row < kRows; ++row)
        inflow.push_back(static_cast<Real>(draw(reach, 1000 + row, 0, 2) * draw(0, 1000 + row, 0, 1)));
      if (reach % 3 != 1) probes.push_back(own);  // gauges on some reaches only
    }
  }
};

template <class Real>
Results<Real> route(const Numbered& river, const RankNetwork& network, Boundary<Real>& boundary, Scheme scheme,
                    Index chunk_steps, bool given_state, Device device = Device::cpu) {
  const Inputs<Real> inputs(network, river.id, scheme);
  RoutingOptions options;
  options.scheme = scheme;
  options.chunk_steps = chunk_steps;
  options.device = device;
  Router<Real> router(network, inputs.properties, options, boundary);
  const auto& starts = router.state_start();
  std::vector<Real> initial(given_state ? router.state_size() : 0);
  for (Index own = 0; given_state && own < network.size(); ++own)
    for (Index s = starts[own]; s < starts[own + 1]; ++s)
      initial[s] = static_cast<Real>(draw(inputs.id[own], 50 + s - starts[own], 1, 20) *
                                     (scheme == Scheme::conservative ? 3600 : 1));
  const Count rows = router.output_rows(kSteps);
  std::vector<Real> discharge(inputs.probes.size() * rows), seed(discharge.size());
  for (std::size_t p = 0; p < inputs.probes.size(); ++p)
    for (Count t = 0; t < rows; ++t)
      seed[p * rows + t] = static_cast<Real>(draw(inputs.id[inputs.probes[p]], 5000 + t, -1, 1));
  router.forward(inputs.parameters, {inputs.inflow.data(), kRows, kHold}, kSteps, initial, inputs.probes, discharge,
                 true);
  Results<Real> results;
  for (std::size_t p = 0; p < inputs.probes.size(); ++p)
    results.discharge[inputs.id[inputs.probes[p]] - 1].assign(discharge.begin() + p * rows,
                                                              discharge.begin() + (p + 1) * rows);
  const std::vector<Real> state = router.final_state();
  ReachParameters<Real> gradient;
  std::vector<Real> inflow_adjoint(inputs.inflow.size());
  router.adjoint(seed, gradient, inflow_adjoint);
  for (Index own = 0; own < network.size(); ++own) {
    const auto at = static_cast<std::size_t>(inputs.id[own] - 1);
    results.state[at].assign(state.begin() + starts[own], state.begin() + starts[own + 1]);
    results.gradient[at] = {gradient.a[own], gradient.b[own], gradient.c[own]};
    results.inflow_adjoint[at].assign(inflow_adjoint.begin() + own * kRows, inflow_adjoint.begin() + (own + 1) * kRows);
  }
  return results;
}

// Numbers whose bits differ, and how many were compared, over the reaches `found` holds.
template <class Real>
std::pair<Count, Count> differences(const std::vector<std::vector<Real>>& found,
                                    const std::vector<std::vector<Real>>& expected) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  Count different = 0, compared = 0;
  for (Index reach = 0; reach < kReaches; ++reach) {
    if (found[reach].empty()) continue;
    if (found[reach].size() != expected[reach].size()) return {-1, 0};
    for (std::size_t i = 0; i < found[reach].size(); ++i, ++compared)
      different += std::bit_cast<Bits>(found[reach][i]) != std::bit_cast<Bits>(expected[reach][i]);
  }
  return {different, compared};
}

template <class Real>
void expect_same_bits(const Communicator& comm, const Results<Real>& found, const Results<Real>& expected) {
  const auto expect_same = [&](const char* what, const auto& a, const auto& b, Count all) {
    const auto [different, compared] = differences(a, b);
    EXPECT_EQ(different, 0) << what << ": of " << compared << " numbers on rank " << comm.rank();
    EXPECT_EQ(comm.sum(std::int64_t{compared}), all) << what << ": every reach is on one rank";
  };
  const auto size_of = [](const auto& values) {
    Count size = 0;
    for (const auto& reach : values) size += static_cast<Count>(reach.size());
    return size;
  };
  expect_same("discharge", found.discharge, expected.discharge, size_of(expected.discharge));
  expect_same("final state", found.state, expected.state, size_of(expected.state));
  expect_same("gradient", found.gradient, expected.gradient, 3 * kReaches);
  expect_same("inflow gradient", found.inflow_adjoint, expected.inflow_adjoint, kReaches * kRows);
}

template <class Real>
bool has_signal(const Results<Real>& results) {
  double discharge = 0, gradient = 0;
  for (Index reach = 0; reach < kReaches; ++reach) {
    for (const Real q : results.discharge[reach]) discharge += q;
    for (const Real g : results.gradient[reach]) gradient += std::abs(g);
  }
  return std::isfinite(discharge) && discharge > 0 && std::isfinite(gradient) && gradient > 0;
}

template <class Real>
void check_scheme(const Communicator& comm, Scheme scheme, bool given_state) {
  const auto river = numbered(7, false);
  const std::vector<double> weight(kReaches, 1.0);
  NoBoundary<Real> no_boundary;
  const auto whole = make_rank_network(river.topology, make_partition(river.topology, weight, 1), 0);
  const auto expected = route<Real>(river, whole, no_boundary, scheme, 256, given_state);
  EXPECT_TRUE(has_signal(expected)) << "the comparison means something";
  for (const bool renumber : {false, true}) {
    const auto other = renumber ? numbered(7, true) : river;
    const auto cut = make_partition(other.topology, weight, comm.size(), 3);
    const auto network = make_rank_network(other.topology, cut, comm.rank());
    EXPECT_GE(static_cast<Index>(cut.cut_reach.size()), 2 * comm.size());
    EXPECT_GE(kSteps / kCutChunk + cut.depth() - 1, 8);
    BoundaryExchange<Real> boundary(comm, network);
    const Index chunk = renumber ? kUnevenChunk : kCutChunk;
    expect_same_bits(comm, route<Real>(other, network, boundary, scheme, chunk, given_state), expected);
    // The GPU's path, run by the host: messages go through copies in the host's memory, or out of the device's.
    if (!renumber) continue;
    for (const char* way : {"staged", "direct"}) {
      ::setenv("DPL_DEVICE_MESSAGES", way, 1);
      BoundaryExchange<Real> between(comm, network, Device::emulated);
      ::unsetenv("DPL_DEVICE_MESSAGES");
      ASSERT_EQ(between.memory() == Device::emulated, way == std::string("direct"));
      expect_same_bits(comm, route<Real>(other, network, between, scheme, chunk, given_state, Device::emulated), expected);
    }
    std::set<Index> above;
    for (const GhostEdge& ghost : network.ghosts)
      if (ghost.upstream_rank != comm.rank()) above.insert(ghost.upstream_rank);
    EXPECT_EQ(comm.any(above.size() > 1), comm.size() > 2) << "messages of several neighbours";
  }
}

class RouterBits : public testing::TestWithParam<std::string> {};

TEST_P(RouterBits, DoubleFromTheHotStart) { check_scheme<double>(Communicator(), scheme_from_name(GetParam()), false); }
TEST_P(RouterBits, FloatFromTheHotStart) { check_scheme<float>(Communicator(), scheme_from_name(GetParam()), false); }
TEST_P(RouterBits, DoubleFromAGivenState) { check_scheme<double>(Communicator(), scheme_from_name(GetParam()), true); }
TEST_P(RouterBits, FloatFromAGivenState) { check_scheme<float>(Communicator(), scheme_from_name(GetParam()), true); }

INSTANTIATE_TEST_SUITE_P(Schemes, RouterBits, testing::ValuesIn(scheme_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dpl
