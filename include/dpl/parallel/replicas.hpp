// Groups of ranks that each hold the whole domain and share the items of a piece of work among them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "dpl/base/types.hpp"
#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// P ranks as R groups of P / R neighbouring ranks. Group 0 begins with rank 0 of all. Item w is taken by group w mod
/// R. Copies share the communicators.
class Replicas {
 public:
  /// **Collective:** throws Error where `count` does not divide the number of ranks, naming both.
  explicit Replicas(const Communicator& all, Index count = 1);

  const Communicator& all() const { return all_; }      ///< every rank
  const Communicator& group() const { return group_; }  ///< the ranks of this group
  Index count() const { return count_; }
  Index index() const { return index_; }  ///< of this group

  /// **Collective** over all ranks: runs `body`, which may differ between groups and hold collectives of its group.
  /// Where a group fails as one (AgreedError), all ranks throw AgreedError with the words of the lowest such group.
  /// Other exceptions pass unchanged: no other group can be asked to wait for what left this rank alone.
  void together(const std::function<void()>& body) const;

  /// **Collective** over all ranks: sum over the items, in ascending order of items, of rows [item][width] that the
  /// ranks of an item's group hold, all the same; rows of other groups' items are overwritten. The same bits for any
  /// number of groups. A fixed order rather than integers (exact_sum): the items are few, the order is the
  /// configuration's, and the sum of one item is that item, bit for bit.
  std::vector<double> sum_in_order(std::span<double> rows, std::size_t width) const;

 private:
  Communicator all_, group_, peers_;  // peers_: the ranks at this rank's place in every group
  Index count_ = 1, index_ = 0;
};

}  // namespace dpl
