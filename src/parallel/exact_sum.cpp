// Sums through 64-bit integers.
#include "dpl/parallel/exact_sum.hpp"

#include <cmath>
#include <limits>

#include "exact_scaling.hpp"

namespace dpl {
template <class Real>
std::vector<double> exact_sum(const Communicator& comm, std::span<const Real* const> items, std::size_t size) {
  double largest = 0;
  bool finite = true;
  for (const Real* item : items)
    for (std::size_t i = 0; i < size; ++i) {
      const double value = std::abs(static_cast<double>(item[i]));
      finite = finite && std::isfinite(value);
      if (value > largest) largest = value;
    }
  double extremes[2] = {finite ? largest : 0.0, finite ? 0.0 : 1.0};
  comm.max(std::span(extremes));
  if (extremes[1] != 0) return std::vector<double>(size, std::numeric_limits<double>::quiet_NaN());
  const auto count = comm.sum(static_cast<std::int64_t>(items.size()));
  if (extremes[0] == 0) return std::vector<double>(size, 0.0);

  const int shift = shift_for(extremes[0], count);
  const PowerOfTwo scale(shift);
  std::vector<std::int64_t> sums(size, 0);
  for (const Real* item : items)
    for (std::size_t i = 0; i < size; ++i) sums[i] += scale.scaled(static_cast<double>(item[i]));
  comm.sum(sums);
  std::vector<double> result(size);
  for (std::size_t i = 0; i < size; ++i) result[i] = std::ldexp(static_cast<double>(sums[i]), -shift);
  return result;
}

double exact_sum(const Communicator& comm, std::span<const double> values) {
  std::vector<const double*> items;
  items.reserve(values.size());
  for (const double& value : values) items.push_back(&value);
  return exact_sum<double>(comm, items, 1).front();
}

template std::vector<double> exact_sum(const Communicator&, std::span<const float* const>, std::size_t);
template std::vector<double> exact_sum(const Communicator&, std::span<const double* const>, std::size_t);

}  // namespace dpl
