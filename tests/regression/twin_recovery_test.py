# Twins with known parameters: n is found again from 8 gauges (a function of drained area) and from one gauge (a function of
# attributes, half of them irrelevant), hourly observations with 5 % noise, 300 updates; the error is at most half of that of the
# uniform n that is best in training, and the discharge of the test year is right.
# one process
# timeout: 600
import json
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

# config, smallest correlation, largest median relative error (%)
CASES = (("twin", 0.9, 6.0), ("twin_attributes", 0.85, 18.0))
SMALLEST_NSE = 0.97


def by_id(path, name):
    with netCDF4.Dataset(path) as file:
        return dict(zip((int(i) for i in file["reach_id"][:]), file[name][:].filled(np.nan)))


def recover(config, folder):
    environment = dict(os.environ, DPL_TWIN=os.path.join(folder, config))
    path = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", config + ".yaml")
    for arguments in (["synth", path], ["train", path, "output=" + folder, "test.baselines=[uniform]"]):
        done = subprocess.run([os.environ["DPL_HPC"], *arguments], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    run = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1]
    learned = by_id(os.path.join(run, "parameters.nc"), "n")
    truth = by_id(os.path.join(folder, config, "truth.nc"), "n")
    a, b = (np.array([n[i] for i in truth]) for n in (learned, truth))
    with open(os.path.join(run, "metrics.json")) as file:
        metrics = json.load(file)
    uniform = 100 * np.median(np.abs(metrics["uniform"]["n"] / b - 1))
    return np.corrcoef(a, b)[0, 1], 100 * np.median(np.abs(a / b - 1)), uniform, metrics["learned"]["nse"]["median"]


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for config, correlation, error in CASES:
            r, e, uniform, nse = recover(config, folder)
            print(f"{config}: correlation {r:.3f} (at least {correlation}), median relative error {e:.1f} % (at most {error}), of the "
                  f"best uniform n {uniform:.1f} % (at least twice that), test NSE {nse:.4f} (above {SMALLEST_NSE})")
            failed = failed or not (r >= correlation and e <= error and e <= uniform / 2 and nse > SMALLEST_NSE)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
