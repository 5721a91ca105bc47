// Test that the GPU's path of the router, run by the host (Device::emulated), gives the CPU's bits.
#include <cmath>
#include <limits>
#include <tuple>

#include "dpl/base/error.hpp"
#include "dpl/physics/device_array.hpp"
#include "tests/support/router_cases.hpp"

namespace dpl {
namespace {

using namespace test;

RunShape emulated() {
  RunShape shape;
  shape.device = Device::emulated;
  return shape;
}

std::string words(const RunShape& s) {
  return "tiles of " + std::to_string(s.tile_cells) + ", blocks of " + std::to_string(s.block_steps) + ", tape of " +
         std::to_string(s.tape_bytes) + ", chunks of " + std::to_string(s.chunk_steps) + ", " +
         std::to_string(s.pieces) + " pieces, gap " + std::to_string(s.gap);
}

template <class Real>
class RouterDevice : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(RouterDevice, Precisions);

struct Forest {
  const char* name;
  Topology topology;
};

std::vector<Forest> forests() {
  return {{"chain", chain(45)},  {"star", star(90)}, {"comb", comb(41)}, {"binary", binary(63)},
          {"forest", random_forest(60, 53, 4, 12)}, {"singletons", singletons(20)}, {"one", chain(1)}};
}

// All schemes on all forests; tiles, blocks, tapes, chunks, pieces, readout and the places of inflow in memory take turns.
TYPED_TEST(RouterDevice, GivesTheBitsOfTheCpu) {
  constexpr Index kTiles[] = {0, 17, 0, 3}, kBlocks[] = {0, 1, 7, 64, 16}, kChunks[] = {1000, 24, 1, 50},
                  kPieces[] = {0, 5, 9, 3};
  constexpr Count kTapes[] = {0, 1, 20000}, kGaps[] = {0, 1, 13};
  std::size_t turn = 0, problem = 0;
  for (const Forest& forest : forests())
    for (Scheme scheme : kAllSchemes)
      for (Index hold : {1, 3, 24}) {
        CaseShape shape;
        shape.scheme = scheme;
        shape.steps = 75;
        shape.hold = hold;
        shape.largest_sub_reaches = problem % 4 < 2 ? 1 : 3;
        shape.inflow_readout = problem % 5 == 0;
        auto p = random_problem_on(forest.topology, shape, 54);
        if (problem % 3 == 1) {
          Draws draws(71, 3);
          for (Index k : p.properties.sub_reaches)
            for (Index s = 0; s < k; ++s)
              p.initial_state.push_back(draws.log_uniform(1, 20) * (scheme == Scheme::conservative ? 3600 : 1));
        }
        ++problem;
        const auto cpu = outcome_of<TypeParam>(p, RunShape{});
        for (int k = 0; k < 4; ++k, ++turn) {
          RunShape run = emulated();
          run.tile_cells = kTiles[(turn + turn / 4) % std::size(kTiles)];
          run.block_steps = kBlocks[turn % std::size(kBlocks)];
          run.tape_bytes = kTapes[turn % std::size(kTapes)];
          run.chunk_steps = kChunks[turn / 2 % std::size(kChunks)];
          run.pieces = kPieces[turn / 3 % std::size(kPieces)];
          run.gap = kGaps[turn / 3 % std::size(kGaps)];
          ASSERT_TRUE(outcome_of<TypeParam>(p, run) == cpu)
              << forest.name << ", " << scheme_name(scheme) << ", hold " << hold << ": " << words(run);
        }
      }
}

// Junctions of thousands, rivers longer than a block and the window, one to three steps.
TYPED_TEST(RouterDevice, GivesTheBitsOfTheCpuInOddShapes) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected, Scheme::muskingum})
    for (const auto& [topology, steps, hold] :
         {std::tuple(star(2000), 9, 1), std::tuple(chain(150), 20, 1), std::tuple(chain(150), 3, 2), std::tuple(comb(41), 1, 24)}) {
      CaseShape shape;
      shape.scheme = scheme;
      shape.steps = steps;
      shape.hold = hold;
      const auto p = random_problem_on(topology, shape, 56);
      EXPECT_TRUE(outcome_of<TypeParam>(p, emulated()) == outcome_of<TypeParam>(p, {})) << scheme_name(scheme) << " " << steps;
    }
}

