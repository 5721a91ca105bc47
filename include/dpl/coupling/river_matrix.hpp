// The matrix of a routing step, Id - diag(C1) N, spread over the ranks by rows, and its solution: PETSc Mat and KSP.
//
// N has a 1 where a cell drains into another, so N Q is the inflow from upstream. A rank holds the rows of its own cells
// and reads the values of cells of other ranks that drain into them (ghosts); nothing is gathered.
#pragma once

#include <memory>
#include <span>

#include "dpl/coupling/cell_order.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// What a rank holds of the matrices and vectors, counted in PETSc's own objects.
struct RiverMatrixCounts {
  Count first_row = 0, rows = 0;   ///< the rank's rows of all rows
  Count vector_entries = 0;        ///< of a solution vector
  Count ghosts = 0;                ///< entries of other ranks that are received
  Count entries = 0;               ///< stored numbers of Id - diag(C1) N
};

/// All vectors are [row], in the order of CellOrder. **Collective:** construction and all functions but
/// set_weights and the queries.
class RiverMatrix {
 public:
  RiverMatrix(const Communicator& comm, const RankNetwork& network, const CellOrder& cells);
  ~RiverMatrix();
  RiverMatrix(const RiverMatrix&) = delete;

  /// C1 of every row from the next solution on; the places of the entries stay.
  void set_weights(std::span<const double> c1);

  /// Solves (Id - diag(C1) N) x = b: GMRES with block Jacobi, one triangular block a rank, and its solution refined until
  /// the residual of every row is rounding of that row's own terms. On one rank the block is the inverse.
  /// @param phase  for messages: forward, adjoint, start  @param step  for messages
  /// Throws Error on all ranks where it does not get there.
  void solve(std::span<const double> b, std::span<double> x, const char* phase, Count step);
  /// The same for the transposed matrix.
  void solve_transposed(std::span<const double> b, std::span<double> x, const char* phase, Count step);

  /// out = N x and out = N^T x.
  void from_upstream(std::span<const double> x, std::span<double> out) const;
  void to_upstream(std::span<const double> x, std::span<double> out) const;

  RiverMatrixCounts counts() const;
  /// GMRES iterations since construction, all solutions together.
  Count iterations() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dpl
