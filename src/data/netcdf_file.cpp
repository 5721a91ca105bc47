// Reading through netCDF-C, each call checked. Writing is in netcdf_writer.cpp.
#include "dpl/data/netcdf_file.hpp"

#include <netcdf.h>
#include <netcdf_par.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>

#include "classic_size.hpp"
#include "decoding.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/nearest_name.hpp"
#include "netcdf_handle.hpp"

namespace dpl {

void check_netcdf(int code, const std::string& path, const std::string& what) {
  if (code != NC_NOERR) fail("{}: {}: {}", path, what, nc_strerror(code));
}

std::recursive_mutex& NetcdfLock::mutex() {
  static std::recursive_mutex one;
  return one;
}

NetcdfFile::Impl::~Impl() {
  const NetcdfLock lock;
  if (id >= 0) nc_close(id);
  if (own_id >= 0) nc_close(own_id);
}

namespace {

enum class Container { hdf5, classic };

// Tells "does not exist", "may not be read" and "is not netCDF" apart before the library is asked.
Container container_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::error_code problem;
    fail("{}: {}", path,
         std::ifstream(path + "/.").good() ? "is a folder, a netCDF file is needed"
                                           : "cannot be opened; check that the file exists and may be read");
  }
  char magic[4] = {};
  in.read(magic, 4);
  const std::string first(magic, static_cast<std::size_t>(in.gcount()));
  if (first == "\x89HDF") return Container::hdf5;
  if (first.substr(0, 3) == "CDF") {
    check_classic_size(path);
    return Container::classic;
  }
  fail("{}: is not a netCDF file", path);
}

std::size_t product(std::span<const Count> counts) {
  return static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), Count{1}, std::multiplies<>()));
}

}  // namespace

NetcdfFile::NetcdfFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NetcdfFile::~NetcdfFile() = default;
NetcdfFile::NetcdfFile(NetcdfFile&&) noexcept = default;

NetcdfFile NetcdfFile::open(const Communicator& comm, const std::string& path) {
  const NetcdfLock lock;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->comm = &comm;
  Container container = Container::hdf5;
  agree(comm, "netCDF", [&] { container = container_of(path); });
  // Classic files have no parallel access in netCDF-4: every rank opens them by itself.
  int code = NC_NOERR;
  impl->parallel = container == Container::hdf5;
  if (impl->parallel)
    code = nc_open_par(path.c_str(), NC_NOWRITE, comm.mpi(), MPI_INFO_NULL, &impl->id);
  else
    code = nc_open(path.c_str(), NC_NOWRITE, &impl->id);
  if (code != NC_NOERR) impl->id = -1;
  agree(comm, "netCDF", [&] { check_netcdf(code, path, "cannot be read as netCDF (is the file complete?)"); });
  return NetcdfFile(std::move(impl));
}

NetcdfFile NetcdfFile::open_local(const std::string& path) {
  const NetcdfLock lock;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  container_of(path);
  const int code = nc_open(path.c_str(), NC_NOWRITE, &impl->id);
  if (code != NC_NOERR) impl->id = -1;
  check_netcdf(code, path, "cannot be read as netCDF (is the file complete?)");
  return NetcdfFile(std::move(impl));
}

const std::string& NetcdfFile::path() const { return impl_->path; }

bool NetcdfFile::has_variable(const std::string& name) const {
  const NetcdfLock lock;
  int variable = 0;
  return nc_inq_varid(impl_->id, name.c_str(), &variable) == NC_NOERR;
}

std::vector<std::string> NetcdfFile::variable_names() const {
  const NetcdfLock lock;
  int count = 0;
  check_netcdf(nc_inq_nvars(impl_->id, &count), impl_->path, "variables cannot be listed");
  std::vector<std::string> names;
  for (int v = 0; v < count; ++v) {
    char name[NC_MAX_NAME + 1] = {};
    check_netcdf(nc_inq_varname(impl_->id, v, name), impl_->path, "variables cannot be listed");
    names.emplace_back(name);
  }
  return names;
}

int NetcdfFile::Impl::variable(const std::string& name) const {
  const NetcdfLock lock;
  int variable = 0;
  if (nc_inq_varid(id, name.c_str(), &variable) == NC_NOERR) return variable;
  int count = 0;
  nc_inq_nvars(id, &count);
  std::vector<std::string> names;
  std::string list;
  for (int v = 0; v < count; ++v) {
    char known[NC_MAX_NAME + 1] = {};
    nc_inq_varname(id, v, known);
    names.emplace_back(known);
    if (v < 20) list += (v ? ", " : "") + names.back();
  }
  const auto nearest = nearest_name(name, names);
  fail("{}: variable {} is missing{}; the file has: {}", path, name,
       nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest), list.empty() ? "none" : list);
}

std::vector<std::string> NetcdfFile::dimension_names(const std::string& variable) const {
  const NetcdfLock lock;
  const int v = impl_->variable(variable);
  int rank = 0;
  check_netcdf(nc_inq_varndims(impl_->id, v, &rank), impl_->path, variable);
  std::vector<int> dimensions(rank);
  check_netcdf(nc_inq_vardimid(impl_->id, v, dimensions.data()), impl_->path, variable);
  std::vector<std::string> names;
  for (int d : dimensions) {
    char name[NC_MAX_NAME + 1] = {};
    check_netcdf(nc_inq_dimname(impl_->id, d, name), impl_->path, variable);
    names.emplace_back(name);
  }
  return names;
}

