// Moves rows of numbers between the two distributions of the reaches: blocks (inputs, parameter network) and pieces
// (routing). A permutation: nothing is added, so no bit depends on it. A PetscSF.
#pragma once

#include <memory>
#include <span>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// The runs of reaches a rank holds in the block distribution: reaches first..first + count - 1 of the domain's order.
/// Block k (of `blocks` in all) holds reaches k * block_size .. and lies on rank k * ranks / blocks.
struct BlockDistribution {
  Index reaches = 0;
  Index block_size = 64;       ///< a constant of the domain (block_size_of), never of the ranks
  int rank = 0;
  int ranks = 1;
  Index blocks() const;
  Index first_block() const;   ///< of this rank
  Index end_block() const;
  Index first_reach() const;
  Index end_reach() const;
  int owner_of_block(Index block) const;
};

/// Block length for a domain of this many reaches: 64 for small domains, doubling so that there are at most 4096 blocks.
Index block_size_of(Index reaches);

/// **Collective** construction and calls. `piece_reach`: global reach index of every own reach of this rank's pieces;
/// a reach may be absent from all pieces (then it takes no part), never in two.
class Redistribution {
 public:
  Redistribution(const Communicator& comm, const BlockDistribution& blocks, std::span<const Index> piece_reach);
  ~Redistribution();

  /// block_values [reach of my blocks][width] -> piece_values [own reach][width]
  template <class Real>
  void to_pieces(std::span<const Real> block_values, std::span<Real> piece_values, Index width) const;

  /// The way back; block reaches that are in no piece receive 0.
  template <class Real>
  void to_blocks(std::span<const Real> piece_values, std::span<Real> block_values, Index width) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dpl
