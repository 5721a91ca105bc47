# tools/import_rapid: RAPID's files of a small basin made here become domain files, value by value; routed, they give
# the flows that the method page states for this tree (method, 5.4); files that disagree are told in one line.
# timeout: 120
# one process
import os
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_network_test import accepted, refused

IDS, DOWN = [70, 20, 5, 40, 900], [5, 5, 900, 900, 0]  # 70, 20 -> 5; 5, 40 -> 900
CONNECTIVITY = "70,5,0,0,0\n20,5,0,0,0\n5,900,2,70,20\n40,900,0,0,0\n900,0,2,5,40\n"


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def write_inflow(path, volumes, ids, first_s, units="m3", step_s=900):
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", len(volumes))
        file.createDimension("rivid", len(ids))
        file.createVariable("rivid", "i4", ("rivid",))[:] = ids
        file.createVariable("time", "i4", ("time",))[:] = first_s + step_s * np.arange(len(volumes))
        file["time"].units = "seconds since 1970-01-01 00:00:00+00:00"
        file.createVariable("m3_riv", "f4", ("time", "rivid"), fill_value=-9999.0)[:] = volumes
        file["m3_riv"].units = units
    return path


def variables(path):
    with netCDF4.Dataset(path) as file:
        return {name: np.asarray(v[:]) for name, v in file.variables.items()}, file.import_report