std::vector<Count> NetcdfFile::shape(const std::string& variable) const {
  const NetcdfLock lock;
  const int v = impl_->variable(variable);
  int rank = 0;
  check_netcdf(nc_inq_varndims(impl_->id, v, &rank), impl_->path, variable);
  std::vector<int> dimensions(rank);
  check_netcdf(nc_inq_vardimid(impl_->id, v, dimensions.data()), impl_->path, variable);
  std::vector<Count> sizes;
  for (int d : dimensions) {
    std::size_t size = 0;
    check_netcdf(nc_inq_dimlen(impl_->id, d, &size), impl_->path, variable);
    sizes.push_back(static_cast<Count>(size));
  }
  return sizes;
}

std::vector<Count> NetcdfFile::chunk_shape(const std::string& variable) const {
  const NetcdfLock lock;
  const int v = impl_->variable(variable);
  int storage = NC_CONTIGUOUS;
  std::vector<std::size_t> sizes(shape(variable).size(), 1);
  check_netcdf(nc_inq_var_chunking(impl_->id, v, &storage, sizes.data()), impl_->path, variable);
  if (storage != NC_CHUNKED) std::fill(sizes.begin(), sizes.end(), std::size_t{1});
  return {sizes.begin(), sizes.end()};
}

std::string NetcdfFile::text_attribute(const std::string& variable, const std::string& name) const {
  const NetcdfLock lock;
  const int v = variable.empty() ? NC_GLOBAL : impl_->variable(variable);
  nc_type type = NC_NAT;
  std::size_t length = 0;
  if (nc_inq_att(impl_->id, v, name.c_str(), &type, &length) != NC_NOERR) return {};
  if (type == NC_STRING && length == 1) {
    char* text = nullptr;
    check_netcdf(nc_get_att_string(impl_->id, v, name.c_str(), &text), impl_->path, variable + ":" + name);
    std::string value = text ? text : "";
    nc_free_string(1, &text);
    return value;
  }
  if (type != NC_CHAR) return {};
  std::string text(length, '\0');
  check_netcdf(nc_get_att_text(impl_->id, v, name.c_str(), text.data()), impl_->path, variable + ":" + name);
  while (!text.empty() && text.back() == '\0') text.pop_back();
  return text;
}

double NetcdfFile::number_attribute(const std::string& variable, const std::string& name) const {
  const NetcdfLock lock;
  const int v = variable.empty() ? NC_GLOBAL : impl_->variable(variable);
  std::size_t length = 0;
  double value = 0;
  if (nc_inq_attlen(impl_->id, v, name.c_str(), &length) != NC_NOERR || length != 1) return std::numeric_limits<double>::quiet_NaN();
  check_netcdf(nc_get_att_double(impl_->id, v, name.c_str(), &value), impl_->path, variable + ":" + name);
  return value;
}

bool NetcdfFile::is_text(const std::string& variable) const {
  const NetcdfLock lock;
  nc_type type = NC_NAT;
  check_netcdf(nc_inq_vartype(impl_->id, impl_->variable(variable), &type), impl_->path, variable);
  return type == NC_CHAR || type == NC_STRING;
}

namespace {
std::atomic<Count> numbers_read_so_far{0};
}

Count NetcdfFile::numbers_read() { return numbers_read_so_far; }

template <class Real>
void NetcdfFile::Impl::read(const std::string& name, std::span<const Count> start, std::span<const Count> count, bool whole,
                            std::vector<Real>& values) const {
  values.resize(product(count));
  const std::vector<std::size_t> first(start.begin(), start.end()), size(count.begin(), count.end());
  Decoding decoding;
  {
    const NetcdfLock lock;
    const int v = variable(name);
    nc_type type = NC_NAT;
    check_netcdf(nc_inq_vartype(id, v, &type), path, name);
    if (type == NC_CHAR || type == NC_STRING) fail("{}: variable {} holds text, numbers are needed", path, name);
    decoding = decoding_of(id, v, path, name);
    const auto get = [&](int from) {
      if constexpr (std::is_same_v<Real, float>)
        return nc_get_vara_float(from, v, first.data(), size.data(), values.data());
      else
        return nc_get_vara_double(from, v, first.data(), size.data(), values.data());
    };
    const int code = whole ? collective(v, [&] { return get(id); }) : by_this_rank(get);
    agree_on(code, name + " cannot be read (is the file complete?)");
  }
  numbers_read_so_far += static_cast<Count>(values.size());
  decoding.apply(values);   // other threads may read meanwhile
}

template <class Real>
std::vector<Real> NetcdfFile::Impl::read(const std::string& name, std::span<const Count> start,
                                         std::span<const Count> count, bool whole) const {
  std::vector<Real> values;
  read(name, start, count, whole, values);
  return values;
}

