// Checked MPI calls: a failure becomes an Error.
#pragma once

namespace dpl {

/// **Local:** throws Error with MPI's words when `code` is not MPI_SUCCESS. `call` names the function in the message.
void mpi_check(int code, const char* call);

}  // namespace dpl
