# The importers on real files of other models: RAPID's Great Britain and sandbox, imported and routed, give RAPID's
# outflow; the National Water Model's Lower Colorado holds what its files hold, and where no lake lies above, the
# routed flow is the model's own (tools/study_nwm.py).
# one process
# timeout: 200
import csv
import os
import re
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_network_test import TOOLS, accepted, refused

DATA = os.environ.get("DPL_DATA", "")
NAMES = ("rapid_uk_muskingum", "nwm_lower_colorado_tx")


def lines(path, values):
    with open(path, "w") as file:
        file.writelines(f"{value}\n" for value in values)
    return path


def great_britain(folder):
    """RAPID's three text files, written from the table in which the data set holds them."""
    import rapid_test
    data = f"{DATA}/rapid_uk_muskingum"
    with open(f"{data}/network.csv") as file:
        rows = list(csv.DictReader(file))
    upstream = {row["reach_id"]: [] for row in rows}
    for row in rows:
        if row["down_id"] in upstream:
            upstream[row["down_id"]].append(row["reach_id"])
    above = lambda row: (str(len(upstream[row["reach_id"]])), *upstream[row["reach_id"]])
    table = lines(f"{folder}/rapid_connect.csv", (",".join((r["reach_id"], r["down_id"], *above(r))) for r in rows))
    arguments = ("import_rapid", table, "--k", lines(f"{folder}/k.csv", (r["k_s"] for r in rows)), "--x",
                 lines(f"{folder}/x.csv", (r["x"] for r in rows)), "--inflow", f"{data}/inflow_and_reference.nc",
                 "--output", f"{folder}/uk")
    refused("17 downstream ids are in no row", *arguments)
    said = accepted(*arguments, "--unknown-downstream", "outlet")
    assert re.search(r"outlets +146$", said, re.M) and re.search(r"downstream ids in no row +17 ", said), said
    flow = rapid_test.route(f"{folder}/uk", 2)
    with netCDF4.Dataset(f"{data}/inflow_and_reference.nc") as file:
        ids, expected = file["reach_id"][:].tolist(), np.ma.filled(file["Qout_original"][:], np.nan)
    worst = max(np.abs(flow[i] - expected[:, k]).max() for k, i in enumerate(ids))
    print(f"Great Britain: {len(ids)} reaches, largest difference from RAPID's outflow {worst:.1e} m3/s")
    assert worst < 7e-4, worst  # as rapid_test: 6.3e-4 between two builds of RAPID


def sandbox(folder):
    import rapid_test
    data = f"{DATA}/rapid_uk_muskingum/sandbox_5_reaches"
    accepted("import_rapid", f"{data}/rapid_connect_Sandbox.csv", "--k", f"{data}/k_Sandbox.csv", "--x",
             f"{data}/x_Sandbox.csv", "--basin-ids",
             f"{data}/riv_bas_id_Sandbox.csv", "--inflow", f"{data}/Qext_Sandbox_19700101_19700110.nc4", "--output",
             f"{folder}/sandbox")
    with netCDF4.Dataset(f"{data}/Qout_Sandbox_19700101_19700110.nc4") as file:
        ids, expected = file["rivid"][:].tolist(), np.asarray(file["Qout"][:], "f8")
    with netCDF4.Dataset(f"{data}/Qinit_Sandbox_19700101_19700110.nc4") as file:
        rapid_test.write_state(f"{folder}/state.nc", file["rivid"][:], np.asarray(file["Qout"][:]).ravel())
    flow = rapid_test.route(f"{folder}/sandbox", 1, f"{folder}/state.nc")
    worst = max(np.abs(flow[i] - expected[:, k]).max() for k, i in enumerate(ids)) / expected.max()
    print(f"RAPID's sandbox: largest relative difference {worst:.1e}")
    assert worst < 1e-6, worst


def lower_colorado(folder):
    data = f"{DATA}/nwm_lower_colorado_tx"
    link = f"{data}/RouteLink.nc"
    said = accepted("import_nwm", link, "--inflow", f"{data}/chrtout_hourly.nc", "--midnight", "fill",
                    "--fill-last-day", "--observations",
                    f"{data}/usgs_15min_discharge.csv", "--output", f"{folder}/nwm")
    assert re.search(r"gauges +65 ", said) and re.search(r"reaches inside lakes +371  30 lakes", said), said
    with netCDF4.Dataset(link) as source, netCDF4.Dataset(f"{folder}/nwm/network.nc") as made:
        links, below = source["link"][:].tolist(), source["to"][:].tolist()
        assert made["reach_id"][:].tolist() == links and made["downstream_id"][:].tolist() == below
        np.testing.assert_allclose(made["length"][:], source["Length"][:])
        np.testing.assert_allclose(made["slope"][:], np.minimum(source["So"][:], 1), rtol=2e-6)
    with netCDF4.Dataset(f"{data}/chrtout_hourly.nc") as source:
        hours = (source["qBucket"][:] + source["qSfcLatRunoff"][:]).sum(1)
    with netCDF4.Dataset(f"{folder}/nwm/lateral_inflow.nc") as made:
        expected = np.concatenate([[hours[0]] * 12, hours, [hours[-1]] * 8])
        np.testing.assert_allclose(np.asarray(made["q_lateral"][:], "f8").sum(1), expected, rtol=1e-6)
    accepted("import_nwm", link, "--above", 5781369, "--output", f"{folder}/part")
    with netCDF4.Dataset(f"{folder}/part/network.nc") as part:
        ids = set(part["reach_id"][:].tolist())
        assert part["downstream_id"][:].tolist().count(0) == 1
    wanted, more = {5781369}, True
    while more:
        more = {link for link, to in zip(links, below) if to in wanted} - wanted
        wanted |= more
    print(f"above link 5781369: {len(wanted)} reaches")
    assert ids == wanted and len(wanted) > 10
    done = subprocess.run([f"{TOOLS}/with_venv", "study_nwm.py", "--output", f"{folder}/study"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(f"{folder}/study/table.md") as file:
        table = file.read()
    [free] = [line for line in table.splitlines() if line.startswith("| start from the model's flow | free |")]
    print(free)
    median, high = (float(x) for x in re.search(r"69: ([\d.]+) %, ([\d.]+) % \|$", free).groups())
    assert median < 1 and high < 3, free
    assert os.path.getsize(f"{folder}/study/nwm.png") > 20000


def main():
    missing = [name for name in NAMES if not os.path.isdir(f"{DATA}/{name}")]
    if missing:
        print(f"skipped: needs real data: {missing[0]}")
        return 77
    for check in (great_britain, sandbox, lower_colorado):
        with tempfile.TemporaryDirectory() as folder:
            check(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
