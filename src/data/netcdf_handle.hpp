// What netcdf_file.cpp and netcdf_writer.cpp share: the open file and the checked call.
#pragma once

#include <netcdf.h>
#include <netcdf_par.h>

#include "dpl/data/netcdf_file.hpp"

namespace dpl {

/// Throws Error "PATH: WHAT: reason" for a failed call.
void check_netcdf(int code, const std::string& path, const std::string& what);

struct NetcdfFile::Impl {
  std::string path;
  int id = -1;
  const Communicator* comm = nullptr;   // null: private to this rank
  bool parallel = false;
  bool defining = false;

  ~Impl();
  int variable(const std::string& name) const;   // throws Error, suggests the nearest name

  template <class Call>
  int collective(int variable, Call call) const {
    if (parallel)
      if (const int code = nc_var_par_access(id, variable, NC_COLLECTIVE); code != NC_NOERR) return code;
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