// A router is used for many windows of other lengths, with and without a tape: nothing of one is left in the next.
TYPED_TEST(RouterDevice, DoesNotDependOnWindowsBefore) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 24}) {
      CaseShape shape;
      shape.scheme = scheme;
      shape.steps = 90;
      shape.hold = hold;
      const auto p = random_problem_on(random_forest(40, 53, 4, 12), shape, 57);
      RunShape s = emulated();
      s.block_steps = 16;
      s.tape_bytes = 3000;
      const auto cpu = outcome_of<TypeParam>(p, {});
      RouterRun<TypeParam> run(p, s);
      auto& router = run.router();
      const std::vector<Index> probes = {0, 3};
      std::vector<TypeParam> few(2 * router.output_rows(5));
      router.forward(run.parameters(), run.inflow(), 5, {}, probes, few, true);   // and no adjoint
      run.forward(true);
      run.adjoint(random_weights(run.rows(), p.topology.size(), 2));
      router.forward(run.parameters(), run.inflow(), 5, {}, probes, few, false);
      Outcome<TypeParam> o;
      o.discharge = run.forward(true);
      o.state = run.final_state();
      o.gradient = run.adjoint(random_weights(run.rows(), p.topology.size(), 1));
      EXPECT_TRUE(o == cpu) << scheme_name(scheme) << " hold " << hold;
    }
}

// Several probes at one reach, none at others, several sub-reaches.
TYPED_TEST(RouterDevice, ReadsProbesAsTheCpuDoes) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected, Scheme::muskingum})
    for (bool inflow_readout : {false, true}) {
      CaseShape shape;
      shape.scheme = scheme;
      shape.inflow_readout = inflow_readout;
      shape.steps = 40;
      shape.largest_sub_reaches = 2;
      const auto p = random_problem(shape, 57);
      const auto last = static_cast<Index>(p.topology.size() - 1);
      const std::vector<Index> probes = {last, 2, last, 5, last};
      const auto route = [&](const RunShape& s) {
        RouterRun<TypeParam> run(p, s);
        std::vector<TypeParam> discharge(probes.size() * run.rows()), seed(discharge.size());
        for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<TypeParam>(std::sin(0.7 * static_cast<double>(i)));
        run.router().forward(run.parameters(), run.inflow(), p.steps, {}, probes, discharge, true);
        ReachParameters<TypeParam> g;
        std::vector<TypeParam> lateral(p.topology.size() * run.input_rows());
        run.router().adjoint(seed, g, lateral);
        run.router().forward(run.parameters(), run.inflow(), p.steps, {}, probes, discharge, true);
        ReachParameters<TypeParam> alone;
        run.router().adjoint(seed, alone, {});   // gradient of the inflow not wanted
        EXPECT_EQ(alone.a, g.a);
        return std::tuple(discharge, g.a, g.b, g.c, lateral);
      };
      RunShape s = emulated();
      s.block_steps = 16;
      EXPECT_TRUE(route(s) == route({})) << scheme_name(scheme) << " " << inflow_readout;
    }
}

TYPED_TEST(RouterDevice, FindsWhereNumbersEndAsTheCpuDoes) {
  for (Scheme scheme : kAllSchemes)
    for (Index hold : {1, 5})
      for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()})
        for (Index row : {0, 25 / hold}) {
          CaseShape shape;
          shape.scheme = scheme;
          shape.steps = 40;
          shape.hold = hold;
          shape.largest_sub_reaches = 2;
          auto p = random_problem_on(comb(31), shape, 58);
          p.lateral[row][23] = bad;
          const auto ends = [&](const RunShape& s) {
            RouterRun<TypeParam> run(p, s);
            run.forward();
            return run.router().first_not_finite();
          };
          const auto cpu = ends({});
          EXPECT_GE(cpu.first, 0);
          RunShape s = emulated();
          s.block_steps = 7;
          EXPECT_TRUE(ends(s) == cpu) << scheme_name(scheme) << ", hold " << hold << ", " << bad;
        }
}