std::vector<double> NetcdfFile::read(const std::string& variable, std::span<const Count> start,
                                     std::span<const Count> count) const {
  return impl_->read<double>(variable, start, count, false);
}

std::vector<float> NetcdfFile::read_single(const std::string& variable, std::span<const Count> start,
                                           std::span<const Count> count) const {
  return impl_->read<float>(variable, start, count, false);
}

void NetcdfFile::read_single(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                             std::vector<float>& values) const {
  impl_->read<float>(variable, start, count, false, values);
}

bool NetcdfFile::is_single(const std::string& variable) const {
  const NetcdfLock lock;
  const int v = impl_->variable(variable);
  nc_type type = NC_NAT;
  check_netcdf(nc_inq_vartype(impl_->id, v, &type), impl_->path, variable);
  return type == NC_FLOAT && decoding_of(impl_->id, v, impl_->path, variable).is_plain();
}

std::vector<double> NetcdfFile::read(const std::string& variable) const {
  const auto size = shape(variable);
  return impl_->read<double>(variable, std::vector<Count>(size.size(), 0), size, true);
}

std::vector<std::int64_t> NetcdfFile::read_integers(const std::string& variable, std::optional<std::int64_t> missing) const {
  const NetcdfLock lock;
  const int v = impl_->variable(variable);
  nc_type type = NC_NAT;
  check_netcdf(nc_inq_vartype(impl_->id, v, &type), impl_->path, variable);
  if (type == NC_CHAR || type == NC_STRING) fail("{}: variable {} holds text, integers are needed", impl_->path, variable);
  const auto replacement = [&](std::size_t row) {
    if (!missing) fail("{}: variable {} has no value in row {}; a whole number is needed", impl_->path, variable, row);
    return *missing;
  };
  std::vector<std::int64_t> integers;
  // Some writers store ids as floating point; packed ones are floating point too once unpacked.
  if (type == NC_FLOAT || type == NC_DOUBLE || !decoding_of(impl_->id, v, impl_->path, variable).is_plain()) {
    const double limit = type == NC_FLOAT ? 16777216.0 : 9007199254740992.0;   // neighbours differ by more than 1 beyond
    for (double value : read(variable)) {
      if (!std::isnan(value) && (!(std::abs(value) < limit) || value != std::floor(value)))
        fail("{}: variable {} has the value {}; whole numbers below {:.0f} are needed in this type, store integers",
             impl_->path, variable, value, limit);
      integers.push_back(std::isnan(value) ? replacement(integers.size()) : static_cast<std::int64_t>(value));
    }
    return integers;
  }
  // Unsigned 64-bit numbers pass as the same bits; those beyond the signed ones are refused below.
  std::vector<long long> bits(product(shape(variable)));
  const int code = impl_->collective(v, [&] {
    return type == NC_UINT64 ? nc_get_var_ulonglong(impl_->id, v, reinterpret_cast<unsigned long long*>(bits.data()))
                             : nc_get_var_longlong(impl_->id, v, bits.data());
  });
  impl_->agree_on(code, variable + " cannot be read (is the file complete?)");
  const auto gone = missing_integers(impl_->id, v);
  for (const long long value : bits) {
    const bool is_missing = std::find(gone.begin(), gone.end(), value) != gone.end();
    if (!is_missing && type == NC_UINT64 && value < 0)
      fail("{}: variable {} has the value {}; allowed: up to {}", impl_->path, variable, static_cast<std::uint64_t>(value),
           std::numeric_limits<std::int64_t>::max());
    integers.push_back(is_missing ? replacement(integers.size()) : static_cast<std::int64_t>(value));
  }
  return integers;
}

std::vector<std::string> NetcdfFile::read_strings(const std::string& variable) const {
  const NetcdfLock lock;
  const int v = impl_->variable(variable);
  nc_type type = NC_NAT;
  check_netcdf(nc_inq_vartype(impl_->id, v, &type), impl_->path, variable);
  const auto size = shape(variable);
  std::vector<std::string> strings;
  if (type == NC_STRING) {
    std::vector<char*> texts(product(size), nullptr);
    const int code = impl_->collective(v, [&] { return nc_get_var_string(impl_->id, v, texts.data()); });
    impl_->agree_on(code, variable + " cannot be read");
    for (const char* text : texts) strings.emplace_back(text ? text : "");
    nc_free_string(texts.size(), texts.data());
  } else if (type == NC_CHAR && size.size() == 2) {
    std::string text(product(size), '\0');
    const int code = impl_->collective(v, [&] { return nc_get_var_text(impl_->id, v, text.data()); });
    impl_->agree_on(code, variable + " cannot be read");
    for (Count row = 0; row < size[0]; ++row) strings.push_back(text.substr(row * size[1], size[1]));
  } else {
    fail("{}: variable {} must be text: char with two dimensions, or string", impl_->path, variable);
  }
  for (auto& s : strings) {
    s = s.substr(0, s.find('\0'));   // what follows a NUL is not part of the text
    const auto first = s.find_first_not_of(' ');
    s = first == std::string::npos ? "" : s.substr(first, s.find_last_not_of(' ') + 1 - first);
  }
  return strings;
}

}  // namespace dpl
