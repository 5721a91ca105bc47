// Test that the router's bits depend on nothing but its inputs.
#include <cstdlib>
#include <limits>
#include <tuple>

#include "dpl/physics/sweep_kernels.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

template <class Real>
Outcome<Real> checked_outcome(const ReferenceProblem<double>& p, const RunShape& shape) {
  const auto o = outcome_of<Real>(p, shape);
  RouterRun<Real> without_tape(p, shape);   // the muskingum scheme takes another way then
  EXPECT_TRUE(without_tape.forward(false) == o.discharge && without_tape.final_state() == o.state);
  return o;
}

template <class Real>
Outcome<Real> checked_outcome(const ReferenceProblem<double>& p, Index chunk_steps) {
  RunShape shape;
  shape.chunk_steps = chunk_steps;
  return checked_outcome<Real>(p, shape);
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

// Chunks are what pieces wait for: an uncut network has one.
TYPED_TEST(RouterBits, DoNotDependOnTheChunkLength) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 24}) {
      const auto p = problem_of(scheme, hold);
      RunShape cut;
      cut.pieces = 6;
      ASSERT_GT(RouterRun<TypeParam>(p, cut).network().levels, 1);
      const auto whole = checked_outcome<TypeParam>(p, 150);
      for (Index chunk : {1, 7, 64, 149, 1000}) {
        cut.chunk_steps = chunk;
        EXPECT_TRUE(checked_outcome<TypeParam>(p, cut) == whole) << scheme_name(scheme) << " " << chunk;
      }
    }
}

struct Forest {
  const char* name;
  Topology topology;
};

// One lag a reach, all headwaters side by side, both, full trees, everything; reaches alone, one reach.
std::vector<Forest> forests() {
  return {{"chain", chain(45)},  {"star", star(90)}, {"comb", comb(41)}, {"binary", binary(63)},
          {"forest", random_forest(60, 53, 4, 12)}, {"singletons", singletons(20)}, {"one", chain(1)}};
}

std::string words(const RunShape& s) {
  return "tiles of " + std::to_string(s.tile_cells) + ", blocks of " + std::to_string(s.block_steps) + ", tape of " +
         std::to_string(s.tape_bytes) + ", chunks of " + std::to_string(s.chunk_steps) + ", " +
         std::to_string(s.pieces) + " pieces, gap " + std::to_string(s.gap);
}

// Every tile size on every problem; blocks, tapes, chunks, pieces and the places of inflow in memory take turns.
TYPED_TEST(RouterBits, DoNotDependOnTilesBlocksAndTape) {
  constexpr Index kTiles[] = {1, 3, 16, 17, 64, 768}, kBlocks[] = {1, 5, 16, 64}, kChunks[] = {1, 24, 50, 1000},
                  kPieces[] = {0, 5, 0, 3, 9};
  constexpr Count kTapes[] = {0, 1, 20000}, kGaps[] = {0, 1, 13};
  std::size_t turn = 0, problem = 0;
  for (const Forest& forest : forests())
    for (Scheme scheme : kAllSchemes)
      for (Index hold : {1, 3, 24}) {
        CaseShape shape;
        shape.scheme = scheme;
        shape.steps = 75;  // none of the lengths divides it, but 1, 5 and 3
        shape.hold = hold;
        shape.largest_sub_reaches = problem % 4 < 2 ? 1 : 3;
        shape.inflow_readout = problem % 5 == 0;
        auto p = random_problem_on(forest.topology, shape, 54);
        if (problem++ % 4 == 3) p.properties.sub_reaches[0] = 35;   // more than most tiles may have
        const auto whole = checked_outcome<TypeParam>(p, RunShape{});
        const std::string where = std::string(forest.name) + ", " + scheme_name(scheme) + ", hold " +
                                  std::to_string(hold) + ": ";
        // The schemes with negative coefficients amplify rounding.
        const bool steady = scheme == Scheme::conservative || scheme == Scheme::positive;
        const double tolerance = sizeof(TypeParam) == 8 ? (steady ? 1e-12 : 1e-9) : 2e-4;
        EXPECT_LT(largest_difference(whole.discharge, reference_routing(p).discharge), tolerance) << where;
        for (std::size_t i = 0; i < std::size(kTiles); ++i, ++turn) {
          RunShape run;
          run.tile_cells = kTiles[i];
          run.block_steps = kBlocks[turn % std::size(kBlocks)];
          run.tape_bytes = kTapes[turn % std::size(kTapes)];
          run.chunk_steps = kChunks[turn / 2 % std::size(kChunks)];
          run.pieces = kPieces[turn % std::size(kPieces)];
          run.gap = kGaps[turn / 3 % std::size(kGaps)];
          ASSERT_TRUE(checked_outcome<TypeParam>(p, run) == whole) << where << words(run);
        }
        ++turn;
      }
}

