# Twins with known parameters: n is found again from 8 gauges (a function of drained area) and from one gauge (a function of
# attributes, half of them irrelevant), hourly observations with 5 % noise, 300 updates.
# timeout: 400
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

# config, smallest correlation, largest median relative error (%)
CASES = (("twin", 0.9, 6.0), ("twin_attributes", 0.85, 18.0))


def by_id(path, name):
    with netCDF4.Dataset(path) as file:
        return dict(zip((int(i) for i in file["reach_id"][:]), file[name][:].filled(np.nan)))


def recover(config, folder):
    environment = dict(os.environ, DPL_TWIN=os.path.join(folder, config))
    path = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", config + ".yaml")
    for arguments in (["synth", path], ["train", path, "output=" + folder, "test.baselines=[]"]):
        done = subprocess.run([os.environ["DPL_HPC"], *arguments], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    run = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1]
    learned = by_id(os.path.join(run, "parameters.nc"), "n")
    truth = by_id(os.path.join(folder, config, "truth.nc"), "n")
    a, b = (np.array([n[i] for i in truth]) for n in (learned, truth))
    return np.corrcoef(a, b)[0, 1], 100 * np.median(np.abs(a / b - 1))


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for config, correlation, error in CASES:
            r, e = recover(config, folder)
            print(f"{config}: correlation {r:.3f} (at least {correlation}), median relative error {e:.1f} % (at most {error})")
            failed = failed or not (r >= correlation and e <= error)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
