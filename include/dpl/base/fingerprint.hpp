// A 64-bit fingerprint of data (FNV-1a, Fowler, Noll and Vo), to tell networks, files and weights apart.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace dpl {

/// Not cryptographic. The same bytes in the same order give the same value on every machine of one byte order.
class Fingerprint {
 public:
  Fingerprint() = default;
  explicit Fingerprint(std::uint64_t value) : value_(value) {}   ///< goes on where another stopped
  Fingerprint& add_bytes(const void* data, std::size_t size) {
    const auto* byte = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ byte[i]) * 0x100000001b3ull;
    return *this;
  }
  Fingerprint& add(std::string_view text) { return add_bytes(text.data(), text.size()); }
  template <class T>
  Fingerprint& add(std::span<const T> values) {
    return add_bytes(values.data(), values.size_bytes());
  }
  std::uint64_t value() const { return value_; }
  std::string hex() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(16, '0');
    for (int i = 0; i < 16; ++i) text[15 - i] = digits[(value_ >> (4 * i)) & 15];
    return text;
  }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ull;
};

}  // namespace dpl