// One to three steps, where a tile has more lags than that.
TYPED_TEST(RouterBits, DoNotDependOnTilesInTheShortestWindows) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 2, 24})
      for (Count steps : {1, 2, 3}) {
        CaseShape shape;
        shape.scheme = scheme;
        shape.steps = steps;
        shape.hold = hold;
        shape.largest_sub_reaches = 2;
        const auto p = random_problem_on(comb(41), shape, 55);
        const auto whole = checked_outcome<TypeParam>(p, RunShape{});
        const double tolerance = sizeof(TypeParam) == 8 ? 1e-12 : 2e-4;
        EXPECT_LT(largest_difference(whole.discharge, reference_routing(p).discharge), tolerance)
            << scheme_name(scheme);
        for (Index tile_cells : {1, 17, 64}) {
          RunShape run;
          run.tile_cells = tile_cells;
          run.block_steps = 2;
          run.tape_bytes = tile_cells - 1;
          run.gap = hold;
          EXPECT_TRUE(checked_outcome<TypeParam>(p, run) == whole)
              << scheme_name(scheme) << ", " << steps << " steps, hold " << hold << ": " << words(run);
        }
      }
}

// Thousands of reaches into one, whose sum is taken in their order whichever tile they stand in.
TYPED_TEST(RouterBits, DoNotDependOnTilesBelowThousandsOfReaches) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected}) {
    CaseShape shape;
    shape.scheme = scheme;
    shape.steps = 9;
    const auto p = random_problem_on(star(3000), shape, 56);
    RunShape run;
    run.tile_cells = 4000;
    const auto whole = checked_outcome<TypeParam>(p, run);
    for (Index tile_cells : {16, 768}) {
      run.tile_cells = tile_cells;
      run.block_steps = 5;
      EXPECT_TRUE(checked_outcome<TypeParam>(p, run) == whole) << scheme_name(scheme) << " " << tile_cells;
    }
  }
}

// Several probes at one reach, none elsewhere: each reads the same values, and its seed adds to the others'.
TYPED_TEST(RouterBits, ProbesAtOneReachReadTheSameAndTheirSeedsAdd) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected, Scheme::muskingum})
    for (bool inflow_readout : {false, true}) {
      CaseShape shape;
      shape.scheme = scheme;
      shape.inflow_readout = inflow_readout;
      shape.steps = 40;
      shape.largest_sub_reaches = 2;
      const auto p = random_problem(shape, 57);
      RunShape tiled;
      tiled.tile_cells = 7;
      tiled.block_steps = 16;
      RouterRun<TypeParam> one(p, tiled), three(p, tiled);
      const auto rows = static_cast<std::size_t>(one.rows());
      const auto last = static_cast<Index>(p.topology.size() - 1);
      const auto route = [&](RouterRun<TypeParam>& run, std::vector<Index> probes, double seed_of_each) {
        std::vector<TypeParam> discharge(probes.size() * rows);
        const std::vector<TypeParam> seed(discharge.size(), static_cast<TypeParam>(seed_of_each));
        run.router().forward(run.parameters(), run.inflow(), p.steps, {}, probes, discharge, true);
        ReachParameters<TypeParam> g;
        std::vector<TypeParam> lateral(p.topology.size() * run.input_rows());
        run.router().adjoint(seed, g, lateral);
        return std::tuple(discharge, g.a, g.b, g.c, lateral);
      };
      const auto single = route(one, {last}, 4);
      const auto triple = route(three, {last, last, last, last}, 1);
      for (std::size_t k = 0; k < 4; ++k)
        EXPECT_TRUE(std::equal(std::get<0>(single).begin(), std::get<0>(single).end(),
                               std::get<0>(triple).begin() + k * rows)) << scheme_name(scheme);
      // To rounding: a seed is added to what comes from below, and four times 1 is not added as 4 is.
      const double tolerance = sizeof(TypeParam) == 8 ? 1e-13 : 2e-5;
      const auto close = [&](const std::vector<TypeParam>& a, const std::vector<TypeParam>& b) {
        double largest = 0, difference = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
          largest = std::max<double>(largest, std::abs(a[i]));
          difference = std::max<double>(difference, std::abs(a[i] - b[i]));
        }
        EXPECT_LE(difference, tolerance * largest) << scheme_name(scheme) << " inflow_readout " << inflow_readout;
        return largest;
      };
      EXPECT_GT(close(std::get<1>(single), std::get<1>(triple)), 0);
      close(std::get<2>(single), std::get<2>(triple));
      close(std::get<3>(single), std::get<3>(triple));
      close(std::get<4>(single), std::get<4>(triple));
    }
}

