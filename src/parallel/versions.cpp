// Versions of MPI and NCCL.
#include "dpl/parallel/versions.hpp"

#include <mpi.h>

#include <string>

#include "dpl/base/version_line.hpp"
#ifdef DPL_CUDA
#include <nccl.h>
#endif

namespace dpl {

std::string parallel_versions() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0, major = 0, minor = 0;
  MPI_Get_library_version(text, &length);
  MPI_Get_version(&major, &minor);
  std::string library(text, length);
  library = library.substr(0, library.find_first_of("\n\r"));
  std::string lines = version_line("MPI", fmt::format("{}.{}", major, minor), library);
#ifdef DPL_CUDA
  lines += version_line("NCCL", fmt::format("{}.{}.{}", NCCL_MAJOR, NCCL_MINOR, NCCL_PATCH), "");
#else
  lines += version_line("NCCL", "-", "not built in");
#endif
  return lines;
}

}  // namespace dpl
