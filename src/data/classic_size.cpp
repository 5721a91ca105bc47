// Walks through the header of a classic file (the three variants: classic, 64-bit offset, 64-bit data).
#include "classic_size.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "dpl/base/error.hpp"

namespace dpl {
namespace {

class Header {
 public:
  explicit Header(const std::string& path)
      : path_(path), size_(std::filesystem::file_size(path)), in_(path, std::ios::binary) {
    char magic[4] = {};
    in_.read(magic, 4);
    version_ = magic[3];
  }

  // Bytes up to the end of the last value.
  std::uint64_t end_of_data() {
    const std::uint64_t streaming = version_ == 5 ? ~std::uint64_t{0} : 0xffffffffu;
    const std::uint64_t records = count();
    read_dimensions();
    skip_attributes();
    read_variables();
    std::uint64_t record_bytes = 0, end = 0;
    for (const auto& v : variables_)
      if (v.record) record_bytes += record_variables_ == 1 ? v.bytes : (v.bytes + 3) / 4 * 4;
    for (const auto& v : variables_) {
      if (v.bytes == 0 || (v.record && (records == 0 || records == streaming))) continue;
      end = std::max(end, v.begin + v.bytes + (v.record ? (records - 1) * record_bytes : 0));
    }
    return std::max(end, static_cast<std::uint64_t>(in_.tellg()));
  }

 private:
  struct Variable {
    bool record = false;
    std::uint64_t bytes = 0, begin = 0;  // bytes of one record, or of all
  };

  std::uint64_t big_endian(int bytes) {
    std::uint64_t value = 0;
    for (int k = 0; k < bytes; ++k) value = value << 8 | static_cast<unsigned char>(in_.get());
    if (!in_) fail("{}: the file ends within its header; it is truncated, copy it again", path_);
    return value;
  }
  std::uint64_t count() { return big_endian(version_ == 5 ? 8 : 4); }
  std::uint64_t items() {  // of a list: tag, length
    big_endian(4);
    const std::uint64_t n = count();
    if (n > size_) fail("{}: the header of the file is damaged; copy it again", path_);
    return n;
  }
  void skip(std::uint64_t bytes) {
    in_.seekg(static_cast<std::streamoff>(std::min(bytes + 3, size_) / 4 * 4), std::ios::cur);
  }
  void skip_name() { skip(count()); }

  static std::uint64_t type_bytes(std::uint64_t type) {
    constexpr std::uint64_t bytes[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    return type < 12 ? bytes[type] : 0;
  }
  void read_dimensions() {
    for (auto n = items(); n > 0; --n) {
      skip_name();
      lengths_.push_back(count());
    }
  }
  void skip_attributes() {
    for (auto n = items(); n > 0; --n) {
      skip_name();
      const auto bytes = type_bytes(big_endian(4));
      skip(bytes * count());
    }
  }
  void read_variables() {
    for (auto n = items(); n > 0; --n) {
      Variable v;
      v.bytes = 1;
      skip_name();
      for (auto k = count(); k > 0; --k) {
        const auto dimension = count();
        const auto length = dimension < lengths_.size() ? lengths_[dimension] : 0;
        if (length == 0)
          v.record = true;  // the unlimited dimension is stored with length 0
        else
          v.bytes *= length;
      }
      skip_attributes();
      v.bytes *= type_bytes(big_endian(4));
      count();  // vsize, which overflows in large files
      v.begin = big_endian(version_ == 1 ? 4 : 8);
      record_variables_ += v.record;
      variables_.push_back(v);
    }
  }

  const std::string& path_;
  std::uint64_t size_;
  std::ifstream in_;
  int version_ = 1, record_variables_ = 0;
  std::vector<std::uint64_t> lengths_;
  std::vector<Variable> variables_;
};

}  // namespace

void check_classic_size(const std::string& path) {
  const std::uint64_t found = std::filesystem::file_size(path), needed = Header(path).end_of_data();
  if (found < needed)
    fail("{}: the file has {} bytes, by its header it needs {}; it is truncated, copy it again", path, found, needed);
}

}  // namespace dpl
