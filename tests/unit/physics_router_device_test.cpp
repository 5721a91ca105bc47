// Test that the GPU's path of the router, run by the host (Device::emulated), gives the CPU's bits.
#include <limits>

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
Outcome<Real> outcome_of(const ReferenceProblem<double>& p, const RunShape& shape) {
  RouterRun<Real> run(p, shape);
  Outcome<Real> o;
  o.discharge = run.forward(true);
  o.state = run.final_state();
  o.gradient = run.adjoint(random_weights(run.rows(), p.topology.size(), 1));
  return o;
}

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

}  // namespace
}  // namespace dpl
