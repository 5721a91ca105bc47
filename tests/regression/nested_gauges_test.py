# Parameters learned at the outlet only are better inside the basin than no learning and than the best uniform n: a twin whose
# n follows attributes, median NSE of the gauges above the outlet against discharge without noise, two seeds.
# one process
# timeout: 300
import csv
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

SEEDS = (1, 2)
SETTINGS = ("synth.gauges=9",)


def run(verb, seed, folder, *more):
    path = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", "twin_attributes.yaml")
    environment = dict(os.environ, DPL_TWIN=os.path.join(folder, "domain"))
    done = subprocess.run([os.environ["DPL_HPC"], verb, path, f"seed={seed}", "output=" + folder, *SETTINGS, *more],
                          capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def score_without_noise(folder):
    """Observations of the test year become the true discharge; training still sees the noise."""
    with netCDF4.Dataset(os.path.join(folder, "domain", "truth.nc")) as truth, \
            netCDF4.Dataset(os.path.join(folder, "domain", "observations.nc"), "a") as observed:
        row = {int(reach): k for k, reach in enumerate(truth["reach_id"][:])}
        first = (366 + 365 + 365) * 24  # the test year is 2003
        for g, reach in enumerate(observed["reach_id"][:]):
            observed["discharge"][g, first:] = truth["discharge"][row[int(reach)], first:]


def inner_scores(output):
    folder = [line.split(": ", 1)[1] for line in output.splitlines() if line.startswith("run folder: ")][-1]
    with open(os.path.join(folder, "metrics_by_gauge.csv"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["gauge_id"] != "00000001"]
    of = {name: [float(r["nse"]) for r in rows if r["contender"] == name] for name in ("learned", "untrained", "uniform")}
    assert all(len(values) == 8 for values in of.values()), of
    return {name: float(np.median(values)) for name, values in of.items()}


def main():
    failed = False
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            run("synth", seed, folder)
            score_without_noise(folder)
            nse = inner_scores(run("train", seed, folder, "experiment.gauges=['00000001']", "test.baselines=[untrained, uniform]"))
        print(f"seed {seed}, median NSE of 8 inner gauges: " + ", ".join(f"{name} {value:.5f}" for name, value in nse.items()))
        failed = failed or not nse["learned"] > max(nse["untrained"], nse["uniform"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
