// Ping-pong over a chain of two reaches that is cut between ranks 0 and 1.
#include "dpl/experiments/message_timing.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/parallel/mpi_call.hpp"
#include "dpl/partition/partition.hpp"

namespace dpl {
namespace {

// Seconds of one way: the least of many, because other programs on the cores only make it longer.
template <class RoundTrip>
double one_way_seconds(const Communicator& comm, int repetitions, RoundTrip round_trip) {
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k < repetitions; ++k) {
    const double begin = MPI_Wtime();
    round_trip();
    least = std::min(least, (MPI_Wtime() - begin) / 2);
  }
  return comm.max(comm.is_root() ? least : 0.0);
}

double exchange_seconds(const Communicator& comm, BoundaryExchange<float>& exchange, const RankNetwork& own,
                        Index values, int repetitions) {
  std::vector<float> cut(own.cut_out.size() * values, 1.0F), ghost(own.ghosts.size() * values, 1.0F);
  return one_way_seconds(comm, repetitions, [&] {
    exchange.send_downstream(cut, ghost, values);
    exchange.send_upstream(ghost, cut, values);
  });
}

// Rank 0 sends `count` messages of 64 bytes, rank 1 as many back.
double burst_seconds(const Communicator& comm, int count, int repetitions) {
  std::vector<std::array<char, 64>> out(count), in(count);
  std::vector<MPI_Request> requests(count);
  const auto pass = [&](bool sends) {
    if (comm.rank() > 1) return;
    const int other = 1 - comm.rank();
    for (int k = 0; k < count; ++k)
      mpi_check(sends ? MPI_Isend(out[k].data(), 64, MPI_CHAR, other, k, comm.mpi(), &requests[k])
                      : MPI_Irecv(in[k].data(), 64, MPI_CHAR, other, k, comm.mpi(), &requests[k]),
                "MPI_Isend, MPI_Irecv");
    mpi_check(MPI_Waitall(count, requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  };
  return one_way_seconds(comm, repetitions, [&] {
    pass(comm.is_root());
    pass(!comm.is_root());
  });
}

}  // namespace

MessageTiming time_messages(const Communicator& comm) {
  MessageTiming timing;
  if (comm.size() == 1) return timing;
  const std::vector<ReachId> ids{1, 2};
  const Topology chain = make_topology({1, -1}, ids);
  Partition partition;
  partition.ranks = comm.size();
  partition.piece = partition.owner = partition.level = {0, 1};
  partition.cut_reach = {0};
  set_roles(chain, std::vector<double>{1, 1}, partition);
  const RankNetwork own = make_rank_network(chain, partition, comm.rank());
  BoundaryExchange<float> exchange(comm, own);
  constexpr Index kLong = 1 << 16;
  exchange_seconds(comm, exchange, own, 1, 100);  // connections are made at the first messages
  timing.latency_s = exchange_seconds(comm, exchange, own, 1, 1001);
  exchange_seconds(comm, exchange, own, kLong, 5);
  const double long_s = exchange_seconds(comm, exchange, own, kLong, 51);
  timing.byte_s = std::max(0.0, long_s - timing.latency_s) / (kLong * sizeof(float));
  const double one = burst_seconds(comm, 1, 201), sixteen = burst_seconds(comm, 16, 201);
  timing.further_message_s = std::max(0.0, sixteen - one) / 15;
  timing.measured = true;
  return timing;
}

}  // namespace dpl