TYPED_TEST(RouterDevice, LeavesPiecesOut) {
  for (Scheme scheme : kAllSchemes)
    for (Index tile_cells : {0, 3}) {
      CaseShape shape;
      shape.scheme = scheme;
      shape.steps = 40;
      const auto p = random_problem_on(singletons(30), shape, 59);
      const auto weight = random_weights(41, p.topology.size(), 4);
      const auto route = [&](Device device) {
        RunShape s;
        s.device = device;
        s.pieces = 6;
        s.tile_cells = tile_cells;
        RouterRun<TypeParam> run(p, s);
        std::vector<std::uint8_t> wanted(run.network().pieces.size(), 1);
        wanted[1] = wanted[3] = 0;
        run.router().leave_out_pieces(wanted);
        auto some = run.forward(true);
        const auto gradient = run.adjoint(weight);
        EXPECT_EQ(some[3][run.network().reach[run.network().pieces[1].first]], 0);
        run.router().leave_out_pieces({});
        return std::tuple(some, gradient, run.forward(false));
      };
      EXPECT_TRUE(route(Device::emulated) == route(Device::cpu)) << scheme_name(scheme);
    }
}

TYPED_TEST(RouterDevice, GivesTheWaterBalanceOfTheCpu) {
  for (Scheme scheme : kAllSchemes) {
    CaseShape shape;
    shape.scheme = scheme;
    shape.steps = 70;
    shape.hold = 24;
    shape.largest_sub_reaches = 2;
    const auto p = random_problem(shape, 61);
    const auto balance = [&](Index block_steps, Device device) {
      RunShape s;
      s.device = device;
      s.block_steps = block_steps;
      RouterRun<TypeParam> run(p, s);
      run.router().keep_water_balance(true);
      run.forward();
      const WaterBalance& b = run.router().water_balance();
      return std::tuple(b.lateral_inflow, b.outflow, b.storage_start, b.storage_end, b.created_by_floor);
    };
    EXPECT_TRUE(balance(16, Device::emulated) == balance(0, Device::cpu)) << scheme_name(scheme);
  }
}

TYPED_TEST(RouterDevice, RoutesNothingWhereThereIsNothing) {
  RankNetwork none;
  none.upstream_start = {0};
  NoBoundary<TypeParam> boundary;
  for (Scheme scheme : kAllSchemes) {
    RoutingOptions options;
    options.scheme = scheme;
    options.device = Device::emulated;
    Router<TypeParam> router(none, {}, options, boundary);
    router.forward({}, {nullptr, 0, 24}, 30, {}, {}, {}, true);
    ReachParameters<TypeParam> g{{1}, {1}, {1}};
    router.adjoint({}, g, {});
    EXPECT_TRUE(g.a.empty() && router.final_state().empty());
    CaseShape shape;
    shape.scheme = scheme;
    const auto p = random_problem(shape, 62);
    RouterRun<TypeParam> run(p, emulated());   // a window of no steps keeps its state and reads no inflow
    const std::vector<TypeParam> state(run.router().state_size(), TypeParam(0.5));
    const std::vector<Index> probes = {2};
    std::vector<TypeParam> discharge(run.router().output_rows(0));
    run.router().forward(run.parameters(), {nullptr, 0, 1}, 0, state, probes, discharge, true);
    EXPECT_EQ(run.router().final_state(), state) << scheme_name(scheme);
    run.router().adjoint(std::vector<TypeParam>(discharge.size(), TypeParam(1)), g, {});
    EXPECT_EQ(g.a, std::vector<TypeParam>(p.topology.size(), TypeParam(0)));
  }
}

// What is not finite from the start is so in the first step; a window of no steps has none.
TYPED_TEST(RouterDevice, TellsAStartThatIsNotFiniteAsTheCpuDoes) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected}) {
    CaseShape shape;
    shape.scheme = scheme;
    shape.steps = 30;
    const auto p = random_problem(shape, 63);
    RouterRun<TypeParam> cpu(p, {}), device(p, emulated());
    std::vector<TypeParam> state(cpu.router().state_size(), TypeParam(0.5));
    state[3] = std::numeric_limits<TypeParam>::quiet_NaN();
    for (const Count steps : {0, 1, 30}) {
      const auto told = [&](RouterRun<TypeParam>& run) {
        std::vector<TypeParam> discharge(run.router().output_rows(steps));
        const std::vector<Index> probes = {2};
        run.router().forward(run.parameters(), run.inflow(), steps, state, probes, discharge, false);
        return run.router().first_not_finite();
      };
      EXPECT_EQ(told(cpu).first, steps == 0 ? -1 : 0) << scheme_name(scheme) << " " << steps;
      EXPECT_EQ(told(device), told(cpu)) << scheme_name(scheme) << " " << steps;
    }
  }
}

