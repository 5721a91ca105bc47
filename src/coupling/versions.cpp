// Version of PETSc.
#include "dpl/coupling/versions.hpp"

#include <petscsys.h>

#include "dpl/base/version_line.hpp"

namespace dpl {

std::string coupling_versions() {
  PetscInt major = 0, minor = 0, subminor = 0, release = 0;
  PetscGetVersionNumber(&major, &minor, &subminor, &release);
#ifdef PETSC_USE_COMPLEX
  const char* scalars = "complex";
#else
  const char* scalars = "real";
#endif
  return version_line(
      "PETSc", fmt::format("{}.{}.{}", major, minor, subminor),
      fmt::format("{} scalars of {} bytes, indices of {} bytes", scalars, sizeof(PetscScalar), sizeof(PetscInt)));
}

}  // namespace dpl
