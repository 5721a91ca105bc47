// Tensors to netCDF variables and back.
#include "dpl/training/tensor_file.hpp"

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "dpl/base/error.hpp"
#include "dpl/base/fingerprint.hpp"
#include "dpl/data/netcdf_file.hpp"

namespace dpl {
namespace {

/// Dimensions are shared by size.
std::string dimension_name(std::int64_t size) { return fmt::format("size_{}", size); }

std::vector<std::string> dimension_names(const at::Tensor& tensor) {
  std::vector<std::string> names;
  for (const std::int64_t size : tensor.sizes()) names.push_back(dimension_name(size));
  return names;
}

void define(NetcdfFile& file, const std::vector<NamedTensor>& tensors) {
  std::set<std::int64_t> sizes;
  for (const NamedTensor& entry : tensors) sizes.insert(entry.tensor.sizes().begin(), entry.tensor.sizes().end());
  for (const std::int64_t size : sizes) file.define_dimension(dimension_name(size), size);
  for (const NamedTensor& entry : tensors) {
    file.define_variable(entry.name, describe_tensor(entry).type, dimension_names(entry.tensor));
  }
}

at::Tensor read_tensor(const NetcdfFile& file, const TensorRecord& record) {
  if (!file.has_variable(record.name)) fail("{}: tensor '{}' is missing", file.path(), record.name);
  if (file.shape(record.name) != std::vector<Count>(record.shape.begin(), record.shape.end())) {
    fail("{}: tensor '{}' has another shape than the manifest's {}", file.path(), record.name,
         fmt::join(record.shape, "x"));
  }
  const std::vector<double> values = file.read(record.name);
  at::Tensor tensor = at::empty(record.shape, at::TensorOptions().dtype(at::kDouble));
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return record.type == "float" ? tensor.to(at::kFloat) : tensor;
}

}  // namespace

TensorRecord describe_tensor(const NamedTensor& entry) {
  const at::Tensor& tensor = entry.tensor;
  const auto type = tensor.scalar_type();
  if ((type != at::kFloat && type != at::kDouble) || !tensor.is_contiguous() || !tensor.is_cpu()) {
    fail("tensor '{}': only contiguous float and double tensors in CPU memory can be stored", entry.name);
  }
  TensorRecord record{entry.name, tensor.sizes().vec(), type == at::kFloat ? "float" : "double", ""};
  Fingerprint fingerprint;
  fingerprint.add(fmt::format("{} {} {} ", record.name, record.type, fmt::join(record.shape, "x")));
  record.checksum = fingerprint.add_bytes(tensor.const_data_ptr(), tensor.nbytes()).hex();
  return record;
}

void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors) {
  NetcdfFile file = NetcdfFile::create_local(path);
  define(file, tensors);
  for (const auto& [name, tensor] : tensors) {
    const auto size = static_cast<std::size_t>(tensor.numel());
    if (tensor.scalar_type() == at::kFloat) {
      file.write(name, std::span(tensor.const_data_ptr<float>(), size));
    } else {
      file.write(name, std::span(tensor.const_data_ptr<double>(), size));
    }
  }
  file.close();
}

std::vector<NamedTensor> read_tensors(const std::string& path, const std::vector<TensorRecord>& records) {
  const NetcdfFile file = NetcdfFile::open_local(path);
  std::vector<NamedTensor> tensors;
  for (const TensorRecord& record : records) {
    NamedTensor entry{record.name, read_tensor(file, record)};
    if (describe_tensor(entry).checksum != record.checksum) {
      fail("{}: tensor '{}' was changed after it was written (checksum {} instead of {})", path, record.name,
           describe_tensor(entry).checksum, record.checksum);
    }
    tensors.push_back(std::move(entry));
  }
  return tensors;
}

}  // namespace dpl
