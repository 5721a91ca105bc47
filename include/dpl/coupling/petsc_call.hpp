// Checked PETSc calls: a failure becomes an Error.
#pragma once

#include <petscsys.h>

namespace dpl {

/// **Local:** throws Error with PETSc's words when `code` is not 0. `call` names the function in the message.
void petsc_check(PetscErrorCode code, const char* call);

}  // namespace dpl
