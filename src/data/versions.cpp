// Versions of HDF5 and netCDF.
#include "dpl/data/versions.hpp"

#include <dlfcn.h>
#include <netcdf.h>
#include <netcdf_meta.h>

#include <string>

#include "dpl/base/version_line.hpp"

namespace dpl {
namespace {

// netCDF alone names HDF5 in the link; its library is asked by name in the running process.
std::string hdf5_line() {
  using VersionFunction = int (*)(unsigned*, unsigned*, unsigned*);
  const auto version = reinterpret_cast<VersionFunction>(dlsym(RTLD_DEFAULT, "H5get_libversion"));
  if (version == nullptr) return version_line("HDF5", "unknown", "inside netCDF");
  unsigned major = 0, minor = 0, release = 0;
  version(&major, &minor, &release);
  const bool parallel = dlsym(RTLD_DEFAULT, "H5Pset_fapl_mpio") != nullptr;
  return version_line("HDF5", fmt::format("{}.{}.{}", major, minor, release), parallel ? "parallel" : "serial");
}

}  // namespace

std::string data_versions() {
  const std::string netcdf = nc_inq_libvers();  // "4.9.0 of ..."
  return hdf5_line() + version_line("netCDF", netcdf.substr(0, netcdf.find(' ')),
                                    NC_HAS_PARALLEL4 ? "parallel netCDF-4" : "no parallel netCDF-4");
}

}  // namespace dpl
