// A redistribution of places, and sums in the order of the places behind it.
#include "dpl/coupling/place_inflow.hpp"

#include <algorithm>
#include <unordered_map>

#include "dpl/base/error.hpp"

namespace dpl {

PlaceInflow::PlaceInflow(const Communicator& comm, const BlockDistribution& places, std::span<const Index> reach,
                         std::span<const double> factor, std::span<const Index> own)
    : block_places_(static_cast<std::size_t>(places.end_reach() - places.first_reach())) {
  if (reach.size() != static_cast<std::size_t>(places.reaches) || factor.size() != reach.size())
    fail("place inflow: {} reaches and {} factors were given for {} places", reach.size(), factor.size(), places.reaches);
  std::unordered_map<Index, std::size_t> number;
  for (std::size_t i = 0; i < own.size(); ++i) number.emplace(own[i], i);
  std::vector<std::vector<Index>> of_reach(own.size());
  for (std::size_t k = 0; k < reach.size(); ++k)
    if (const auto found = number.find(reach[k]); found != number.end())
      of_reach[found->second].push_back(static_cast<Index>(k));
  std::vector<Index> mine;
  first_.push_back(0);
  for (const auto& list : of_reach) {
    mine.insert(mine.end(), list.begin(), list.end());
    first_.push_back(static_cast<Index>(mine.size()));
  }
  for (const Index k : mine) factor_.push_back(factor[static_cast<std::size_t>(k)]);
  redistribution_ = std::make_unique<Redistribution>(comm, places, mine);
}

std::vector<double> PlaceInflow::to_reaches(std::span<const double> runoff_mm_day, Count days) const {
  const auto n = static_cast<std::size_t>(days);
  std::vector<double> here(factor_.size() * n), inflow((first_.size() - 1) * n, 0.0);
  redistribution_->to_pieces<double>(runoff_mm_day, here, static_cast<Index>(days));
  for (std::size_t r = 0; r + 1 < first_.size(); ++r)
    for (auto k = static_cast<std::size_t>(first_[r]); k < static_cast<std::size_t>(first_[r + 1]); ++k)
      for (std::size_t day = 0; day < n; ++day) inflow[r * n + day] += here[k * n + day] * factor_[k];
  return inflow;
}

std::vector<double> PlaceInflow::to_places(std::span<const double> inflow_adjoint, Count days) const {
  const auto n = static_cast<std::size_t>(days);
  if (inflow_adjoint.size() != (first_.size() - 1) * n)
    fail("place inflow: {} derivatives were given for {} reaches x {} days", inflow_adjoint.size(), first_.size() - 1,
         days);
  std::vector<double> here(factor_.size() * n), runoff(block_places_ * n);
  for (std::size_t r = 0; r + 1 < first_.size(); ++r)
    for (auto k = static_cast<std::size_t>(first_[r]); k < static_cast<std::size_t>(first_[r + 1]); ++k)
      for (std::size_t day = 0; day < n; ++day) here[k * n + day] = inflow_adjoint[r * n + day] * factor_[k];
  redistribution_->to_blocks<double>(here, runoff, static_cast<Index>(days));
  return runoff;
}

}  // namespace dpl