def route(folder):
    config = write(f"{folder}/route.yaml", f"""
name: rapid
precision: double
data_sources: {{network: {folder}/network.nc, lateral_inflow: {folder}/lateral_inflow.nc}}
routing: {{scheme: muskingum, dt_s: 900, initial_state: zero}}
output: {{folder: {folder}/output, discharge: all, interval_h: 0.25}}
""")
    done = subprocess.run([os.environ["DPL_HPC"], "route", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    run = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1]
    with netCDF4.Dataset(f"{run}/discharge.nc") as file:
        return dict(zip(file["reach_id"][:].tolist(), np.asarray(file["discharge"][:])))


def main():
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: f"{folder}/{name}"
        table = write(at("rapid_connect.csv"), CONNECTIVITY)
        k, x = write(at("k.csv"), "9000\n" * 5), write(at("x.csv"), "0.25\n" * 5)
        pulse = np.zeros((96, 6))
        pulse[0] = 9000  # m3 in 900 s: 10 m3/s
        inflow = write_inflow(at("m3_riv.nc"), pulse, [900, 1, 40, 70, 5, 20], 0)  # other order, one reach too many
        out = ("--output", at("domain"))
        said = accepted("import_rapid", table, "--k", k, "--x", x, "--inflow", inflow, *out)
        assert "lengths made from k" in said and "slopes made" in said, said
        network, report = variables(at("domain/network.nc"))
        assert network["reach_id"].tolist() == IDS and network["downstream_id"].tolist() == DOWN
        np.testing.assert_array_equal(network["muskingum_k"], [9000] * 5)
        np.testing.assert_array_equal(network["muskingum_x"], [0.25] * 5)
        np.testing.assert_allclose(network["length"], [2500] * 5)  # 9000 s at 1 km/h
        assert "outlets: 1" in report, report
        flow = route(at("domain"))
        np.testing.assert_allclose(flow[900][[0, 1, 2, 10]], [0, 0.78125, 0.87890625, 1.70174617], rtol=1e-8)

        # k and x in the order of the basin's ids; a reach that drains out of the basin; two files, starting late
        basin = write(at("riv_bas_id.csv"), "20\n5\n70\n")
        values = write(at("k3.csv"), "200\n50\n700\n"), write(at("x3.csv"), "0.2\n0.05\n0.3,\n")
        halves = [write_inflow(at(f"half{i}.nc"), np.full((8, 3), 3600.0 * (i + 1)), [5, 20, 70], 7200 * (1 + 4 * i),
                               step_s=3600)
                  for i in range(2)]
        small = ("import_rapid", table, "--k", values[0], "--x", values[1], "--basin-ids", basin, "--inflow")
        refused("starts at 1970-01-01 02:00:00, but", *small, halves[0], *out)
        gap = write_inflow(at("gap.nc"), np.full((8, 3), 7200.0), [70, 5, 20], 7200 + 9 * 3600, step_s=3600)
        refused("its 16 times have steps of 3600, 7200 s", *small, halves[0], gap, *out)
        accepted(*small, *halves, "--midnight", "fill", "--fill-last-day", "--length", values[0], "--slope", "0.01",
                 *out)
        network, report = variables(at("domain/network.nc"))
        assert network["reach_id"].tolist() == [20, 5, 70] and network["downstream_id"].tolist() == [5, 0, 5]
        assert network["muskingum_k"].tolist() == network["length"].tolist() == [200, 50, 700]
        assert network["slope"].tolist() == [0.01] * 3 and "reaches that drain out of the basin: 1" in report
        lateral, report = variables(at("domain/lateral_inflow.nc"))
        np.testing.assert_array_equal(lateral["q_lateral"], np.repeat([1.0, 2.0], [10, 14])[:, None] * np.ones(3))
        assert "inflow steps made at the start: 2" in report and "inflow steps made at the end: 6" in report, report
        accepted(*small, *halves, "--midnight", "shift", "--skip-steps", "1", *out)
        lateral, report = variables(at("domain/lateral_inflow.nc"))
        assert len(lateral["time"]) == 15 and "clock moved back, s: 10800" in report, report

        # what cannot be right
        plain = ("import_rapid", table, "--k", k, "--x", x)
        bad = write_inflow(at("bad.nc"), np.where(np.arange(96)[:, None] == 7, -1.0, pulse[:, :5]), IDS, 0)
        os.remove(at("domain/lateral_inflow.nc"))
        refused("at reach 70, step 7 (5 values)", *plain, "--inflow", bad, *out)
        assert not os.path.exists(at("domain/lateral_inflow.nc")), "half a file under the right name"
        assert not os.path.exists(at("domain/lateral_inflow.nc.partial"))
        said = accepted(*plain, "--inflow", bad, "--bad-inflow", "zero", *out)
        assert "inflow values missing or negative" in said, said
        refused("2 of 5 reaches have no row there: 40, 900", *plain, "--inflow",
                write_inflow(at("bad.nc"), pulse[:, :3], [70, 20, 5], 0), *out)
        refused("units 'acre'", *plain, "--inflow", write_inflow(at("bad.nc"), pulse[:, :5], IDS, 0, "acre"), *out)
        refused("3 values of k, but", *plain[:2], "--k", values[0], "--x", x, *out)
        refused("x is 0.7 at reach 5 (1 reaches)", *plain[:4], "--x", write(at("x5.csv"), "0\n0.5\n0.7\n0.1\n0.2\n"),
                *out)
        refused("line 2 is 'fast'", *plain[:2], "--k", write(at("k5.csv"), "9000\nfast\n"), "--x", x, *out)
        wrong = lambda old, new: write(at("wrong.csv"), CONNECTIVITY.replace(old, new))
        rest = plain[2:]
        refused("reach 5 lists 40 as upstream, but 40 drains into 900", "import_rapid",
                wrong("5,900,2,70,20", "5,900,2,70,40"), *rest, *out)
        refused("reach 5 lists 8 as upstream, which has no row (1 cases)", "import_rapid",
                wrong("5,900,2,70,20", "5,900,3,70,20,8"), *rest, *out)
        refused("20 drains into 5, which does not list it", "import_rapid", wrong("5,900,2,70,20", "5,900,1,70,0"),
                *rest, *out)
        accepted("import_rapid", wrong("5,900,2,70,20", "5,900,1,70,0"), *rest, "--upstream-lists", "ignore", *out)
        refused("reach 5 has 3 upstream reaches by its third column, but 2 ids follow", "import_rapid",
                wrong("900,2,70", "900,3,70"), *rest, *out)
        refused("line 3 is '5'", "import_rapid", wrong("5,900,2,70,20", "5"), *rest, *out)
        refused("drain in a circle", "import_rapid", wrong("900,0,2,5,40", "900,5,2,5,40"), *rest, "--upstream-lists",
                "ignore", *out)


if __name__ == "__main__":
    sys.exit(main())
