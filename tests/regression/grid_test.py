# Splitting reaches converges: discharge at all reaches of a twin with flashy hourly inflow on coarse grids against a fine one
# (sub-reaches of 250 m, 150 s), as Nash-Sutcliffe efficiency of hourly and of daily means. The finer grid is never worse.
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


def discharge(config, settings):
    done = subprocess.run([twin.HPC, "route", config, "output.discharge=all", "output.interval_h=1", "routing.chunk_steps=0",
                           "routing.pieces_per_rank=0", "params.tau=0",
                           "params.source=" + os.path.join(os.path.dirname(config), "domain", "truth.nc"), *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with netCDF4.Dataset(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc")) as file:
        return file["discharge"][:].filled(np.nan)


def efficiency(simulated, reference, hours):
    skip = 10 * 24  # from other starts
    s, r = (x[:, skip:].reshape(len(x), -1, hours).mean(axis=2) for x in (simulated, reference))
    return 1 - ((s - r) ** 2).sum(axis=1) / ((r - r.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder, *SIZE)
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text.replace("2000-04-30, end_time: 2000-06-08", "2000-01-01, end_time: 2000-04-29"))
        with netCDF4.Dataset(os.path.join(folder, "domain", "network.nc")) as file:
            outlet = int(np.flatnonzero(file["downstream_id"][:] == 0)[0])
        reference = discharge(config, REFERENCE)
        rows = {1: [], 24: []}
        for name, settings in GRIDS:
            simulated = discharge(config, settings)
            for hours, table in rows.items():
                e = efficiency(simulated, reference, hours)
                table.append((name, e[outlet], np.quantile(e, 0.05), np.median(e)))
    for hours, table in rows.items():
        for name, at_outlet, low, median in table:
            print(f"{hours:>2} h means, {name:<28} outlet {at_outlet:.5f}  5 % {low:.5f}  median {median:.5f}")
    finer_is_better = all(b[k] >= a[k] for table in rows.values() for a, b in zip(table, table[1:]) for k in (2, 3))
    return 0 if finer_is_better and rows[24][2][3] >= 0.9995 else 1


if __name__ == "__main__":
    sys.exit(main())
