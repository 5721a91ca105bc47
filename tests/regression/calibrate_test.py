# Calibration basin by basin: the same results on 1, 2 and 4 ranks, after a signal and a resumption, and whichever basins
# take part together; the value of the objective that is told is that of the stored parameters; errors in one line.
# timeout: 300
import csv
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin
from calibrate_run import check_refused, places

SEARCH = ["runoff.nmul=1", "calibration.complexes=2", "calibration.evaluations=400"]
FILES = ("calibration.csv", "metrics_by_basin.csv")


def calibrate(ranks, config, *settings):
    done = twin.run(ranks, "calibrate", config, *SEARCH, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return twin.run_folder_of(done.stdout)


def same(a, b):
    assert places(a) == places(b) and places(a), f"calibrated sets differ: {a} {b}"
    for name in FILES:
        assert twin.text(a, name) == twin.text(b, name), f"{name} differs: {a} {b}"
    for name in ("runoff.nc", "parameters.nc"):
        first, second = (twin.arrays(os.path.join(run, name)) for run in (a, b))
        assert all(first[k].tobytes() == second[k].tobytes() for k in first) and len(first) > 3, f"{name}: {a} {b}"


def check_curves(folder):
    for name, place in places(folder).items():
        values = [value for _, value in place["curve"]]
        assert values == sorted(values, reverse=True) and values[-1] == place["value"], name
        assert place["evaluations"] <= 400 and place["curve"][-1][0] <= place["evaluations"], name
        assert place["value"] < 0.6, f"{name}: NSE {1 - place['value']} in the training period"


def check_training_period_scored(config):
    """Scored over the period it was calibrated in, a set has the NSE that the search told."""
    run = calibrate(1, config, "test.start_time=2000-02-01", "test.end_time=2001-06-30", "runoff.hydrograph_b=1")
    told = {place["place_id"]: 1 - place["value"] for place in places(run).values()}
    with open(os.path.join(run, "metrics_by_basin.csv")) as file:
        scored = {row["place_id"]: float(row["nse"]) for row in csv.DictReader(file)}
    assert told.keys() == scored.keys() and all(abs(told[k] - scored[k]) < 1e-6 for k in told), (told, scored)
    b = twin.arrays(os.path.join(run, "parameters.nc"))["unit_hydrograph_b"]  # its range ends at 1 here
    assert b.tolist() == [place["shares"][-1] for place in places(run).values()], b


def check_together(config, whole, folder):
    some = os.path.join(folder, "some.txt")
    with open(some, "w") as file:
        file.writelines(f"{k:08}\n" for k in (3, 7))
    alone = places(calibrate(1, config, "basins.train=" + some))
    assert len(alone) == 2
    for name, result in alone.items():
        assert result == places(whole)[name], f"{name}: another result without the other basins"


def check_stop(config, whole):
    """SIGTERM to one of two ranks before the end, then other ranks; the basins that were finished are not run again."""
    settings = ["calibration.evaluations=400", "output.folder=" + os.path.dirname(os.path.dirname(whole)) + "_stopped"]
    process = subprocess.Popen([twin.MPIEXEC, "-n", "2", twin.HPC, "calibrate", config, *SEARCH, *settings],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    while line and not line.startswith("run folder"):
        line = process.stdout.readline()
    folder = line.split(": ", 1)[1].strip()
    os.kill(process.pid, signal.SIGTERM)  # mpirun passes it on
    process.communicate(timeout=60)
    finished = len(places(folder))
    resumed = twin.run(3, "calibrate", config, *SEARCH, *settings, "resume=" + folder)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    same(whole, folder)
    name = sorted(glob.glob(os.path.join(folder, "places", "*")))[0]
    os.remove(name)
    again = twin.run(1, "calibrate", config, *SEARCH, *settings, "resume=" + folder)
    count = len(places(whole))
    assert f"{count - 1} of {count} basins are calibrated already" in again.stdout, again.stdout
    same(whole, folder)
    return finished


def check_errors(config, whole):
    broken = whole + "_broken"
    shutil.copytree(whole, broken)
    with open(sorted(glob.glob(os.path.join(broken, "places", "*")))[0], "r+") as file:
        file.truncate(20)
    check_refused(config, SEARCH, (
        (["resume=" + whole, "calibration.complexes=3"], ["calibrated with", "complexes 2"]),
        (["resume=" + whole, "runoff.hydrograph_b=1"], ["calibrated with", "b up to 6.5"]),
        (["resume=" + broken], ["not a result of a calibration", "remove it"]),
        (["calibration.evaluations=60"], ["calibration.evaluations is 60", "at least"]),
        (["runoff.dynamic=[BETA]"], ["runoff.dynamic", "BETA"]),
        (["experiment.targets.soil_moisture=1"], ["streamflow alone"]),
        (["calibration.objective=mse"], ["calibration.objective", "nse, kge, rmse"])))


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        whole = calibrate(1, config)
        check_curves(whole)
        for ranks in (2, 4):
            same(whole, calibrate(ranks, config))
        check_training_period_scored(config)
        check_together(config, whole, folder)
        finished = check_stop(config, whole)
        check_errors(config, whole)
    print(f"1 = 2 = 4 ranks, alone = together, stopped after {finished} basins and resumed on 3 ranks = never stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