// Where water stops being a number is the same step and the same reaches however the network is cut into tiles.
TYPED_TEST(RouterBits, WhereNumbersEndDoesNotDependOnTiles) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 5})
      for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity()}) {
        CaseShape shape;
        shape.scheme = scheme;
        shape.steps = 40;
        shape.hold = hold;
        shape.largest_sub_reaches = 2;
        auto p = random_problem_on(comb(31), shape, 58);
        const Index row = 25 / hold, where = 23;   // a headwater
        p.lateral[row][where] = bad;
        const auto ends = [&](const RunShape& s) {
          RouterRun<TypeParam> run(p, s);
          run.forward();
          auto [step, reaches] = run.router().first_not_finite();
          for (Index& r : reaches) r = run.network().reach[r];
          return std::pair(step, reaches);
        };
        const auto whole = ends({});
        EXPECT_EQ(whole.first, row * hold) << scheme_name(scheme);
        EXPECT_TRUE(std::find(whole.second.begin(), whole.second.end(), where) != whole.second.end());
        for (Index tile_cells : {1, 5, 64})
          for (Index block_steps : {1, 16, 64}) {
            RunShape s;
            s.tile_cells = tile_cells;
            s.block_steps = block_steps;
            s.chunk_steps = 24;
            EXPECT_TRUE(ends(s) == whole)
                << scheme_name(scheme) << ", hold " << hold << ", " << bad << ": " << words(s);
          }
      }
}

// A piece left out is not read at all, the others' bits stay.
TYPED_TEST(RouterBits, DoNotDependOnPiecesLeftOut) {
  for (Scheme scheme : kAllSchemes) {
    CaseShape shape;
    shape.scheme = scheme;
    shape.steps = 40;
    const auto p = random_problem_on(singletons(30), shape, 59);
    RunShape pieces;
    pieces.pieces = 6;
    pieces.tile_cells = 3;
    RouterRun<TypeParam> all(p, pieces), some(p, pieces);
    ASSERT_GT(all.network().pieces.size(), 2u);
    std::vector<std::uint8_t> wanted(all.network().pieces.size(), 1);
    wanted[1] = 0;
    some.router().leave_out_pieces(wanted);
    const Piece left = all.network().pieces[1];
    const auto weight = random_weights(all.rows(), p.topology.size(), 4);
    const auto a = all.forward(true), b = some.forward(true);
    const auto g = all.adjoint(weight), h = some.adjoint(weight);
    for (Index own = 0; own < all.network().size(); ++own) {
      const Index r = all.network().reach[own];
      const bool out = own >= left.first && own < left.first + left.count;
      for (std::size_t t = 0; t < a.size(); ++t) ASSERT_EQ(b[t][r], out ? 0 : a[t][r]) << scheme_name(scheme);
      ASSERT_EQ(h.a[r], out ? 0 : g.a[r]) << scheme_name(scheme);
      for (std::size_t t = 0; t < g.lateral.size(); ++t) ASSERT_EQ(h.lateral[t][r], out ? 0 : g.lateral[t][r]);
    }
  }
}

// A router is used for many windows: nothing of one is left in the next.
TYPED_TEST(RouterBits, DoNotDependOnWindowsBefore) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 24}) {
      const auto p = problem_of(scheme, hold);
      RunShape shape;
      shape.tile_cells = 9;
      shape.block_steps = 16;
      shape.tape_bytes = 3000;
      const auto fresh = checked_outcome<TypeParam>(p, shape);
      RouterRun<TypeParam> run(p, shape);
      auto& router = run.router();
      const auto weight = random_weights(run.rows(), p.topology.size(), 1);
      const std::vector<Index> probes = {0, 3};
      std::vector<TypeParam> few(2 * router.output_rows(5));
      router.forward(run.parameters(), run.inflow(), 5, {}, probes, few, true);   // and no adjoint
      run.forward(true);
      run.adjoint(random_weights(run.rows(), p.topology.size(), 2));
      router.forward(run.parameters(), run.inflow(), 5, {}, probes, few, false);
      Outcome<TypeParam> o;
      o.discharge = run.forward(true);
      o.state = run.final_state();
      o.gradient = run.adjoint(weight);
      EXPECT_TRUE(o == fresh) << scheme_name(scheme) << " hold " << hold;
    }
}

TYPED_TEST(RouterBits, ARowMayHoldForLongerThanAnyWindow) {
  for (Scheme scheme : kAllSchemes) {
    auto p = problem_of(scheme, 150);
    const auto once = checked_outcome<TypeParam>(p, RunShape{});
    p.hold = std::numeric_limits<Index>::max();
    EXPECT_TRUE(checked_outcome<TypeParam>(p, RunShape{}) == once) << scheme_name(scheme);
  }
}

