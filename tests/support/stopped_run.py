"""Trainings that are stopped or killed while they run, for the regression tests."""
import glob
import os
import signal
import subprocess

import twin_run as twin


def start(ranks, config, *settings):
    """A training on some ranks in a session of its own, and its run folder."""
    process = subprocess.Popen([twin.MPIEXEC, "-n", str(ranks), twin.HPC, "train", config, *settings],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    for line in process.stdout:
        if line.startswith("run folder: "):
            return process, line.split(": ", 1)[1].strip()
    raise AssertionError("the training ended before it named its run folder")


def ranks_of(process):
    """Process ids of the ranks, in their order: children of mpirun."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True).stdout
    return [int(pid) for pid in listed.split()]


def kill(pid, how=signal.SIGKILL):
    """Whether the process was still there to be reached."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True


def end(process):
    """mpirun ends the other ranks; nothing may be left."""
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError("the other ranks did not end within 30 s")
    process.stdout.close()


def temporary_checkpoints(folder):
    try:
        return [name for name in os.listdir(os.path.join(folder, "checkpoints")) if "tmp" in name]
    except FileNotFoundError:
        return []


def complete_checkpoints(folder):
    return glob.glob(os.path.join(folder, "checkpoints", "update_??????", "DONE"))
