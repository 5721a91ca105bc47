// Sums that are the same bits in any order and on any number of ranks (docs/architecture.md, "Exact adding").
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "dpl/parallel/communicator.hpp"

namespace dpl {

/// **Collective:** element-wise sum of contributions ("items") that lie on any ranks. Each item is an array of
/// `size` numbers (a block's gradient of one tensor). All values are scaled to 64-bit integers by one power of two
/// chosen from the largest magnitude of all items on all ranks and the total number of items, added as integers and
/// scaled back. Non-finite values make the whole result NaN on all ranks.
template <class Real>
std::vector<double> exact_sum(const Communicator& comm, std::span<const Real* const> items, std::size_t size);

/// **Collective:** exact sum of scalars.
double exact_sum(const Communicator& comm, std::span<const double> values);

}  // namespace dpl
