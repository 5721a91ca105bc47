// The main of all test programs: GoogleTest under MPI. Rank 0 prints; every rank's failure fails the program.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "dpl/coupling/boundary_exchange.hpp"
#include "dpl/parallel/communicator.hpp"

int main(int argc, char** argv) {
  dpl::MpiSession mpi(&argc, &argv);
  const dpl::Communicator comm;
  dpl::PetscSession petsc(comm);
  testing::InitGoogleTest(&argc, argv);
  if (const char* ranks = std::getenv("DPL_TEST_RANKS"); ranks && std::atoi(ranks) != comm.size()) {
    std::cerr << "the test runs on " << comm.size() << " ranks, its ctest line says " << ranks << "\n";
    return 1;
  }
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (!comm.is_root()) delete listeners.Release(listeners.default_result_printer());
  const std::int64_t failed = RUN_ALL_TESTS();
  if (failed && !comm.is_root()) std::cerr << "rank " << comm.rank() << " failed a test\n";
  return comm.max(failed) == 0 ? 0 : 1;
}
