# Calibration of a river gauge by gauge: better than one set for all, the same results on 1, 2 and 3 ranks, after a signal and
# a resumption; a gauge's set does not depend on gauges that are not above it; errors in one line.
# timeout: 300
import csv
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import calibrate_run
import twin_run as twin
from calibrate_run import check_refused

# Long chunks: few messages, since every routing of the period waits for them.
SEARCH = ["calibration.complexes=2", "calibration.evaluations=14", "network.learnable_parameters=[n]",
          "experiment.loss=nse_batch", "experiment.warmup=5", "routing.chunk_steps=720", "routing.pieces_per_rank=1"]
OVER_TRAINING = ["test.start_time=2000-01-01", "test.end_time=2000-04-29"]


def places(folder):
    return calibrate_run.places(folder, settings=True)


def calibrate(ranks, config, *settings):
    done = twin.run(ranks, "calibrate", config, *SEARCH, *settings, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return twin.run_folder_of(done.stdout), done.stdout


def rows(folder, name):
    with open(os.path.join(folder, name)) as file:
        return list(csv.DictReader(file))


def same(a, b):
    assert places(a) == places(b) and places(a), f"calibrated sets differ: {a} {b}"
    for name in ("calibration.csv", "metrics_by_gauge.csv"):
        assert twin.text(a, name) == twin.text(b, name), f"{name} differs: {a} {b}"
    first, second = (twin.arrays(os.path.join(run, "parameters.nc")) for run in (a, b))
    assert all(first[k].tobytes() == second[k].tobytes() for k in first) and len(first) > 3, f"{a} {b}"


def check_better_than_uniform(config):
    run, _ = calibrate(1, config, *OVER_TRAINING, "test.baselines=[uniform]",
                       "calibration.evaluations=40")
    with open(os.path.join(run, "metrics.json")) as file:
        metrics = json.load(file)
    of = {name: metrics[name]["training_loss"] for name in ("calibrated", "uniform")}
    assert of["calibrated"] < 0.99 * of["uniform"], of
    told = {row["gauge_id"]: float(row["nse"]) for row in rows(run, "calibration.csv")}
    scored = {row["gauge_id"]: float(row["nse"]) for row in rows(run, "metrics_by_gauge.csv")
              if row["contender"] == "calibrated"}
    assert told.keys() == scored.keys() and len(told) == 4, (told, scored)
    # The search routes the period at once, the score reads the same means: only the sums of the efficiency differ.
    assert all(abs(told[k] - scored[k]) < 1e-9 for k in told), (told, scored)
    return of


def check_without_others(config, whole):
    """A gauge with none above it, alone: its own set, and the defaults elsewhere."""
    top = next(row for row in rows(whole, "calibration.csv") if row["gauges_above"] == "0")
    alone, _ = calibrate(1, config, f"experiment.gauges=['{top['gauge_id']}']", f"test.gauges=['{top['gauge_id']}']")
    name = top["gauge_id"] + ".json"
    assert places(alone) == {name: places(whole)[name]}, name
    n = twin.arrays(os.path.join(alone, "parameters.nc"))["n"]
    assert (n != 0.1).sum() == int(top["reaches"]), (n, top)


def check_resume(config, whole):
    process = subprocess.Popen([twin.MPIEXEC, "-n", "2", twin.HPC, "calibrate", config, *SEARCH],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    while line and not line.startswith("run folder"):
        line = process.stdout.readline()
    folder = line.split(": ", 1)[1].strip()
    os.kill(process.pid, signal.SIGTERM)  # mpirun passes it on
    process.communicate()
    same(whole, calibrate(3, config, "resume=" + folder)[0])
    os.remove(sorted(glob.glob(os.path.join(folder, "places", "*")))[-1])
    _, output = calibrate(1, config, "resume=" + folder)
    assert "3 of 4 gauges are calibrated already" in output, output
    same(whole, folder)


def check_errors(config, whole):
    broken = whole + "_broken"
    shutil.copytree(whole, broken)
    with open(sorted(glob.glob(os.path.join(broken, "places", "*")))[0], "r+") as file:
        file.truncate(20)
    check_refused(config, SEARCH, (
        (["resume=" + whole, "calibration.complexes=3"], ["calibrated with", "complexes 2"]),
        (["resume=" + whole, "params.tau=4"], ["calibrated with", "tau: 3"]),
        (["resume=" + broken], ["not a result of a calibration", "remove it"]),
        (["calibration.evaluations=5"], ["calibration.evaluations is 5", "at least 6"]),
        (["calibration.method=gradient"], ["calibration.method", "sce_ua"]),
        (["routing.scheme=summed"], ["routing.scheme", "nothing to learn"])))


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        whole, _ = calibrate(1, config)
        for ranks in (2, 3):
            same(whole, calibrate(ranks, config)[0])
        loss = check_better_than_uniform(config)
        check_without_others(config, whole)
        check_resume(config, whole)
        check_errors(config, whole)
    print(f"1 = 2 = 3 ranks, alone = together, stopped and resumed = never stopped; training loss {loss}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
