// What netcdf_file.cpp and netcdf_writer.cpp share: the open file and the checked call.
#pragma once

#include <netcdf.h>
#include <netcdf_par.h>

#include <mutex>

#include "dpl/data/netcdf_file.hpp"

namespace dpl {

/// Held around every call of the library, which allows no two at once (HDF5 is built without thread safety): the main
/// thread may write while another reads ahead. Who holds it may wait for other ranks; the reading threads never do, so no
/// circle can close.
class NetcdfLock {
  std::lock_guard<std::recursive_mutex> held_{mutex()};
  static std::recursive_mutex& mutex();
};

/// Throws Error "PATH: WHAT: reason" for a failed call.
void check_netcdf(int code, const std::string& path, const std::string& what);

struct NetcdfFile::Impl {
  std::string path;
  int id = -1;
  const Communicator* comm = nullptr;   // null: private to this rank
  bool parallel = false;
  bool defining = false;

  ~Impl();
  template <class Real>
  std::vector<Real> read(const std::string& variable, std::span<const Count> start, std::span<const Count> count) const;
  int variable(const std::string& name) const;   // throws Error, suggests the nearest name

  template <class Call>
  int collective(int variable, Call call) const {
    if (parallel)
      if (const int code = nc_var_par_access(id, variable, NC_COLLECTIVE); code != NC_NOERR) return code;
    return call();
  }
  template <class Call>
  int independent(int variable, Call call) const {
    if (parallel)
      if (const int code = nc_var_par_access(id, variable, NC_INDEPENDENT); code != NC_NOERR) return code;
    return call();
  }
  void agree_on(int code, const std::string& what) const {
    if (comm)
      agree(*comm, "netCDF", [&] { check_netcdf(code, path, what); });
    else
      check_netcdf(code, path, what);
  }
};

}  // namespace dpl
