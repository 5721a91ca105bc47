# tools/prepare: rows follow the walk up the rivers that the program cuts into runs; `route` gives every reach the same
# bits before and after, for both layouts, packed values and little memory; a second time nothing moves; what cannot be
# done is one line.
# timeout: 200
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin
from import_network_test import accepted, refused

CONFIG = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", "continental_twin.yaml")
SMALL = ["synth.reaches=3000", "synth.gauges=12", "synth.days=8", "synth.truth=attributes",
         "experiment.end_time=2000-01-08",
         "experiment.rho=6", "experiment.warmup=2", "test.baselines=[]", "params.tau=0", "synth.inflow_step_h=6"]
FILES = ("network", "attributes", "lateral_inflow", "observations")


def sources(folder):
    return [f"data_sources.{name}={folder}/{name}.nc" for name in FILES]


def route(folder, ranks):
    """Discharge of every reach by id, of every gauge by name, as bytes."""
    done = twin.run(ranks, "route", CONFIG, *sources(folder), *SMALL, f"params.source={folder}/parameters.nc",
                    "output.discharge=all",
                    "output.interval_h=1", f"output={folder}/output")
    assert done.returncode == 0, done.stdout + done.stderr
    with netCDF4.Dataset(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc")) as file:
        file.set_auto_mask(False)
        file.set_auto_chartostring(False)
        flows = {int(i): file["discharge"][k].tobytes() for k, i in enumerate(file["reach_id"][:])}
        return flows, {g.tobytes(): file["discharge_simulated"][k].tobytes() for k, g in enumerate(file["gauge_id"][:])}


def plain_walk(ids, below):
    """Post-order by recursion written out: the largest tree and tributary first, ties by id."""
    above = {int(i): [] for i in [0, *ids]}
    for i, b in zip(ids.tolist(), below.tolist()):
        above[b].append(i)
    size = {}

    def measure(reach):
        size[reach] = 1 + sum(measure(u) for u in above[reach])
        return size[reach]

    def visit(reach):
        for u in sorted(above[reach], key=lambda u: (-size[u], u)):
            yield from visit(u)
        yield reach
    sys.setrecursionlimit(20000)
    measure(0)
    return list(visit(0))[:-1]


def cut_edges(network, runs):
    """Reaches that drain into another of `runs` equal runs of rows."""
    run = {int(i): k * runs // len(network["reach_id"]) for k, i in enumerate(network["reach_id"])}
    return sum(b != 0 and run[i] != run[b] for i, b in zip(network["reach_id"].tolist(),
                                                           network["downstream_id"].tolist()))


def arrays(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        file.set_auto_chartostring(False)
        variables = file.variables.items()
        return {name: np.asarray(v[...]) for name, v in variables}, {name: v.chunking() for name, v in variables}


def same_rows(before, after):
    """All per-reach values of the two files by id, raw bits."""
    a, b = np.argsort(before["reach_id"]), np.argsort(after["reach_id"])
    assert before.keys() == after.keys()
    for name, values in before.items():
        if values.shape and values.shape[0] == len(a):
            assert values[a].tobytes() == after[name][b].tobytes(), name


def pack(path):
    """The inflow as packed integers, reach first, with a fill value, and one reach more than the network has."""
    with netCDF4.Dataset(path) as file:
        flow, ids, time, units = file["q_lateral"][:], file["reach_id"][:], file["time"][:], file["time"].units
        if file["q_lateral"].dimensions[0] == "time":
            flow = flow.T
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("reach", len(ids) + 1)
        file.createDimension("time", len(time))
        file.createVariable("time", "f8", ("time",))[:] = time
        file["time"].units = units
        file.createVariable("reach_id", "i8", ("reach",))[:] = [10 ** 12, *ids]
        v = file.createVariable("q_lateral", "i4", ("reach", "time"), fill_value=-1, chunksizes=(100, 7),
                                compression="zlib")
        v.setncatts({"scale_factor": 1e-4, "units": "m3 s-1"})
        v[:] = np.concatenate([flow[:1], flow])
    return len(ids)


def main():
    with tempfile.TemporaryDirectory() as folder:
        old, new = f"{folder}/old", f"{folder}/new"
        done = twin.run(2, "synth", CONFIG, *sources(old), *SMALL)
        assert done.returncode == 0, done.stdout + done.stderr
        os.rename(f"{old}/truth.nc", f"{old}/parameters.nc")
        option = lambda path, name: (f"--{name.replace('_', '-')}", f"{path}/{name}.nc")
        given = lambda path: [word for name in (*FILES, "parameters") for word in option(path, name)]
        accepted("prepare", *given(old), "--output", new)
        before, after = arrays(f"{old}/network.nc")[0], arrays(f"{new}/network.nc")[0]
        assert after["reach_id"].tolist() == plain_walk(before["reach_id"], before["downstream_id"])
        assert after["reach_id"].tolist() != before["reach_id"].tolist()
        for name in ("network", "attributes", "parameters"):
            same_rows(arrays(f"{old}/{name}.nc")[0], arrays(f"{new}/{name}.nc")[0])
            assert arrays(f"{new}/{name}.nc")[0]["reach_id"].tolist() == after["reach_id"].tolist()
        cut = {name: cut_edges(network, 4) for name, network in (("before", before), ("after", after))}
        print(f"edges between four equal runs of rows: {cut}")
        assert cut["after"] < 0.02 * cut["before"] and cut["after"] < 40, cut
        place = {int(i): k for k, i in enumerate(after["reach_id"])}
        gauges = [place[int(i)] for i in arrays(f"{new}/observations.nc")[0]["reach_id"]]
        assert gauges == sorted(gauges)
        flow = arrays(f"{old}/lateral_inflow.nc")[0]["q_lateral"]
        assert arrays(f"{new}/lateral_inflow.nc")[1]["q_lateral"] == [24, 3000], "chunks"
        whole = route(old, 1)
        assert whole == route(new, 1) and whole == route(new, 3), "discharge differs after reordering"
        assert np.frombuffer(next(iter(whole[0].values())), "f4").size and len(whole[0]) == 3000 and len(whole[1]) == 12

        # a second time nothing moves; blocks of a few steps and reaches give the same file
        accepted("prepare", *given(new), "--output", f"{folder}/again", "--memory-mib", 0.05, "--chunk-reaches", 64,
                 "--chunk-steps", 5)
        for name in (*FILES, "parameters"):
            a, b = arrays(f"{new}/{name}.nc")[0], arrays(f"{folder}/again/{name}.nc")[0]
            assert a.keys() == b.keys() and all(a[key].tobytes() == b[key].tobytes() for key in a), name
        assert arrays(f"{folder}/again/lateral_inflow.nc")[1]["q_lateral"] == [5, 64]

        # packed, reach first, a row too many; there and back
        reaches = pack(f"{old}/lateral_inflow.nc")
        packed = route(old, 1)
        said = accepted("prepare", *given(old), "--output", f"{folder}/turned", "--layout", "time-major",
                        "--memory-mib", 0.1, "--chunk-steps", 9,
                        "--chunk-reaches", 700)
        assert "lateral_inflow.nc: reaches that the network lacks" in said and "is read 3 times" in said, said
        turned = arrays(f"{folder}/turned/lateral_inflow.nc")[0]["q_lateral"]
        assert turned.dtype == np.int32 and turned.shape == (flow.shape[0] if flow.shape[1] == reaches
                                                             else flow.shape[1], reaches)
        assert packed == route(f"{folder}/turned", 2), "packed inflow differs after turning"
        accepted("prepare", *given(f"{folder}/turned"), "--output", f"{folder}/back", "--layout", "reach-major",
                 "--keep-order", "--compression", 0)
        back = arrays(f"{folder}/back/lateral_inflow.nc")[0]["q_lateral"]
        assert back.tobytes() == np.ascontiguousarray(turned.T).tobytes()
        assert packed == route(f"{folder}/back", 2), "packed inflow differs after turning back"

        refused("would be overwritten", "prepare", *given(old), "--output", old)
        few(f"{old}/attributes.nc", f"{folder}/few.nc")
        refused("1 of 3000 reaches have no row there", "prepare", "--network", f"{old}/network.nc", "--attributes",
                f"{folder}/few.nc", "--output", f"{folder}/bad")
        refused("does not exist", "prepare", "--network", f"{folder}/none.nc", "--output", f"{folder}/bad")
        refused("--chunk-steps is 0", "prepare", *given(old), "--output", f"{folder}/bad", "--chunk-steps", 0)
        assert not os.path.exists(f"{folder}/bad/attributes.nc")


def few(path, out):
    """The attributes of all reaches but one."""
    with netCDF4.Dataset(path) as source, netCDF4.Dataset(out, "w") as file:
        file.createDimension("reach", len(source.dimensions["reach"]) - 1)
        for name, v in source.variables.items():
            file.createVariable(name, v.dtype, ("reach",))[:] = v[1:]


if __name__ == "__main__":
    sys.exit(main())
