// PETSc's failures become one Error and nothing else: no trace, no abort.
#include <gtest/gtest.h>
#include <petscsf.h>

#include <string>

#include "dpl/base/error.hpp"
#include "dpl/coupling/petsc_call.hpp"

namespace dpl {
namespace {

TEST(PetscCall, SuccessIsSilent) { EXPECT_NO_THROW(petsc_check(0, "PetscSFCreate")); }

TEST(PetscCall, FailureIsOneLineThatNamesTheCallAndTheReason) {
  PetscSF forest = nullptr;
  petsc_check(PetscSFCreate(PETSC_COMM_SELF, &forest), "PetscSFCreate");
  testing::internal::CaptureStderr();
  std::string words;
  try {
    petsc_check(PetscSFSetType(forest, "maple"), "PetscSFSetType");
  } catch (const Error& error) {
    words = error.what();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "PETSc prints nothing";
  EXPECT_NE(words.find("PetscSFSetType failed"), std::string::npos) << words;
  EXPECT_NE(words.find("maple"), std::string::npos) << words;
  EXPECT_EQ(words.find('\n'), std::string::npos) << words;
  petsc_check(PetscSFDestroy(&forest), "PetscSFDestroy");
}

}  // namespace
}  // namespace dpl
