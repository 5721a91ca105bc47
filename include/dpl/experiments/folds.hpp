// Which basins a training of a series sees: folds and nested subsets, pure functions of seed and ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dpl/base/types.hpp"

namespace dpl {

/// k random folds of the ids, each ascending; every id lies in exactly one, sizes differ by at most one. An id's place
/// follows from seed and ids alone, not from their order. Throws Error for k < 2 or more folds than ids.
std::vector<std::vector<std::string>> random_folds(const std::vector<std::string>& ids, Index k, std::uint64_t seed);

/// Ids that no training sees, and those that one may see (the pool).
struct SampleSplit {
  std::vector<std::string> out, pool;  ///< ascending
};

/// round(share n) random ids are out of the sample, at least one where share > 0; the others are the pool. Throws Error
/// where the pool would be empty.
SampleSplit split_sample(const std::vector<std::string>& ids, double share, std::uint64_t seed);

/// round(fraction n) of the pool's ids, at least one, ascending. Those of a smaller fraction and the same seed are
/// among those of a larger one. Seeds draw independently.
std::vector<std::string> nested_subset(const std::vector<std::string>& pool, double fraction, std::uint64_t seed);

/// The ids that are not in `without`, in their order.
std::vector<std::string> others(const std::vector<std::string>& ids, const std::vector<std::string>& without);

}  // namespace dpl
