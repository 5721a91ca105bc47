# Splitting reaches converges: hourly discharge at all reaches of twins on coarse grids against a fine one (sub-reaches of
# 250 m, 150 s), as Nash-Sutcliffe efficiency, three seeds. Finer is better; the unsplit grid is visibly off, so it is no easy task.
# one process
# timeout: 300
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

# name, settings of routing
GRIDS = (("as given", []),
         ("at most 8 km", ["routing.split={method: max_length, max_length_m: 8000}"]),
         ("at most 5 km", ["routing.split={method: max_length, max_length_m: 5000}"]),
         ("at most 2.5 km, 2 sub-steps", ["routing.split={method: max_length, max_length_m: 2500}", "routing.substeps=2"]))
REFERENCE = ["routing.split={method: max_length, max_length_m: 250}", "routing.substeps=24"]
SIZE = ["synth.truth=area", "synth.reaches=213", "synth.days=120"]
SEEDS = (1, 2, 3)
SAME_AT_OUTLET = 1e-4  # there 8 km and 5 km are alike: fast main stems need shorter steps for shorter sub-reaches


def discharge(config, settings):
    done = subprocess.run([twin.HPC, "route", config, "output.discharge=all", "output.interval_h=1", "routing.chunk_steps=0",
                           "routing.pieces_per_rank=0", "params.tau=0",
                           "params.source=" + os.path.join(os.path.dirname(config), "domain", "truth.nc"), *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with netCDF4.Dataset(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc")) as file:
        return file["discharge"][:].filled(np.nan)


def efficiency(simulated, reference):
    skip = 10 * 24  # from other starts
    s, r = simulated[:, skip:], reference[:, skip:]
    return 1 - ((s - r) ** 2).sum(axis=1) / ((r - r.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)


def table_of(seed):
    """Per grid: efficiency at the outlet, its 5 % quantile and its median over all reaches."""
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder, *SIZE, f"seed={seed}")
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text.replace("2000-04-30, end_time: 2000-06-08", "2000-01-01, end_time: 2000-04-29"))
        with netCDF4.Dataset(os.path.join(folder, "domain", "network.nc")) as file:
            outlet = int(np.flatnonzero(file["downstream_id"][:] == 0)[0])
        reference = discharge(config, REFERENCE)
        rows = [efficiency(discharge(config, settings), reference) for _, settings in GRIDS]
    return [(e[outlet], np.quantile(e, 0.05), np.median(e)) for e in rows]


def main():
    failed = False
    for seed in SEEDS:
        table = table_of(seed)
        for (name, _), (at_outlet, low, median) in zip(GRIDS, table):
            print(f"seed {seed}, {name:<28} outlet {at_outlet:.5f}  5 % {low:.5f}  median {median:.5f}")
        in_order = all(b[1] > a[1] and b[2] > a[2] and b[0] > a[0] - SAME_AT_OUTLET for a, b in zip(table, table[1:]))
        failed = failed or not (in_order and 0.99 < table[0][2] < 0.9995 <= table[2][2])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
