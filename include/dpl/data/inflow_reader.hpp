// Rows of the lateral inflow of a rank's block of reaches, read window by window, ahead of their use.
#pragma once

#include <memory>
#include <vector>

#include "dpl/data/time_series.hpp"

namespace dpl {

/// Every rank opens the file for itself and reads its own columns only: nothing is collective but `read`'s agreement on
/// failures, so that a thread may read while the rank computes. (HDF5 is not thread-safe, and a collective read in a thread
/// would need MPI_THREAD_MULTIPLE and an order of collectives between threads; independent reads need one lock, see
/// NetcdfFile.) Reads go in tiles of whole chunks of the file, so that each chunk is decompressed once a window, whichever
/// dimension comes first. Real: float or double, what the routing computes with.
template <class Real>
class InflowReader {
 public:
  /// **Collective:** for the reaches first_reach..end_reach-1 of the network's order. Header and network must outlive it.
  InflowReader(const Communicator& comm, const LateralInflowHeader& header, const RiverNetwork& network,
               Index first_reach, Index end_reach);
  ~InflowReader();   ///< waits for rows that are being read

  /// **Local:** a thread begins to read rows [first_row, end_row). Rows read ahead before and not taken are given up. A
  /// failure shows in the `read` that takes them.
  void prefetch(Count first_row, Count end_row);

  /// **Collective:** rows [first_row, end_row) as [reach][row], m3/s: those read ahead, or read now. Throws Error for NaN,
  /// fill or negative values (names file, reach id and time) and rows that the file does not have.
  std::vector<Real> read(Count first_row, Count end_row);

  /// **Local:** rows that `read` gave and that are no longer needed: the next ones come into their memory.
  void give_back(std::vector<Real> rows);

  /// Values of the file decoded by this rank so far, tiles included that hold columns of other ranks.
  Count values_decoded() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class InflowReader<float>;
extern template class InflowReader<double>;

}  // namespace dpl
