// Writing a netCDF-4 file by one rank or by all ranks together.
#include <filesystem>

#include "dpl/base/error.hpp"
#include "netcdf_handle.hpp"

namespace dpl {
namespace {

nc_type type_from_name(const std::string& name) {
  if (name == "float") return NC_FLOAT;
  if (name == "double") return NC_DOUBLE;
  if (name == "int") return NC_INT;
  if (name == "int64") return NC_INT64;
  if (name == "char") return NC_CHAR;
  fail("netCDF: type {} is not known; allowed: float, double, int, int64, char", name);
}

}  // namespace

NetcdfFile NetcdfFile::create_local(const std::string& path) {
  const NetcdfLock lock;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->defining = true;
  const int code = nc_create(path.c_str(), NC_NETCDF4 | NC_CLOBBER, &impl->id);
  if (code != NC_NOERR) impl->id = -1;
  check_netcdf(code, path, "cannot be created (check that the folder exists and may be written to)");
  return NetcdfFile(std::move(impl));
}

NetcdfFile NetcdfFile::create(const Communicator& comm, const std::string& path) {
  const NetcdfLock lock;
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->comm = &comm;
  impl->parallel = impl->defining = true;
  const int code = nc_create_par(path.c_str(), NC_NETCDF4 | NC_CLOBBER, comm.mpi(), MPI_INFO_NULL, &impl->id);
  if (code != NC_NOERR) impl->id = -1;
  agree(comm, "netCDF", [&] {
    check_netcdf(code, path, "cannot be created (check that the folder exists and may be written to)");
  });
  return NetcdfFile(std::move(impl));
}

void NetcdfFile::define_dimension(const std::string& name, Count size) {
  const NetcdfLock lock;
  int dimension = 0;
  check_netcdf(nc_def_dim(impl_->id, name.c_str(), static_cast<std::size_t>(size), &dimension), impl_->path,
               "dimension " + name);
}

void NetcdfFile::define_variable(const std::string& name, const std::string& type,
                                 const std::vector<std::string>& dimensions, int deflate_level) {
  const NetcdfLock lock;
  std::vector<int> ids;
  for (const auto& d : dimensions) {
    int id = 0;
    check_netcdf(nc_inq_dimid(impl_->id, d.c_str(), &id), impl_->path, "dimension " + d);
    ids.push_back(id);
  }
  int variable = 0;
  check_netcdf(nc_def_var(impl_->id, name.c_str(), type_from_name(type), static_cast<int>(ids.size()), ids.data(), &variable),
               impl_->path, "variable " + name);
  if (deflate_level > 0 && !ids.empty())
    check_netcdf(nc_def_var_deflate(impl_->id, variable, 1, 1, deflate_level), impl_->path, "variable " + name);
}

void NetcdfFile::set_chunks(const std::string& variable, const std::vector<Count>& extents) {
  const NetcdfLock lock;
  const std::vector<std::size_t> sizes(extents.begin(), extents.end());
  check_netcdf(nc_def_var_chunking(impl_->id, impl_->variable(variable), NC_CHUNKED, sizes.data()), impl_->path,
               "chunks of variable " + variable);
}

void NetcdfFile::put_attribute(const std::string& variable, const std::string& name, const std::string& text) {
  const NetcdfLock lock;
  const int v = variable.empty() ? NC_GLOBAL : impl_->variable(variable);
  check_netcdf(nc_put_att_text(impl_->id, v, name.c_str(), text.size(), text.data()), impl_->path, variable + ":" + name);
}

void NetcdfFile::put_attribute(const std::string& variable, const std::string& name, double value) {
  const NetcdfLock lock;
  const int v = variable.empty() ? NC_GLOBAL : impl_->variable(variable);
  nc_type type = NC_DOUBLE;
  if (name == "_FillValue" && v != NC_GLOBAL)  // must have the type of its variable
    check_netcdf(nc_inq_vartype(impl_->id, v, &type), impl_->path, variable);
  check_netcdf(nc_put_att_double(impl_->id, v, name.c_str(), type, 1, &value), impl_->path, variable + ":" + name);
}

namespace {

void end_definitions(int id, bool& defining, const std::string& path) {
  if (defining) check_netcdf(nc_enddef(id), path, "definitions");
  defining = false;
}

void check_size(const NetcdfFile& file, const std::string& variable, std::size_t found) {
  std::size_t size = 1;
  for (Count n : file.shape(variable)) size *= static_cast<std::size_t>(n);
  if (size != found) fail("{}: variable {} holds {} values, {} were given", file.path(), variable, size, found);
}

}  // namespace

void NetcdfFile::write(const std::string& variable, std::span<const double> values) {
  const NetcdfLock lock;
  check_size(*this, variable, values.size());
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  impl_->agree_on(impl_->collective(v, [&] { return nc_put_var_double(impl_->id, v, values.data()); }), variable);
}

void NetcdfFile::write(const std::string& variable, std::span<const float> values) {
  const NetcdfLock lock;
  check_size(*this, variable, values.size());
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  impl_->agree_on(impl_->collective(v, [&] { return nc_put_var_float(impl_->id, v, values.data()); }), variable);
}

void NetcdfFile::write(const std::string& variable, std::span<const std::int64_t> values) {
  const NetcdfLock lock;
  check_size(*this, variable, values.size());
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const std::vector<long long> wide(values.begin(), values.end());
  const int v = impl_->variable(variable);
  impl_->agree_on(impl_->collective(v, [&] { return nc_put_var_longlong(impl_->id, v, wide.data()); }), variable);
}

void NetcdfFile::write_strings(const std::string& variable, std::span<const std::string> values) {
  const NetcdfLock lock;
  const auto size = shape(variable);
  if (size.size() != 2 || size[0] != static_cast<Count>(values.size()))
    fail("{}: variable {} is not text of {} rows", impl_->path, variable, values.size());
  std::string text;
  for (const auto& value : values) {
    if (static_cast<Count>(value.size()) > size[1])
      fail("{}: variable {}: \"{}\" is longer than {} characters", impl_->path, variable, value, size[1]);
    text += value + std::string(size[1] - value.size(), '\0');
  }
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  impl_->agree_on(impl_->collective(v, [&] { return nc_put_var_text(impl_->id, v, text.data()); }), variable);
}

void NetcdfFile::write_slab(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                            std::span<const float> values) {
  const NetcdfLock lock;
  const std::vector<std::size_t> first(start.begin(), start.end()), size(count.begin(), count.end());
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  const int code = impl_->collective(
      v, [&] { return nc_put_vara_float(impl_->id, v, first.data(), size.data(), values.data()); });
  impl_->agree_on(code, variable);
}

void NetcdfFile::write_slab(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                            std::span<const double> values) {
  const NetcdfLock lock;
  const std::vector<std::size_t> first(start.begin(), start.end()), size(count.begin(), count.end());
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  const int code = impl_->collective(
      v, [&] { return nc_put_vara_double(impl_->id, v, first.data(), size.data(), values.data()); });
  impl_->agree_on(code, variable);
}

void NetcdfFile::write_rows(const std::string& variable, Count first, std::span<const double> values) {
  const NetcdfLock lock;
  const auto start = static_cast<std::size_t>(first), count = values.size();
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  const int code =
      impl_->collective(v, [&] { return nc_put_vara_double(impl_->id, v, &start, &count, values.data()); });
  impl_->agree_on(code, variable);
}

void NetcdfFile::write_rows(const std::string& variable, Count first, std::span<const std::int64_t> values) {
  const NetcdfLock lock;
  const auto start = static_cast<std::size_t>(first), count = values.size();
  const std::vector<long long> wide(values.begin(), values.end());
  end_definitions(impl_->id, impl_->defining, impl_->path);
  const int v = impl_->variable(variable);
  const int code =
      impl_->collective(v, [&] { return nc_put_vara_longlong(impl_->id, v, &start, &count, wide.data()); });
  impl_->agree_on(code, variable);
}

void NetcdfFile::close() {
  const NetcdfLock lock;
  const int id = impl_->id;
  impl_->id = -1;
  impl_->agree_on(nc_close(id), "could not be written to its end (is the disk full?)");
}

}  // namespace dpl
