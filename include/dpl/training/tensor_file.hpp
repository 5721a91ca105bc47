// Named tensors in a netCDF file, bit for bit, with a checksum of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dpl/learning/parameter_network.hpp"

namespace dpl {

/// What is known of a stored tensor besides its numbers.
struct TensorRecord {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string type;      ///< float | double
  std::string checksum;  ///< fingerprint of name, type, shape and bytes, 16 hexadecimal digits
};

/// Throws Error for tensors that are neither float nor double or not contiguous in CPU memory.
TensorRecord describe_tensor(const NamedTensor& tensor);

/// **Local:** writes all tensors as variables of a new file.
void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors);

/// **Local:** reads the tensors of the records; throws Error where name, shape, type or checksum do not fit the file.
std::vector<NamedTensor> read_tensors(const std::string& path, const std::vector<TensorRecord>& records);

}  // namespace dpl
