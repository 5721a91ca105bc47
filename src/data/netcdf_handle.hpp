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
  mutable int own_id = -1;              // opened where runs of rows are read from a parallel file
  const Communicator* comm = nullptr;   // null: private to this rank
  bool parallel = false;
  bool defining = false;

  ~Impl();
  template <class Real>
  std::vector<Real> read(const std::string& variable, std::span<const Count> start, std::span<const Count> count,
                         bool whole) const;   // whole: all ranks read all
  template <class Real>
  void read(const std::string& variable, std::span<const Count> start, std::span<const Count> count, bool whole,
            std::vector<Real>& values) const;
  int variable(const std::string& name) const;   // throws Error, suggests the nearest name

  template <class Call>
  int collective(int variable, Call call) const {
    if (parallel)
      if (const int code = nc_var_par_access(id, variable, NC_COLLECTIVE); code != NC_NOERR) return code;
    return call();
  }
  /// Runs of rows, which may overlap those of other ranks: the rank reads through a handle of its own. Collective reads of
  /// OMPIO (Open MPI 4.1.4) give wrong numbers where runs overlap, and netCDF has no independent reads of compressed variables.
  template <class Call>
  int by_this_rank(Call call) const {
    if (!parallel) return call(id);
    if (own_id < 0)
      if (const int code = nc_open(path.c_str(), NC_NOWRITE, &own_id); code != NC_NOERR) return own_id = -1, code;
    return call(own_id);
  }
  void agree_on(int code, const std::string& what) const {
    if (comm)
      agree(*comm, "netCDF", [&] { check_netcdf(code, path, what); });
    else
      check_netcdf(code, path, what);
  }
};

}  // namespace dpl
