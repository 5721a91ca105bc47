// Weight gradients added exactly over blocks and ranks while the backward pass still runs.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// Tensors from `first` to before `end` that are exchanged together.
struct GradientBucket {
  std::size_t first = 0, end = 0;
};

/// Adds the gradients of `sizes.size()` weight tensors, as exact_sum does and with its bits (one power of two for each
/// tensor, chosen from its largest magnitude over all blocks and ranks). Tensors are exchanged in buckets, the last
/// tensors first as a backward pass makes them; a bucket sets out as soon as this rank has closed its tensors and those
/// of the buckets before. Which way they go (MPI or NCCL) is the communicator's (Communicator::exchange) and changes no
/// bit.
class GradientReducer {
 public:
  static constexpr std::size_t kBucket = std::size_t{1} << 16;  ///< numbers, about: 512 KiB of integers

  /// In the order in which they set out: each of at most `bucket` numbers, or of one tensor.
  static std::vector<GradientBucket> buckets(std::span<const std::size_t> sizes, std::size_t bucket = kBucket);

  GradientReducer(const Communicator& comm, std::vector<std::size_t> sizes, std::size_t bucket = kBucket);
  /// Not after finish(): what is still on its way keeps its memory for ever, because the process is about to end.
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;

  /// **Local:** a block's gradient of a tensor that is not closed. Blocks come in any order and number.
  template <class Real>
  void give(std::size_t tensor, std::span<const Real> values);

  /// This rank has given all of its blocks' gradients of `tensor`. Any order of tensors. **Collective** in what it may
  /// begin, but ranks need not call it together: buckets set out in one order everywhere. Off the main thread it only
  /// notes it.
  void close(std::size_t tensor);

  /// This rank has failed: closes all, and what was not closed becomes NaN on all ranks, none of which waits for ever.
  void give_up();

  /// **Collective:** closes what is not closed and waits; the sums [tensor][number], NaN where any number is not
  /// finite.
  std::vector<std::vector<double>> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dpl
