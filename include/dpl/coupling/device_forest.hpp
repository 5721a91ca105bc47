// A star forest's rows moved between the memories of devices: its links by MPI, which is given device memory.
#pragma once

#include <vector>

#include "dpl/coupling/star_forest.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/physics/device_array.hpp"

namespace dpl {

/// What StarForest does, for arrays in a device's memory. PETSc does that only where it was built with CUDA (else it takes each
/// pointer for the host's), so its graph alone is used: rows are gathered into one message a neighbour, on the device, sent by
/// MPI, and scattered again. Rows are copied, never added.
template <class Real>
class DeviceForest {
 public:
  /// **Collective.** For choose_device_messages().direct: MPI must take the device's memory.
  DeviceForest(const Communicator& comm, const StarForest& forest, Device device);
  DeviceForest(const DeviceForest&) = delete;

  /// **Collective:** roots[root][width] -> leaves[leaf][width], in two parts as StarForest's: begin waits for all that was
  /// queued on the device, end for the messages, and work queued after it finds what came. Throws Error, the same on all
  /// ranks, where a rank's rows hold more numbers than MPI counts (the largest int).
  void begin_to_leaves(const Real* roots, Index width);
  void end_to_leaves(Real* leaves, Index width);
  /// **Collective:** leaves[leaf][width] -> roots[root][width]; roots without a leaf keep what they hold.
  void begin_to_roots(const Real* leaves, Index width);
  void end_to_roots(Real* roots, Index width);

 private:
  // One side of the links: its rows by neighbour, and a message [row][width] for all of them.
  struct Side {
    std::vector<RankRows> neighbours;
    std::size_t own = 0;        // the neighbour that is this rank; all of them: none is
    std::vector<Index> first;   // [neighbour] first row of its message
    Index rows = 0;
    DeviceArray<Index> row;     // [row of the message]
    DeviceArray<Real> message;
  };
  Side side(std::vector<RankRows> neighbours) const;
  void begin(Side& from, const Real* values, Side& to, Index width);
  void end(Side& to, Real* values, Index width);

  Communicator comm_;           // of these messages alone
  Device device_;
  Index largest_;               // rows of a side on any rank
  Side roots_, leaves_;
  std::vector<MPI_Request> pending_;
};

extern template class DeviceForest<float>;
extern template class DeviceForest<double>;

}  // namespace dpl