// Recorded launches keep their arguments: whatever changes from window to window must make them anew.
TYPED_TEST(RouterDevice, RecordsItsLaunchesAnewForOtherWindows) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected})
    for (bool inflow_readout : {false, true}) {
      CaseShape shape;
      shape.scheme = scheme;
      shape.inflow_readout = inflow_readout;
      shape.steps = 60;
      const auto p = random_problem(shape, 65);
      RunShape s = emulated();
      s.block_steps = 7;
      RouterRun<TypeParam> device(p, s), cpu(p, {});
      const std::vector<TypeParam> state(cpu.router().state_size(), TypeParam(2));
      std::size_t turn = 0;
      for (const auto& [steps, hold, probes] :
           {std::tuple<Count, Index, std::vector<Index>>{60, 1, {1, 2}}, {60, 1, {1, 2}}, {60, 1, {5, 2}}, {60, 1, {}},
            {60, 7, {3}}, {60, 5, {3}}, {30, 5, {3, 3, 4}}, {60, 1, {1, 2}}, {60, 1, {0}}, {60, 20, {3}},
            {60, 25, {3}}, {59, 25, {3}}}) {
        const bool given = ++turn % 3 == 0 && turn < 10;   // the last windows differ in one number only
        const auto route = [&, steps = steps, hold = hold, probes = probes](RouterRun<TypeParam>& run) {
          auto& router = run.router();
          std::vector<TypeParam> discharge(probes.size() * router.output_rows(steps));
          const std::vector<TypeParam> seed(discharge.size(), TypeParam(0.3));
          const Count rows = (steps + hold - 1) / hold;
          // In memory of its own: the inflow of the window before lies elsewhere.
          std::vector<TypeParam> inflow(run.inflow().values, run.inflow().values + p.topology.size() * run.input_rows());
          router.forward(run.parameters(), {inflow.data(), run.input_rows(), hold}, steps,
                         given ? std::span<const TypeParam>(state) : std::span<const TypeParam>(), probes, discharge, true);
          ReachParameters<TypeParam> g;
          std::vector<TypeParam> lateral(turn % 2 || turn > 9 ? p.topology.size() * rows : 0);
          router.adjoint(seed, g, lateral);
          return std::tuple(discharge, g.a, g.b, g.c, lateral, router.final_state());
        };
        EXPECT_TRUE(route(device) == route(cpu)) << scheme_name(scheme) << ", window " << turn;
      }
    }
}

// What a window is said to take is what it takes, to what small lists take.
TYPED_TEST(RouterDevice, PredictsItsMemory) {
  for (Scheme scheme : {Scheme::conservative, Scheme::corrected, Scheme::muskingum})
    for (Index hold : {1, 24})
      for (bool tape : {false, true})
        for (Count limit : {0, 50000}) {
          CaseShape shape;
          shape.reaches = 500;
          shape.scheme = scheme;
          shape.steps = 200;
          shape.hold = hold;
          const auto p = random_problem(shape, 63);
          RunShape s = emulated();
          s.tape_bytes = limit;
          const Count before = held_bytes();
          RouterRun<TypeParam> run(p, s);
          run.forward(tape);
          if (tape) run.adjoint(random_weights(run.rows(), p.topology.size(), 1));
          const auto held = static_cast<double>(held_bytes() - before);
          const auto predicted =
              static_cast<double>(run.router().device_bytes(p.steps, hold, p.topology.size(), tape));
          EXPECT_NEAR(predicted / held, 1, 0.02) << scheme_name(scheme) << ", hold " << hold << ", tape " << tape;
        }
}

TEST(RouterDeviceErrors, TellWhatIsNotThere) {
  CaseShape shape;
  const auto p = random_problem(shape, 64);
  RunShape s;
  s.device = Device::cuda;
  try {
    check_device(Device::cuda);
    GTEST_SKIP() << "a GPU is there";
  } catch (const Error&) {
  }
  EXPECT_THROW(RouterRun<float>(p, s), Error);
}

}  // namespace
}  // namespace dpl
