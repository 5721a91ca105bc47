// Rows of numbers moved between ranks along fixed one-to-one links: a PETSc star forest (PetscSF).
#pragma once

#include <memory>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Where a leaf's partner lies: row `row` of rank `rank`.
struct RootPlace {
  Index rank = 0;
  Index row = 0;
};

/// Rows of this rank that are linked to rows of rank `rank` (which may be this one).
struct RankRows {
  int rank = 0;
  std::vector<Index> rows;
};

/// Each leaf of a rank is linked to one root of some rank, each root to at most one leaf. Rows are copied, never added,
/// so no bit depends on the distribution.
class StarForest {
 public:
  /// **Collective.** `roots`: rows this rank offers; `leaves`: partner of each of this rank's leaves, in their order.
  /// Throws Error on all ranks where a leaf names a rank or a row that does not exist, or two leaves name the same row.
  StarForest(const Communicator& comm, Index roots, const std::vector<RootPlace>& leaves);
  ~StarForest();
  StarForest(const StarForest&) = delete;
  StarForest& operator=(const StarForest&) = delete;

  /// **Collective:** roots[root][width] -> leaves[leaf][width]; all ranks give the same width and Real.
  template <class Real>
  void to_leaves(const Real* roots, Real* leaves, Index width) {
    begin_to_leaves(roots, leaves, width);
    end_to_leaves(roots, leaves, width);
  }
  /// **Collective:** the same in two parts: in between neither array may be touched, nor the forest used.
  template <class Real>
  void begin_to_leaves(const Real* roots, Real* leaves, Index width);
  template <class Real>
  void end_to_leaves(const Real* roots, Real* leaves, Index width);

  /// **Collective:** leaves[leaf][width] -> roots[root][width]; roots without a leaf keep what they hold.
  template <class Real>
  void to_roots(const Real* leaves, Real* roots, Index width) {
    begin_to_roots(leaves, roots, width);
    end_to_roots(leaves, roots, width);
  }
  template <class Real>
  void begin_to_roots(const Real* leaves, Real* roots, Index width);
  template <class Real>
  void end_to_roots(const Real* leaves, Real* roots, Index width);

  /// **Local:** roots here by the rank of their leaf, leaves here by the rank of their root. What one rank lists for another
  /// the other lists for it, in the same order.
  std::vector<RankRows> linked_roots() const;
  std::vector<RankRows> linked_leaves() const;

  Index roots() const;
  Index leaves() const;
  /// Leaves of all ranks together.
  Count all_leaves() const;
  /// Largest number of roots or of leaves of any rank.
  Index largest() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dpl
