// Philox4x32-10 and the draws made of it.
#include "dpl/base/random.hpp"

#include <cmath>
#include <numbers>

namespace dpl {
namespace {

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> x, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * x[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {high(product1) ^ x[1] ^ k[0], low(product1), high(product0) ^ x[3] ^ k[1], low(product0)};
    k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
  }
  return x;
}

std::uint64_t random_bits(const RandomKey& key, std::uint32_t draw) {
  // The 192 bits of (update, item, purpose, draw) do not fit one 128-bit counter: the first call makes the second's
  // key.
  const auto stream = philox4x32_10({low(key.update), high(key.update), low(key.item), high(key.item)},
                                    {low(key.seed), high(key.seed)});
  const auto bits =
      philox4x32_10({draw, static_cast<std::uint32_t>(key.purpose), stream[2], stream[3]}, {stream[0], stream[1]});
  return std::uint64_t{bits[1]} << 32 | bits[0];
}

double random_uniform(const RandomKey& key, std::uint32_t draw) {
  return static_cast<double>(random_bits(key, draw) >> 11) * 0x1p-53;
}

double random_normal(const RandomKey& key, std::uint32_t draw) {
  const double radius = std::sqrt(-2 * std::log1p(-random_uniform(key, 2 * draw)));
  return radius * std::cos(2 * std::numbers::pi * random_uniform(key, 2 * draw + 1));
}

std::uint64_t random_index(const RandomKey& key, std::uint64_t count, std::uint32_t draw) {
  // floor(bits count / 2^64) in two halves; unequal odds below count / 2^64.
  const std::uint64_t bits = random_bits(key, draw);
  const std::uint64_t low_part = low(bits) * std::uint64_t{low(count)} >> 32;
  const std::uint64_t cross0 = std::uint64_t{high(bits)} * low(count);
  const std::uint64_t cross1 = std::uint64_t{low(bits)} * high(count);
  const std::uint64_t middle = low_part + low(cross0) + low(cross1);
  return std::uint64_t{high(bits)} * high(count) + high(cross0) + high(cross1) + (middle >> 32);
}

}  // namespace dpl
