// ranks: 1 2 3 4
// Values sent over cut edges arrive at the right reach, down and up, for every chunk length.
#include "dpl/coupling/boundary_exchange.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "dpl/base/error.hpp"
#include "dpl/partition/partition.hpp"
#include "tests/support/forest_cases.hpp"

namespace dpl {
namespace {

// A number only this reach and step have, exact in float.
template <class Real>
Real value_of(Index reach, Index step) {
  return static_cast<Real>(reach * 500 + step);
}

RankNetwork network_of(const Communicator& comm, const Topology& topology, Index pieces_per_rank) {
  const auto cut = make_partition(topology, std::vector<double>(topology.size(), 1.0), comm.size(), pieces_per_rank);
  return make_rank_network(topology, cut, comm.rank());
}

template <class Real>
void check_round(BoundaryExchange<Real>& exchange, const RankNetwork& network, Index steps) {
  const std::size_t edges_out = network.cut_out.size(), edges_in = network.ghosts.size();
  std::vector<Real> cut_out(edges_out * steps), ghost(edges_in * steps, Real(-1)), back(edges_out * steps, Real(-1));
  for (std::size_t edge = 0; edge < edges_out; ++edge)
    for (Index t = 0; t < steps; ++t)
      cut_out[edge * steps + t] = value_of<Real>(network.reach[network.cut_out[edge]], t);
  exchange.send_downstream(cut_out, ghost, steps);
  for (std::size_t edge = 0; edge < edges_in; ++edge)
    for (Index t = 0; t < steps; ++t) {
      ASSERT_EQ(ghost[edge * steps + t], value_of<Real>(network.ghosts[edge].upstream_reach, t));
      ghost[edge * steps + t] *= Real(-2);
    }
  exchange.send_upstream(ghost, back, steps);
  for (std::size_t i = 0; i < back.size(); ++i) ASSERT_EQ(back[i], Real(-2) * cut_out[i]);
}

template <class Real>
class Exchange : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Exchange, Reals);

TYPED_TEST(Exchange, ValuesArriveForEveryChunkLength) {
  const Communicator comm;
  for (const Index pieces_per_rank : {1, 4}) {
    const auto network = network_of(comm, test::random_forest(400, 17), pieces_per_rank);
    BoundaryExchange<TypeParam> exchange(comm, network);
    EXPECT_EQ(exchange.nothing_to_exchange(), comm.size() == 1 && pieces_per_rank == 1);
    // More lengths than are kept, some of them twice.
    for (const Index steps : {1, 2, 7, 64, 256, 3, 5, 11, 13, 17, 19, 1, 256, 0, 499})
      check_round(exchange, network, steps);
  }
}

TYPED_TEST(Exchange, ManyExchangesSideBySide) {
  const Communicator comm;
  const auto a = network_of(comm, test::chain(60), 3), b = network_of(comm, test::comb(80), 2);
  BoundaryExchange<TypeParam> first(comm, a), second(comm, b);
  for (int round = 0; round < 20; ++round) {
    check_round(first, a, 16);
    check_round(second, b, 16);
  }
}

TYPED_TEST(Exchange, RanksWithoutCutEdgesOrReachesTakePart) {
  const Communicator comm;
  const auto network = network_of(comm, test::chain(2),
                                  0);  // one reach on each of at most two ranks
  BoundaryExchange<TypeParam> exchange(comm, network);
  EXPECT_EQ(exchange.nothing_to_exchange(), comm.size() == 1);
  check_round(exchange, network, 4);
}

TYPED_TEST(Exchange, WithoutCutEdgesNothingIsExchanged) {
  const Communicator comm;
  const auto network = network_of(comm, test::singletons(10), 2);
  BoundaryExchange<TypeParam> exchange(comm, network);
  EXPECT_TRUE(exchange.nothing_to_exchange());
  exchange.send_downstream({}, {}, 8);
  exchange.send_upstream({}, {}, 8);
}

std::string error_of(const Communicator& comm, const RankNetwork& network) {
  try {
    BoundaryExchange<double> exchange(comm, network);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ExchangeErrors, NetworksThatDoNotMatchAreRefusedOnAllRanks) {
  const Communicator comm;
  const auto topology = test::chain(40);
  auto network = network_of(comm, topology, 3);
  ASSERT_EQ(error_of(comm, network), "no error");
  const bool last = comm.rank() == comm.size() - 1;
  auto broken = network;
  if (last) broken.ghosts.push_back({0, comm.size(), 0, 0, 0});
  EXPECT_NE(error_of(comm, broken).find("does not exist"), std::string::npos);
  broken = network;
  if (last) broken.ghosts.push_back({0, 0, 1000, 0, 0});
  EXPECT_NE(error_of(comm, broken).find("row 1000 of rank 0"), std::string::npos);
  broken = network;
  if (last) broken.ghosts.push_back(broken.ghosts.at(0));
  EXPECT_NE(error_of(comm, broken).find("linked to two leaves"), std::string::npos);
  broken = network;
  if (last) broken.ghosts.pop_back();
  EXPECT_NE(error_of(comm, broken).find("ghosts receive them"), std::string::npos);
}

TEST(ExchangeErrors, WrongSizesAreNamed) {
  const Communicator comm;
  const auto network = network_of(comm, test::chain(40), 3);
  BoundaryExchange<double> exchange(comm, network);
  std::vector<double> cut_out(network.cut_out.size() * 4 + 1), ghost(network.ghosts.size() * 4);
  EXPECT_THROW(exchange.send_downstream(cut_out, ghost, 4), Error);
  EXPECT_THROW(exchange.send_upstream(ghost, cut_out, 4), Error);
}

}  // namespace
}  // namespace dpl
