// Groups of ranks: how they are cut, how they fail together, how they add.
#include "dpl/parallel/replicas.hpp"

#include <algorithm>

#include "dpl/base/error.hpp"
#include "dpl/parallel/exchange.hpp"

namespace dpl {
namespace {

Index ranks_of_group(const Communicator& all, Index count) {
  if (count < 1 || all.size() % count != 0)
    fail(
        "config: parallel.replicas is {}, which does not divide the {} rank{} of this run; all groups need the same "
        "number "
        "of ranks: start a multiple of {} ranks or change parallel.replicas",
        count, all.size(), all.size() == 1 ? "" : "s", count);
  return all.size() / count;
}

}  // namespace

Replicas::Replicas(const Communicator& all, Index count)
    : all_(all), group_(all), peers_(MPI_COMM_SELF), count_(count) {
  const Index size = ranks_of_group(all, count);
  if (count == 1) return;
  index_ = all.rank() / size;
  group_ = all.split(index_);
  peers_ = all.split(all.rank() % size);
  if (all.exchange()) group_.use_exchange(all.exchange()->of_part(group_));
}

void Replicas::together(const std::function<void()>& body) const {
  if (count_ == 1) return body();
  bool failed = false;
  std::string message;
  try {
    body();
  } catch (const AgreedError& error) {
    failed = true;
    message = error.what();
  }
  agree_on_failure(all_, failed, message);
}

std::vector<double> Replicas::sum_in_order(std::span<double> rows, std::size_t width) const {
  const std::size_t items = rows.size() / width;
  for (std::size_t item = 0; item < items; ++item)
    if (static_cast<Index>(item % count_) != index_) std::ranges::fill(rows.subspan(item * width, width), 0.0);
  peers_.gather_owned(rows);
  std::vector<double> sum(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(width));
  for (std::size_t item = 1; item < items; ++item)
    for (std::size_t i = 0; i < width; ++i) sum[i] += rows[item * width + i];
  return sum;
}

}  // namespace dpl
