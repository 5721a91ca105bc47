// Gather on the device, MPI between devices, scatter on the device.
#include "dpl/coupling/device_forest.hpp"

#include <limits>
#include <type_traits>
#include <utility>

#include "dpl/base/error.hpp"
#include "dpl/parallel/mpi_call.hpp"
#include "dpl/physics/row_copies.hpp"

namespace dpl {

template <class Real>
DeviceForest<Real>::DeviceForest(const Communicator& comm, const StarForest& forest, Device device)
    : comm_(comm.split(0)), device_(device), largest_(forest.largest()), roots_(side(forest.linked_roots())),
      leaves_(side(forest.linked_leaves())) {}

template <class Real>
typename DeviceForest<Real>::Side DeviceForest<Real>::side(std::vector<RankRows> neighbours) const {
  Side s;
  s.row = DeviceArray<Index>(device_);
  s.message = DeviceArray<Real>(device_);
  s.own = neighbours.size();
  std::vector<Index> rows;
  for (const RankRows& neighbour : neighbours) {
    if (neighbour.rank == comm_.rank()) s.own = s.first.size();
    s.first.push_back(static_cast<Index>(rows.size()));
    rows.insert(rows.end(), neighbour.rows.begin(), neighbour.rows.end());
  }
  s.rows = static_cast<Index>(rows.size());
  s.row.set(rows);
  wait_for(device_);  // the list here ends
  s.neighbours = std::move(neighbours);
  return s;
}

template <class Real>
void DeviceForest<Real>::begin(Side& from, const Real* values, Side& to, Index width) {
  constexpr Count kMost = std::numeric_limits<int>::max();
  if (static_cast<Count>(largest_) * width > kMost)
    fail("messages of devices: {} rows of {} numbers on a rank, more than the {} that a message may hold; shorten "
         "routing.chunk_steps, or use more ranks", largest_, width, kMost);
  static_assert(std::is_same_v<Real, float> || std::is_same_v<Real, double>);
  const MPI_Datatype type = std::is_same_v<Real, double> ? MPI_DOUBLE : MPI_FLOAT;
  from.message.need(static_cast<std::size_t>(from.rows) * width);
  to.message.need(static_cast<std::size_t>(to.rows) * width);
  gather_rows(device_, values, from.row.data(), from.rows, width, from.message.data());
  const auto place = [&](const Side& s, std::size_t k) { return s.message.data() + static_cast<Count>(s.first[k]) * width; };
  const auto count = [&](const Side& s, std::size_t k) { return static_cast<int>(s.neighbours[k].rows.size()) * width; };
  if (from.own < from.neighbours.size())   // what a rank sends to itself comes to it
    copy_on(device_, place(to, to.own), place(from, from.own), count(from, from.own) * sizeof(Real));
  // What was gathered must be there before it is sent, and what came before must have been read before more comes.
  wait_for(device_);
  for (std::size_t t = 0; t < to.neighbours.size(); ++t)
    if (t != to.own)
      mpi_check(MPI_Irecv(place(to, t), count(to, t), type, to.neighbours[t].rank, 0, comm_.mpi(), &pending_.emplace_back()), "MPI_Irecv");
  for (std::size_t f = 0; f < from.neighbours.size(); ++f)
    if (f != from.own)
      mpi_check(MPI_Isend(place(from, f), count(from, f), type, from.neighbours[f].rank, 0, comm_.mpi(), &pending_.emplace_back()), "MPI_Isend");
}

template <class Real>
void DeviceForest<Real>::end(Side& to, Real* values, Index width) {
  mpi_check(MPI_Waitall(static_cast<int>(pending_.size()), pending_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  pending_.clear();
  scatter_rows(device_, to.message.data(), to.row.data(), to.rows, width, values);
}

template <class Real>
void DeviceForest<Real>::begin_to_leaves(const Real* roots, Index width) {
  begin(roots_, roots, leaves_, width);
}
template <class Real>
void DeviceForest<Real>::end_to_leaves(Real* leaves, Index width) {
  end(leaves_, leaves, width);
}
template <class Real>
void DeviceForest<Real>::begin_to_roots(const Real* leaves, Index width) {
  begin(leaves_, leaves, roots_, width);
}
template <class Real>
void DeviceForest<Real>::end_to_roots(Real* roots, Index width) {
  end(roots_, roots, width);
}

template class DeviceForest<float>;
template class DeviceForest<double>;

}  // namespace dpl
