// Every id draws a number by its key; whoever draws low comes first.
#include "dpl/experiments/folds.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "dpl/base/error.hpp"
#include "dpl/base/random.hpp"
#include "dpl/training/sampler.hpp"

namespace dpl {
namespace {

std::vector<std::string> in_drawn_order(const std::vector<std::string>& ids, std::uint64_t seed, Purpose purpose) {
  std::vector<std::pair<std::uint64_t, std::string>> drawn;
  for (const auto& id : ids) drawn.emplace_back(random_bits({seed, purpose, 0, station_key(id)}), id);
  std::sort(drawn.begin(), drawn.end());
  std::vector<std::string> order;
  for (auto& [number, id] : drawn) order.push_back(std::move(id));
  return order;
}

std::size_t rounded(double share, std::size_t n) {
  return static_cast<std::size_t>(std::llround(share * static_cast<double>(n)));
}

}  // namespace

std::vector<std::vector<std::string>> random_folds(const std::vector<std::string>& ids, Index k, std::uint64_t seed) {
  if (k < 2 || static_cast<std::size_t>(k) > ids.size())
    fail("config: basins.pub is {}, and {} basins can be trained on; a fold needs at least one: 2 to {} are allowed", k,
         ids.size(), ids.size());
  std::vector<std::vector<std::string>> folds(static_cast<std::size_t>(k));
  const auto order = in_drawn_order(ids, seed, Purpose::basin_fold);
  for (std::size_t i = 0; i < order.size(); ++i) folds[i % folds.size()].push_back(order[i]);
  for (auto& fold : folds) std::sort(fold.begin(), fold.end());
  return folds;
}

SampleSplit split_sample(const std::vector<std::string>& ids, double share, std::uint64_t seed) {
  const std::size_t out = share > 0 ? std::max<std::size_t>(1, rounded(share, ids.size())) : 0;
  if (out >= ids.size())
    fail("config: scaling.out_of_sample is {}, which leaves none of {} basins to train on; give a smaller share", share,
         ids.size());
  const auto order = in_drawn_order(ids, seed, Purpose::out_of_sample);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(out);
  SampleSplit split{{order.begin(), middle}, {middle, order.end()}};
  std::sort(split.out.begin(), split.out.end());
  std::sort(split.pool.begin(), split.pool.end());
  return split;
}

std::vector<std::string> nested_subset(const std::vector<std::string>& pool, double fraction, std::uint64_t seed) {
  auto order = in_drawn_order(pool, seed, Purpose::basin_subset);
  order.resize(std::max<std::size_t>(1, rounded(fraction, pool.size())));
  std::sort(order.begin(), order.end());
  return order;
}

std::vector<std::string> others(const std::vector<std::string>& ids, const std::vector<std::string>& without) {
  const std::set<std::string> left_out(without.begin(), without.end());
  std::vector<std::string> rest;
  for (const auto& id : ids)
    if (!left_out.contains(id)) rest.push_back(id);
  return rest;
}

}  // namespace dpl
