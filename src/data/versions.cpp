// Versions of HDF5 and netCDF.
#include "dpl/data/versions.hpp"

#include <hdf5.h>
#include <netcdf.h>
#include <netcdf_meta.h>

#include <string>

#include "dpl/base/version_line.hpp"

namespace dpl {

std::string data_versions() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
#ifdef H5_HAVE_PARALLEL
  const char* hdf5_kind = "parallel";
#else
  const char* hdf5_kind = "serial";
#endif
  const std::string netcdf = nc_inq_libvers();  // "4.9.0 of ..."
  return version_line("HDF5", fmt::format("{}.{}.{}", major, minor, release), hdf5_kind) +
         version_line("netCDF", netcdf.substr(0, netcdf.find(' ')),
                      NC_HAS_PARALLEL4 ? "parallel netCDF-4" : "no parallel netCDF-4");
}

}  // namespace dpl