TYPED_TEST(RouterBits, AWindowOfNoStepsKeepsItsStateAndReadsNoInflow) {
  for (Scheme scheme : kAllSchemes) {
    const auto p = problem_of(scheme, 1);
    RouterRun<TypeParam> run(p);
    auto& router = run.router();
    const std::vector<TypeParam> state(router.state_size(), TypeParam(0.5));
    std::vector<Index> probes = {2};
    std::vector<TypeParam> discharge(router.output_rows(0));
    router.forward(run.parameters(), {nullptr, 0, 1}, 0, state, probes, discharge, true);
    EXPECT_EQ(router.final_state(), state) << scheme_name(scheme);
    for (TypeParam q : discharge) EXPECT_EQ(q, TypeParam(0.5));
    ReachParameters<TypeParam> g;
    router.adjoint(std::vector<TypeParam>(discharge.size(), TypeParam(1)), g, {});
    EXPECT_EQ(g.a, std::vector<TypeParam>(p.topology.size(), TypeParam(0)));
  }
}

// Ranks may have no reach at all.
TYPED_TEST(RouterBits, ARankWithoutReachesRoutesNothing) {
  RankNetwork network;
  network.upstream_start = {0};
  NoBoundary<TypeParam> boundary;
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 24}) {
      RoutingOptions options;
      options.scheme = scheme;
      options.tape_bytes = 1;
      Router<TypeParam> router(network, {}, options, boundary);
      router.keep_water_balance(true);
      router.forward({}, {nullptr, 0, hold}, 30, {}, {}, {}, true);
      ReachParameters<TypeParam> g{{1}, {1}, {1}};
      router.adjoint({}, g, {});
      EXPECT_TRUE(g.a.empty() && router.final_state().empty() && router.water_balance().outflow.empty());
      EXPECT_EQ(router.first_not_finite().first, -1);
      EXPECT_EQ(router.tape_bytes(30), 0);
    }
}

TYPED_TEST(RouterBits, TapeStaysWithinItsLimitWhereStatesKeptLessOftenAllowIt) {
  CaseShape shape;
  shape.steps = 640;
  const auto p = random_problem_on(binary(63), shape, 60);
  const auto bytes = [&](Count limit, Count steps) {
    RunShape s;
    s.block_steps = 10;
    s.tape_bytes = limit;
    return RouterRun<TypeParam>(p, s).router().tape_bytes(steps);
  };
  const Count all = bytes(0, 640), least = bytes(1, 640);
  EXPECT_LT(least, all / 3);
  for (Count limit : {least, (least + all) / 2, all - 1, all}) EXPECT_LE(bytes(limit, 640), limit);
  EXPECT_EQ(bytes(all, 640), all);
  for (Count steps : {0, 1, 9, 10, 11})
    for (Count limit : {0, 1, 5000}) EXPECT_GE(bytes(limit, steps), 0) << steps << " steps, limit " << limit;
}

TYPED_TEST(RouterBits, DoNotDependOnTheInstructionSet) {
  for (Scheme scheme : kAllSchemes) {
    const auto p = problem_of(scheme);
    setenv("DPL_ISA", "generic", 1);
    const auto generic = checked_outcome<TypeParam>(p, 64);
    for (const char* isa : {"v3", "v4"}) {
      setenv("DPL_ISA", isa, 1);
      try {
        sweep_kernels<TypeParam>(Device::cpu);
      } catch (const std::exception&) {
        continue;  // not on this processor
      }
      EXPECT_TRUE(checked_outcome<TypeParam>(p, 64) == generic) << scheme_name(scheme) << " " << isa;
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

// States kept at the start of every block, of every so many, as few as possible: on a network of several tiles.
TYPED_TEST(RouterBits, DoNotDependOnWhatTheTapeKeeps) {
  CaseShape shape;
  shape.scheme = sizeof(TypeParam) == sizeof(float) ? Scheme::conservative : Scheme::corrected;
  shape.reaches = 1500;
  shape.steps = 1100;
  shape.hold = 24;
  const auto p = random_problem(shape, 52);
  const auto bytes = [&](const RunShape& s) { return RouterRun<TypeParam>(p, s).router().tape_bytes(shape.steps); };
  const auto everything = checked_outcome<TypeParam>(p, RunShape{}).gradient;
  RunShape least;
  least.tape_bytes = 1;
  RunShape some;
  some.tape_bytes = (bytes(least) + bytes({})) / 2;
  EXPECT_LT(bytes(least), bytes(some));
  EXPECT_LT(bytes(some), bytes({}));
  for (const RunShape& s : {least, some})
    EXPECT_TRUE(checked_outcome<TypeParam>(p, s).gradient == everything) << scheme_name(shape.scheme) << ", " << words(s);
}

}  // namespace
}  // namespace dpl
