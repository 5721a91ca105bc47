// Start and end of PETSc, and its errors as exceptions.
#include <petscsys.h>

#include "dpl/base/error.hpp"
#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/coupling/petsc_call.hpp"

namespace dpl {

void petsc_check(PetscErrorCode code, const char* call) {
  if (code == 0) return;
  const char* words = nullptr;
  char* detail = nullptr;
  PetscErrorMessage(code, &words, &detail);
  fail("PETSc: {} failed with error {}: {}{}{}", call, static_cast<int>(code), words ? words : "unknown error",
       detail && *detail ? "; " : "", detail && *detail ? detail : "");
}

PetscSession::PetscSession(const Communicator& comm) {
#ifdef PETSC_USE_COMPLEX
  fail("PETSc: this library has complex scalars, real ones are needed; build against a PETSc with real scalars");
#endif
  PETSC_COMM_WORLD = comm.mpi();
  // Signals stay with the program (it stops at a step's end), and no file in a user's folder may change a run.
  petsc_check(PetscOptionsSetValue(nullptr, "-no_signal_handler", "1"), "PetscOptionsSetValue");
  petsc_check(PetscOptionsSetValue(nullptr, "-skip_petscrc", "1"), "PetscOptionsSetValue");
  petsc_check(PetscInitializeNoArguments(), "PetscInitializeNoArguments");
  petsc_check(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr), "PetscPushErrorHandler");
}

PetscSession::~PetscSession() {
  PetscBool started = PETSC_FALSE;
  if (PetscInitialized(&started) != 0 || !started) return;
  // A destructor has nobody to tell: the process ends next.
  if (PetscPopErrorHandler() != 0) return;
  static_cast<void>(PetscFinalize());
}

}  // namespace dpl
