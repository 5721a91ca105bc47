# Routing in windows of time, with discharge of all reaches streamed by all ranks: the same bits as in one window, for every
# scheme on 1 and 2 ranks, for krylov on 1, with splitting, sub-steps and intervals that span windows; and a run killed (SIGKILL)
# at random moments and resumed, also on another number of ranks, ends with the bits of one that never stopped.
# timeout: 300
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import netCDF4

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

SEED = int(os.environ.get("DPL_TEST_SEED", random.SystemRandom().randrange(10**6)))
ROUTE = ["output.discharge=all", "test.start_time=2000-01-03", "test.end_time=2000-01-30", "params.defaults={n: 0.04, p: 30, q: 0.4}"]


def results(folder):
    found = {name: {key: v.tobytes() for key, v in twin.arrays(os.path.join(folder, name)).items()} for name in ("discharge.nc", "state.nc")}
    with netCDF4.Dataset(os.path.join(folder, "discharge.nc")) as file:
        assert file.complete == 1, folder
        assert all(file["discharge"].filters()[key] for key in ("zlib", "shuffle")), file["discharge"].filters()
    assert not os.path.exists(os.path.join(folder, "windows")), folder
    return found


def route(ranks, config, *settings):
    done = twin.run(ranks, "route", config, *ROUTE, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return results(twin.run_folder_of(done.stdout))


def check_windows(config):
    found = []
    split = ["routing.split=max_length", "routing.split.max_length_m=4000", "routing.substeps=2"]
    cases = [["routing.scheme=conservative", *split], ["routing.scheme=conservative", "output.interval_h=1", "precision=double"],
             ["routing.scheme=conservative", "routing.solver=krylov", "precision=double"],
             ["routing.scheme=positive", *split, "output.interval_h=120", "params.tau=-20"],
             ["routing.scheme=positive", "routing.solver=krylov", "precision=double"],
             ["routing.scheme=published", "output.interval_h=24"], ["routing.scheme=exact_celerity", "routing.initial_state=zero"],
             ["routing.scheme=corrected", "routing.readout=inflow", "output.interval_h=7"],
             ["routing.scheme=muskingum", "output.interval_h=1"]]
    for case in cases:
        whole = route(1, config, *case)
        # krylov on 2 ranks is another order of sums, in one window too.
        for ranks, days, gib in ((1, 1, 0), (1 if "routing.solver=krylov" in case else 2, 11, 2)):
            other = route(ranks, config, *case, f"memory.window_days={days}", f"memory.input_gib={gib}")
            for name in whole:
                found += [f"{case}: {name} {key} differs in windows of {days} days on {ranks} ranks" for key in whole[name]
                          if whole[name][key] != other[name].get(key)]
    return found


def killed(ranks, config, settings, wait, draw):
    """The run folder of a routing one of whose ranks is killed, if it lasts that long: after `wait` seconds, or, where that is None, soon
    after its first window was written."""
    process = subprocess.Popen([twin.MPIEXEC, "-n", str(ranks), twin.HPC, "route", config, *ROUTE, *settings],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.startswith("run folder: "):
            folder = line.split(": ", 1)[1].strip()
            break
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        children = file.read().split()
    if wait is None:
        while process.poll() is None and not os.path.exists(progress_of(folder)):
            time.sleep(0.001)
        wait = draw.uniform(0, 0.02)
    time.sleep(wait)
    if children:
        try:
            os.kill(int(draw.choice(children)), signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.stdout.read()
    process.wait(timeout=60)  # mpirun ends the other rank
    process.stdout.close()
    return folder


def progress_of(folder):
    return os.path.join(folder, "windows", "progress.nc")


def check_kill(config, draw):
    settings = ["memory.window_days=1", "memory.input_gib=0", "output.interval_h=5"]
    whole = route(1, config, *settings[2:])
    begin = time.time()
    route(2, config, *settings)
    lasts = time.time() - begin
    found, stopped, windows = [], 0, set()
    for ranks, then in ((1, 1), (2, 2), (1, 2), (2, 1)):
        folder = killed(ranks, config, settings, None, draw)
        for _ in range(2):
            if os.path.exists(os.path.join(folder, "discharge.nc")):
                break
            if os.path.exists(progress_of(folder)):
                with netCDF4.Dataset(progress_of(folder)) as file:
                    assert file.complete == 0 and file.last_complete_time.startswith("2000-0"), file
                    windows.add(int(file.windows))
                    stopped += 1
            killed(then, config, [*settings, "resume=" + folder], draw.uniform(0, 0.5 * lasts), draw)
        done = twin.run(then, "route", config, *ROUTE, *settings, "resume=" + folder)
        if done.returncode != 0:
            found.append(f"{ranks} then {then} ranks: {done.stdout} {done.stderr}")
        elif results(folder) != whole:
            found.append(f"{ranks} then {then} ranks: other bits after a kill")
    if stopped < 2:
        found.append(f"only {stopped} kills left progress behind; windows {windows}")
    return found


def check_refused(config, draw):
    """An interrupted run goes on with its own configuration and parameters only."""
    settings = ["memory.window_days=1"]
    for _ in range(5):
        folder = killed(2, config, settings, None, draw)
        if os.path.exists(progress_of(folder)):
            break
    else:
        return ["no kill left progress behind"]
    found = []
    for setting, word in (("routing.q_min=0.5", "q_min: 0.5"), ("params.defaults={n: 0.05, p: 30, q: 0.4}", "n: 0.05")):
        done = twin.run(2, "route", config, *ROUTE, *settings, setting, "resume=" + folder)
        if done.returncode != 1 or done.stderr.count("error:") != 1 or word not in done.stderr:
            found.append(f"{setting}: {done.returncode} {done.stderr}")
    return found


def main():
    print("seed", SEED)
    draw = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        found = check_windows(config) + check_kill(config, draw) + check_refused(config, draw)
    print("\n".join(found + [f"{len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
