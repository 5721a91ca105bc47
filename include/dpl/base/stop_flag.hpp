// SIGTERM and SIGUSR1 ask the run to stop at its next update.
#pragma once

namespace dpl {

/// From now on the two signals only set a flag. Call after MPI and PETSc have started (they install handlers too).
void install_stop_signals();

/// **Local:** true once a signal has come. Ranks may differ: ask `comm.any(stop_requested())`.
bool stop_requested();

/// Sets or clears the flag as a signal would.
void request_stop(bool stop = true);

}  // namespace dpl
